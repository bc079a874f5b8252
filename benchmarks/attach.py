"""How long a piece of a model's text takes from the daemon to whoever is attached.

    python -m benchmarks.attach

Two processes, as in life: one has the door and its socket, the other follows one session.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ml_intern.api.app import build_app
from ml_intern.api.server import ApiServer
from ml_intern.client.door import TextPiece
from ml_intern.client.remote import RemoteDoor
from ml_intern.messages import SessionId

PIECES = 200
EVERY_S = 0.02
SESSION = SessionId("s")


class Talker:
    """A door whose one session says what time it is."""

    def __init__(self) -> None:
        self._pieces: list[TextPiece] = []
        self._over = threading.Event()

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> "Talker":
        threading.Thread(target=self._talk, args=(wake,), daemon=True).start()
        return self

    def take(self) -> Sequence[TextPiece]:
        found, self._pieces = self._pieces, []
        return found

    def close(self) -> None:
        self._over.set()

    def _talk(self, wake: Callable[[], None]) -> None:
        while not self._over.wait(EVERY_S):
            self._pieces = [
                *self._pieces,
                TextPiece(session_id=SESSION, text=str(time.monotonic())),
            ]
            wake()


def text_latency_ms(pieces: int = PIECES) -> tuple[float, float]:
    """Median and 99th percentile."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        daemon = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.attach", str(path)], stdout=subprocess.PIPE
        )
        assert daemon.stdout is not None
        daemon.stdout.readline()
        try:
            found = sorted(_follow(path, pieces))
        finally:
            daemon.terminate()
            daemon.wait()
    return statistics.median(found), found[int(len(found) * 0.99)]


def _follow(path: Path, pieces: int) -> list[float]:
    rung = threading.Event()
    found: list[float] = []
    with RemoteDoor(path) as door:
        watch = door.watch(SESSION, 0, rung.set)
        while len(found) < pieces and rung.wait(10):
            rung.clear()
            now = time.monotonic()
            found += [(now - float(piece.text)) * 1000 for piece in watch.take()]
        watch.close()
    return found


def _serve(path: Path) -> None:
    ApiServer(build_app(Talker()), path).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1:]:
        _serve(Path(sys.argv[1]))
    else:
        median, worst = text_latency_ms()
        print(f"text to an attached client: {median:.1f} ms, 99 % within {worst:.1f} ms")
