"""The place that every line of a file carries: of which event it is, and which of its lines."""

import json
from dataclasses import dataclass
from datetime import datetime

from ml_intern.clock import parse_stamp
from ml_intern.transcript.line import EXTRA


@dataclass(frozen=True, order=True)
class Place:
    """The `part`-th line of the session's `seq`-th event."""

    seq: int
    part: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The last line that a file holds."""

    place: Place
    uuid: str | None
    """None on a title, which is no link of the chain."""
    at: datetime | None


def read_mark(line: bytes) -> Mark:
    """What a written line says of itself. Raises ValueError for one that is torn or not ours."""
    fields = json.loads(line)
    try:
        extra = fields[EXTRA]
        place = Place(int(extra["seq"]), int(extra.get("part", 0)))
        uuid = fields.get("uuid")
        at = None if uuid is None else parse_stamp(fields["timestamp"])
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"not a line of ours: {type(exc).__name__}: {exc}") from exc
    return Mark(place=place, uuid=uuid, at=at)
