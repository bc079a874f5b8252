"""What a written line says of itself: its place among the session's lines, and its links."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_intern.clock import parse_stamp
from ml_intern.transcript.line import EXTRA, NEW_CHAIN


@dataclass(frozen=True, order=True)
class Place:
    """The `part`-th line of the session's `seq`-th event."""

    seq: int
    part: int


START = Place(0, 0)
"""Before the first line."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One line of a file. One that is no event's bears the place of the line before it."""

    place: Place
    uuid: str | None
    """None on a title, which is no link of the chain."""
    parent: str | None
    at: datetime | None
    is_half: bool = False
    """The first of the two lines with which a chain begins anew; alone it means nothing."""


def read_mark(line: bytes) -> Mark:
    """What a written line says of itself. Raises ValueError for one that is torn or not ours."""
    fields = json.loads(line)
    try:
        extra = fields[EXTRA]
        uuid = fields.get("uuid")
        return Mark(
            place=Place(int(extra["seq"]), int(extra.get("part", 0))),
            uuid=uuid,
            parent=fields.get("parentUuid"),
            at=None if uuid is None else parse_stamp(fields["timestamp"]),
            is_half=bool(extra.get(NEW_CHAIN)) and fields.get("type") == "system",
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as exc:
        raise ValueError(f"not a line of ours: {type(exc).__name__}: {exc}") from exc


def place_fields(place: Place) -> dict[str, Any]:
    """A place as it stands on a line."""
    return {"seq": place.seq, **({"part": place.part} if place.part else {})}
