"""One thing that cannot be right in the tables, and how single values are judged.

A value may be anything that a damaged row can hold: text, number, bytes, nothing.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Select, Table, Text, cast, select
from sqlalchemy.exc import DBAPIError

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_MOST_CHARS = 200
"""Of a value or of a driver's words that a finding repeats."""

UNREADABLE = (DBAPIError, UnicodeDecodeError)
"""What a damaged database makes its driver raise; the second, where it repeats damaged words."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that cannot be right."""

    table: str
    """`file` where the database itself is damaged."""
    place: str
    """Which row, so that a person can find it."""
    words: str


def raw(table: Table) -> Select[Any]:
    """All columns of all rows, JSON as the text that stands there."""
    return select(*(_as_text(column) for column in table.c))


def _as_text(column: Column[Any]) -> Any:
    is_json = column.type.__visit_name__ == "JSON"
    return cast(column, Text).label(column.name) if is_json else column


def shown(value: Any) -> str:
    """The value as a finding repeats it."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"


def of_session(session_id: Any) -> str:
    """The place of all that belongs to one session."""
    return f"session {shown(session_id)}"


def refused(exc: DBAPIError | UnicodeDecodeError) -> str:
    """What the database said when it gave up reading."""
    return shown(f"it cannot be read: {exc.orig if isinstance(exc, DBAPIError) else exc}")


def parsed(value: Any) -> Any:
    """The JSON document that stands there; None when there is none."""
    try:
        return json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return None


def timestamps(row: Row[Any], table: Table, place: str, *names: str) -> Iterator[Finding]:
    """Times are stored in one form only."""
    for name in names:
        value = getattr(row, name)
        if not is_stamp(value):
            words = f"{name} is no time: {shown(value)}"
            yield Finding(table=table.name, place=place, words=words)


def is_stamp(value: Any) -> bool:
    """Whether it is what `clock.stamp` writes."""
    if not isinstance(value, str) or not _STAMP.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def numbers(row: Row[Any], table: Table, place: str, *names: str) -> Iterator[Finding]:
    """Whole numbers from 0."""
    for name in names:
        value = getattr(row, name)
        if not isinstance(value, int) or value < 0:
            words = f"{name} is no number that counts: {shown(value)}"
            yield Finding(table=table.name, place=place, words=words)


def one_of(
    row: Row[Any], table: Table, place: str, name: str, allowed: Iterable[str]
) -> Iterator[Finding]:
    """States that there are."""
    value = getattr(row, name)
    if value not in tuple(allowed):
        words = f"{name} is {shown(value)}, which there is not"
        yield Finding(table=table.name, place=place, words=words)


def compared(
    row: Row[Any], table: Table, place: str, expected: object, names: Iterable[str]
) -> Iterator[Finding]:
    """The row against what the journal says; None: the journal knows nothing of it."""
    if expected is None:
        words = "the journal knows nothing of this row"
        yield Finding(table=table.name, place=place, words=words)
        return
    for name in names:
        stands, should = getattr(row, name), getattr(expected, name)
        if stands != should:
            words = f"{name} is {shown(stands)}; by the journal it is {shown(should)}"
            yield Finding(table=table.name, place=place, words=words)
