"""How often a service is asked: never sooner after the last time than it wants."""

import threading

from ml_intern.clock import Clock


class Pace:
    """Of one service, for all threads. Who comes first goes first."""

    def __init__(self, interval_s: float, clock: Clock) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._lock = threading.Lock()  # protects the field below
        self._next_at = 0.0

    def turn(self, cancelled: threading.Event) -> bool:
        """Wait for a turn, and take it; false at once when it is not wanted any more."""
        with self._lock:
            at = max(self._next_at, self._clock.monotonic())
            self._next_at = at + self._interval_s
        wait_s = at - self._clock.monotonic()
        return not (self._clock.wait(cancelled, wait_s) if wait_s > 0 else cancelled.is_set())

    def leave_alone(self, seconds: float) -> None:
        """Nobody has a turn before so long has passed."""
        with self._lock:
            self._next_at = max(self._next_at, self._clock.monotonic() + seconds)

    def wait_s(self) -> float:
        """Seconds until the next turn; 0.0: now."""
        with self._lock:
            return max(0.0, self._next_at - self._clock.monotonic())
