"""A session of another program, as the values that lines are made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ml_intern.transcript.line import Body, JsonObject


@dataclass(frozen=True, kw_only=True)
class Saying:
    """One line to be written."""

    body: Body
    at: datetime | None = None
    """None: the source does not say."""
    extra: JsonObject = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One session, in the order in which things were said."""

    session_id: str
    """As the source names it; not always a UUID."""
    title: str
    began: datetime | None
    ended: datetime | None = None
    """What it says of the whole session; None: nothing."""
    sayings: Iterable[Saying]
    """Can be gone through again and again; raises OSError."""
