"""Values out of what a service answered: of another type than they should be, they count as unsaid.

Nothing from outside is trusted to be short, either.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.papers.identify import PaperId, arxiv_id, doi_id
from ml_intern.web import Page

MOST_ABSTRACT_CHARS = 8_000
MOST_NAME_CHARS = 400
MOST_ENTRIES = 1_000
_MOST = 10**12
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def text(value: Any, most_chars: int = MOST_NAME_CHARS) -> str:
    """On one line; empty for what is none."""
    if not isinstance(value, str):
        return ""
    said = " ".join(value[: 2 * most_chars].split())[:most_chars]
    # One half of a pair of surrogates is no character.
    return said if said.isascii() else said.encode("utf-8", "replace").decode()


def number(value: Any) -> int | None:
    """A count; None for what is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return value if is_count else None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """A list of JSON, as far as anybody reads it; an empty one for anything else."""
    return value[:MOST_ENTRIES] if isinstance(value, list) else []


def day(value: Any) -> str:
    """The day of a date or time as JSON has it, `2023-05-23`; empty where it is none."""
    found = _DAY.match(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[0]).isoformat() if found else ""
    except ValueError:
        return ""


def address(value: Any) -> str:
    """An address that people can follow; empty for anything else."""
    said = text(value, 1_000)
    return said if re.fullmatch(r"https?://[^\s\"<>]+", said) else ""


def arxiv(value: Any) -> str:
    """An arXiv id, without a version; empty for anything else."""
    found = _id(arxiv_id, value)
    return found.arxiv if found else ""


def doi(value: Any) -> PaperId:
    """What a DOI names: a paper of arXiv's own, or any other; neither for anything else."""
    return _id(doi_id, value) or PaperId()


def _id(read: Callable[[str], PaperId | None], value: Any) -> PaperId | None:
    try:
        return read(text(value))
    except InputError:  # one that cannot be
        return None


def document(page: Page) -> Mapping[str, Any]:
    """The answer, which has to be an object of JSON. Raises OutsideError for anything else."""
    found = page.json()
    if not isinstance(found, dict):
        raise not_as_expected(page, "an object")
    return found


def not_as_expected(page: Page, expected: str) -> OutsideError:
    """For an answer that is JSON, but of another form than the service's."""
    return OutsideError(f"{page.url} did not answer with {expected}.", trouble="broken")
