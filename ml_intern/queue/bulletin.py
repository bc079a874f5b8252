"""What the processes at one PostgreSQL database tell each other: that there is something to see.

A hint and no more: whoever misses one finds out by looking. Telling goes beside the transactions,
since a NOTIFY inside of one makes all commits of the server wait for each other.
"""

import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any, get_args

import psycopg

from ml_intern.queue.address import PROGRAM
from ml_intern.queue.database import Told

log = logging.getLogger(__name__)

AGAIN_S = 1.0
GATHER_S = 0.01
"""What comes within that time is told once."""
DEAD_S = 30.0
"""A server that does not answer for so long is gone."""

MANNERS: dict[str, Any] = {
    "application_name": PROGRAM,
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": round(DEAD_S * 1000),
}
"""How we connect: so that a server that went without a word is noticed."""

_CHANNEL = "ml_intern"
_KNOWN: dict[str, Told] = {told: told for told in get_args(Told)}


class Bulletin:
    """One thread that tells and one that listens. `tell` is safe from any thread."""

    def __init__(self, address: str, closed: threading.Event) -> None:
        """`closed`: set it, then `join`, and both threads end."""
        self._address = address
        self._closed = closed
        self._new = threading.Event()
        self._lock = threading.Lock()  # protects `_untold`
        self._untold: set[Told] = set()
        self._own: int | None = None
        """Of the server's processes, the one that tells for us."""
        self._threads: list[threading.Thread] = []
        # The listener waits for its connection and for the end of these at the same time.
        self._stay, self._leave = socket.socketpair()

    def start(self, heard: Callable[[Told], None]) -> None:
        """Begin; `heard` is called with what others tell."""
        for name, act in (("store-teller", self._tell), ("store-listener", self._listen)):
            thread = threading.Thread(target=self._keep, args=(act, heard), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """End both, and wait for that."""
        self._new.set()
        self._stay.close()
        for thread in self._threads:
            thread.join()
        self._leave.close()

    def tell(self, told: Told) -> None:
        """Soon, and once for all who tell the same at about the same time."""
        with self._lock:
            self._untold.add(told)
        self._new.set()

    def _keep(
        self,
        act: Callable[[psycopg.Connection, Callable[[Told], None]], None],
        heard: Callable[[Told], None],
    ) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True, **MANNERS) as connection:
                    act(connection, heard)
            except psycopg.Error as exc:
                log.warning("bulletin_broke", extra={"error": str(exc)})
                self._closed.wait(AGAIN_S)

    def _tell(self, connection: psycopg.Connection, _heard: Callable[[Told], None]) -> None:
        self._own = connection.info.backend_pid
        while not self._closed.is_set():
            self._new.wait()
            self._new.clear()
            with self._lock:
                untold, self._untold = self._untold, set()
            for told in untold:
                connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, told))
            self._closed.wait(GATHER_S)

    def _listen(self, connection: psycopg.Connection, heard: Callable[[Told], None]) -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        with selectors.DefaultSelector() as either:
            either.register(connection, selectors.EVENT_READ)
            either.register(self._leave, selectors.EVENT_READ)
            while not self._closed.is_set():
                for notice in connection.notifies(timeout=0):
                    if notice.pid != self._own:
                        heard(_KNOWN.get(notice.payload, "work"))
                either.select()
