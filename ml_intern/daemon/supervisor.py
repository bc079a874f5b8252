"""The threads that read beside the work: each is started again when it breaks.

A reader is a function that returns when its stop event is set. One that raises is logged, and runs
again after a pause that grows with each failure in a row.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ml_intern.clock import Clock

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0
"""After running so long, a failure counts as the first one."""

Reader = Callable[[threading.Event], None]


@dataclass(frozen=True, kw_only=True)
class _Supervised:
    name: str
    thread: threading.Thread


class Supervisor:
    """Readers of one process. Belongs to one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stop = threading.Event()
        self._readers: list[_Supervised] = []

    def start(self, name: str, run: Reader) -> None:
        """Run `run` in a thread of this name until `stop`."""
        thread = threading.Thread(target=self._keep, args=(name, run), name=name, daemon=True)
        thread.start()
        self._readers.append(_Supervised(name=name, thread=thread))

    def stop(self, within_s: float) -> bool:
        """Tell all to end and wait for them; true when all have ended."""
        self._stop.set()
        deadline = self._clock.monotonic() + within_s
        for reader in self._readers:
            reader.thread.join(max(0.0, deadline - self._clock.monotonic()))
        return not any(reader.thread.is_alive() for reader in self._readers)

    def _keep(self, name: str, run: Reader) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            began = self._clock.monotonic()
            try:
                run(self._stop)
            except Exception:  # the border around a reader
                log.exception("reader_broke", extra={"reader": name})
            if self._clock.monotonic() - began > STEADY_S:
                pause_s = FIRST_PAUSE_S
            if self._clock.wait(self._stop, pause_s):
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
