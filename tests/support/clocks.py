"""Clocks for tests in which nobody wants to wait."""

import threading
from datetime import datetime, timedelta

from ml_intern.clock import SystemClock


class SwiftClock(SystemClock):
    """Time passes as everywhere, and at once where somebody waits."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.skipped_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped_s

    def boottime(self) -> float:
        return super().boottime() + self.skipped_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if not event.is_set():
            self.skipped_s += timeout_s
        return event.is_set()


class LeapClock(SystemClock):
    """The machine's own time, which a test may put forward."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def leap(self, seconds: float) -> None:
        self._ahead_s += seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead_s)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead_s

    def boottime(self) -> float:
        return super().boottime() + self._ahead_s
