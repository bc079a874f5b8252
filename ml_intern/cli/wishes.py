"""What signals have asked for. The handlers only count; the work looks between two steps.

Ctrl-C (SIGINT): stop the session; a second one: leave at once. SIGTERM, and SIGHUP when the
terminal goes away: leave the session as it stands, jobs go on.
"""

import signal
from types import FrameType
from typing import Self

_LEAVE = (signal.SIGTERM, signal.SIGHUP)


class Wishes:
    """Installed as a context, from the main thread only."""

    def __init__(self) -> None:
        self.stops = 0
        """How often Ctrl-C was pressed."""
        self.leaves = 0
        self._before: dict[signal.Signals, object] = {}

    @property
    def any(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.stops or self.leaves)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, *_LEAVE):
            # `nohup` has SIGHUP ignored, and means it.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what `signal` gave us

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self.stops += 1
        else:
            self.leaves += 1
