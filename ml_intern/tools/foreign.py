"""Values of an answer from outside, whatever it holds: what fits, cut; else nothing."""

from collections.abc import Iterable
from typing import Any


def mapping(value: object) -> dict[str, Any]:
    """The object that it is; empty for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The list that it is; empty for anything else."""
    return value if isinstance(value, list) else []


def text(value: object, most: int = 200) -> str:
    """The text that it is, cut; empty for anything else."""
    found = value if isinstance(value, str) else ""
    return found if len(found) <= most else f"{found[: most - 1]}…"


def texts(value: object, most: int = 20) -> list[str]:
    """The texts in it, at most so many; of a single text a list of one."""
    given = [value] if isinstance(value, str) else items(value)
    found = (each for each in given if isinstance(each, str) and each)
    return [text(each) for each, _ in zip(found, range(most), strict=False)]


def number(value: object) -> int | None:
    """The count that it is; None for anything else, also below zero."""
    return value if isinstance(value, int) and value >= 0 and not isinstance(value, bool) else None


def said(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """As an object, without what says nothing: None, an empty text, list or object."""
    return {name: value for name, value in pairs if value not in (None, "", [], {})}
