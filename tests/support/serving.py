"""A door behind a real socket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from ml_intern.api.app import build_app
from ml_intern.api.bounds import Bounds
from ml_intern.api.server import ApiServer
from ml_intern.client.door import Door, Watch
from tests.support.waiting import wait_until


@contextmanager
def served(door: Door, socket_path: Path, **bounds: Any) -> Iterator[Path]:
    """Serve `door` at this path, within these bounds."""
    within = Bounds(**bounds)
    server = ApiServer(build_app(door, within), socket_path, within)
    server.start()
    try:
        yield socket_path
    finally:
        server.stop()


class Follower:
    """Takes whenever it is woken, and remembers."""

    def __init__(self, open_watch: Callable[[Callable[[], None]], Watch]) -> None:
        self.rung = Event()
        self.heard: list[Any] = []
        self.watch = open_watch(self.rung.set)

    def until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """All that was heard, once `enough` is true of it."""

        def look() -> bool:
            # A wake that is missed would be a fault of the watch: nothing is taken without one.
            if self.rung.wait(0.05):
                self.rung.clear()
                self.heard += self.watch.take()
            return enough(self.heard)

        wait_until(look)
        return self.heard
