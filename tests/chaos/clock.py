"""A wall clock that somebody sets, again and again; the monotonic one goes its way."""

import itertools
from datetime import datetime, timedelta

from ml_intern.clock import SystemClock

EACH_S = 0.5


class JumpingClock(SystemClock):
    """Wall time is off by one of these amounts, another one every half second."""

    def __init__(self, jumps_s: tuple[float, ...]) -> None:
        self._jumps = itertools.cycle(jumps_s)
        self._off_s = 0.0
        self._next = self.monotonic()

    def now(self) -> datetime:
        if self.monotonic() >= self._next:
            self._next = self.monotonic() + EACH_S
            self._off_s = next(self._jumps)
        return super().now() + timedelta(seconds=self._off_s)
