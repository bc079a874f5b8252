"""Time, ids and waiting, in one place so that tests own them.

Wall time is always UTC. Durations come from `monotonic`, never from the difference of two wall
times.
"""

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the product may know about time and chance."""

    def now(self) -> datetime:
        """Wall time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def boottime(self) -> float:
        """As `monotonic`, from another start; also counts while the machine sleeps."""
        ...

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for `event` at most `timeout_s` seconds; true when it is set."""
        ...

    def new_id(self) -> str:
        """A random UUID (RFC 9562, version 4) as text."""
        ...


class SystemClock:
    """The machine's own time and randomness."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(timeout_s)

    def new_id(self) -> str:
        return str(uuid.uuid4())


def stamp(moment: datetime) -> str:
    """`moment` as `2026-01-31T23:59:59.123Z`, the only text form of time that we store."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


def parse_stamp(text: str) -> datetime:
    """The inverse of `stamp`. Raises ValueError for any other form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
