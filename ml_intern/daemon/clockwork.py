"""What is done because time has passed: a list of chores, every few seconds.

APScheduler is the clock and nothing more: its jobs are in memory, and what is due stands in the
tables, so that nothing is missed while no daemon runs and nothing is done twice where several do.
A chore that fails is logged, and tried again in the next round.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)

EVERY_S = 5.0

Chore = Callable[[], None]
"""Does all of one kind that is due now. Called in one thread, never beside another chore."""


class Clockwork:
    """The chores of one process. `start` and `stop` are called by one thread, once."""

    def __init__(self, chores: Sequence[Chore], every_s: float = EVERY_S) -> None:
        self._chores = tuple(chores)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={
                "default": ThreadPoolExecutor(1, pool_kwargs={"thread_name_prefix": "clockwork"})
            },
        )
        self._scheduler.add_job(
            self.round,
            "interval",
            seconds=every_s,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    def start(self) -> None:
        """Begin; the first round comes after one interval."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no further round, and wait for the one that goes on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def round(self) -> None:
        """Every chore, once."""
        for chore in self._chores:
            try:
                chore()
            except Exception:  # the border around one chore
                log.exception("chore_broke", extra={"chore": type(chore).__name__})
