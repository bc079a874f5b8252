"""The JSON answer of a tool as lines that a person reads in a terminal. Pure.

Texts of several lines stand as such, short things stand in one line, nothing is left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_intern.cli.quantities import UNKNOWN, line, shown

_WIDEST_NAME = 24
_LONGEST_ROW = 100
"""Characters of what stands in one line beside its name, other than a text."""


def readable(answer: str) -> str:
    """A JSON object in lines; any other text as it is, without what a terminal would obey."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return shown(answer)
    return "\n".join(_named(found, 0)) if isinstance(found, dict) else shown(answer)


def _named(found: Mapping[str, Any], indent: int) -> Iterator[str]:
    names = {name: line(name, 60) for name in found}
    width = min(max(map(len, names.values()), default=0), _WIDEST_NAME)
    for name, value in found.items():
        yield from _entry(f"{' ' * indent}{names[name]:<{width}}  ", value, indent + 2)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    """One value: beside `head` where it is short, else below it."""
    if (row := _row(value)) is not None:
        yield f"{head}{row}".rstrip()
        return
    yield head.rstrip()
    if isinstance(value, dict):
        yield from _named(value, indent)
    elif isinstance(value, list):
        for each in value:
            yield from _item(each, indent)
    else:
        yield from (f"{' ' * indent}{each}".rstrip() for each in shown(value).split("\n"))


def _item(value: Any, indent: int) -> Iterator[str]:
    """One of a list: what belongs to it stands below its first line, to the right of the dash."""
    if isinstance(value, dict) and _row(value) is None:
        first, *rest = _named(value, indent + 2)
        yield f"{' ' * indent}- {first.lstrip()}"
        yield from rest
    else:
        yield from _entry(f"{' ' * indent}- ", value, indent + 2)


def _row(value: Any) -> str | None:
    """In one line; None for what needs several."""
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case str():
            return None if "\n" in value else shown(value)
        case list() | dict() if not value:
            return "none"
        case list():
            return _joined(list(map(_row, value)), value)
        case dict():
            rows = [(line(name, 60), _row(each)) for name, each in value.items()]
            told = [None if row is None else f"{name} {row}" for name, row in rows]
            return _joined(told, list(value.values()))
        case _:
            return str(value)


def _joined(rows: list[str | None], values: Sequence[Any]) -> str | None:
    """Few and plain things side by side."""
    if any(row is None for row in rows) or any(isinstance(each, list | dict) for each in values):
        return None
    joined = ", ".join(row for row in rows if row is not None)
    return joined if len(joined) <= _LONGEST_ROW else None
