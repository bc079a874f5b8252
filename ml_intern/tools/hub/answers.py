"""Values of an answer from outside, whatever it holds: what fits, cut; else nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ml_intern.tools.protocol import ToolOutcome, succeed
from ml_intern.tools.untrusted import cleaned


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
    """Without what says nothing."""
    return {name: value for name, value in pairs if value not in (None, "", [], {})}


def size_words(size_bytes: int) -> str:
    """For people: 1.4 GB."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def answered(document: Mapping[str, Any], *sources: str, hidden: int = 0) -> ToolOutcome:
    """The document as an answer that was read from `sources`, `hidden` characters left out.

    Every text is cleaned by itself: an HTML comment that is never closed in one of them would else
    take all that follows it away.
    """
    found = [hidden]
    told = {name: _clean(value, found) for name, value in document.items()}
    if total := sum(found):
        told["hidden"] = f"{total:,} invisible characters were taken out"
    return replace(succeed(told), sources=sources)


def _clean(value: Any, hidden: list[int]) -> Any:
    match value:
        case str():
            found = cleaned(value)
            hidden.append(found.hidden)
            return found.text
        case list():
            return [_clean(each, hidden) for each in value]
        case dict():
            return {
                _clean(name, hidden) if isinstance(name, str) else name: _clean(each, hidden)
                for name, each in value.items()
            }
        case _:
            return value
