"""What goes wrong on demand, method by method, in the order in which it was asked for."""

import threading
from dataclasses import dataclass
from typing import Literal

from tests.support.slack.refusals import Refused, too_fast

HANG_UP_BEFORE, HANG_UP_AFTER = "before", "after"
When = Literal["before", "after"]


@dataclass
class Fault:
    """One thing that happens to a call; `times` counts down."""

    method: str
    """A method, or `*` for any."""
    times: int
    refusal: Refused | None = None
    html: int | None = None
    """A status with a page instead of JSON, as a gateway gives."""
    wait_s: float = 0.0
    mute: bool = False
    """Hang up after `wait_s` without having done or said anything."""
    hang_up: When | None = None


class Faults:
    """Its lock guards the list."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def take(self, method: str) -> Fault | None:
        with self._lock:
            for fault in self._planned:
                if fault.method in (method, "*"):
                    fault.times -= 1
                    if not fault.times:
                        self._planned.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()


def refusal_of(
    status: int | None, error: str | None, retry_after: int | None
) -> tuple[Refused | None, int | None]:
    """The refusal, or the status of a page that is not JSON."""
    if retry_after is not None:
        return too_fast(retry_after), None
    if error is not None:
        return Refused(error, status=status or 200), None
    return None, status or 500
