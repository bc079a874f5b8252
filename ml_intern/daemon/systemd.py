"""What passes between the daemon and systemd: readiness, status, the watchdog, where the log goes.

Everything here is harmless where there is no systemd: without `$NOTIFY_SOCKET` a `Notifier` says
nothing, without `$WATCHDOG_USEC` there is no watchdog to feed. A systemd that does not listen never
stops the daemon; that it does not is written to the log once. Safe from any thread.

The watchdog is to be fed only while the work goes on, not because some thread is still there: the
loops beat (`Heartbeat.beat`), and whoever feeds asks `late` first.
"""

import logging
import os
import socket
import threading
from collections.abc import Mapping

from ml_intern.clock import Clock

log = logging.getLogger(__name__)

SEND_PATIENCE_S = 1.0
"""A systemd that does not empty its queue must not hold up the loop that reports to it."""


class Notifier:
    """Tells systemd how the service is, one datagram for each word (`sd_notify(3)`)."""

    def __init__(self, address: str | None) -> None:
        """`address`: that of `$NOTIFY_SOCKET`; None: there is nobody to tell."""
        self._address = address
        self._lock = threading.Lock()  # protects _failed
        self._failed = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Notifier":
        """The notifier of a process with this environment."""
        return cls(environment.get("NOTIFY_SOCKET") or None)

    def ready(self) -> None:
        """`systemctl start` returns now."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """The service has begun to stop."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """Starting or stopping may take so long from now on; more than the unit grants."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, words: str) -> None:
        if self._address is None:
            return
        try:
            _send_datagram(self._address, words.encode())
        except (OSError, ValueError) as exc:  # ValueError: an address that cannot be one
            self._complain(exc)

    def _complain(self, error: Exception) -> None:
        with self._lock:
            is_first, self._failed = not self._failed, True
        if is_first:
            log.warning("systemd_not_told", extra={"socket": self._address, "error": str(error)})


def _send_datagram(address: str, data: bytes) -> None:
    target = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(SEND_PATIENCE_S)
        sender.sendto(data, target)


def watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    """How often to feed the watchdog: twice in the time that it grants. None: it is off."""
    meant_for = environment.get("WATCHDOG_PID")
    if meant_for is not None and meant_for != str(os.getpid()):
        return None
    granted = environment.get("WATCHDOG_USEC", "")
    if not granted.isdecimal() or int(granted) == 0:
        return None
    return int(granted) / 2 / 1_000_000


def runs_under_systemd(environment: Mapping[str, str]) -> bool:
    """Whether systemd started this very process as a service; not a descendant of one, as a shell
    in a graphical session is.
    """
    return environment.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def journal_stream(environment: Mapping[str, str]) -> bool:
    """Whether what is written to standard error goes straight into the journal."""
    try:
        found = os.fstat(2)
    except OSError:  # closed
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class Heartbeat:
    """Which loops have not turned for too long. Time is that of `clock.monotonic`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # protects _within_s and _beats
        self._within_s: dict[str, float] = {}
        self._beats: dict[str, float] = {}

    def expect(self, name: str, *, within_s: float) -> None:
        """From now on this loop is to beat at least so often."""
        with self._lock:
            self._within_s[name] = within_s
            self._beats[name] = self._clock.monotonic()

    def beat(self, name: str) -> None:
        """The loop has come round once more. One that nobody expects is passed over."""
        now = self._clock.monotonic()
        with self._lock:
            if name in self._within_s:
                self._beats[name] = now

    def late(self, now: float) -> list[str]:
        """The loops whose last beat is longer ago than they may take, by name."""
        with self._lock:
            return sorted(
                name
                for name, within_s in self._within_s.items()
                if now - self._beats[name] > within_s
            )
