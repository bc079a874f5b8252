"""Whoever is refused again and again fills neither the journal nor their own screen."""

from ml_intern.clock import SystemClock
from ml_intern.slack.access import HOUR_S, MOST_REFUSALS, Refusals


class SteppedClock(SystemClock):
    """Time stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time


def test_the_first_refusals_of_an_hour_are_told_and_the_rest_is_counted() -> None:
    clock = SteppedClock()
    refusals = Refusals(clock)
    assert [refusals.take("U1") for _ in range(MOST_REFUSALS)] == [0] * MOST_REFUSALS
    assert [refusals.take("U1") for _ in range(3)] == [None] * 3
    assert refusals.take("U2") == 0, "another person has an hour of their own"
    clock.time += HOUR_S
    assert refusals.take("U1") == 3
    assert refusals.take("U1") == 0
