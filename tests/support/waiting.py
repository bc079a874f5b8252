"""Waiting for a fact, never for a time."""

import time
from collections.abc import Callable


def wait_until(fact: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return when `fact()` is true; fail when it is not within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not fact():
        assert time.monotonic() < deadline, f"{fact} did not come true in {timeout_s} s"
        time.sleep(0.01)
