"""Takes out of the store what nobody needs any more: mail that was dealt with days ago."""

from datetime import timedelta

from ml_intern.clock import Clock
from ml_intern.queue.store import Store

KEEP = timedelta(days=7)
"""Slack repeats for minutes, and what was missed is looked for a day back."""
EVERY_S = 3600.0


class Sweeping:
    """A chore of the clockwork."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._due = clock.monotonic()

    def __call__(self) -> None:
        """Sweep, if it is an hour since the last time."""
        if self._clock.monotonic() < self._due:
            return
        while self._store.mail.prune(self._clock.now() - KEEP):
            pass
        self._due = self._clock.monotonic() + EVERY_S
