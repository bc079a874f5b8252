"""What a provider says in an error, found in whatever body it comes in. Pure.

Only named fields are read: some servers send the request back in their errors, and what people
said in it is not what the provider said about it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_PAGE = re.compile(r"<!doctype html|<html", re.IGNORECASE)
_MARKS = ("code", "type", "param", "status", "reason")
_DEEPEST = 3
"""Of errors that carry another server's error."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """The words of a provider, and what it adds for programs."""

    words: str = ""
    """One line, for people as well. Empty: it said nothing, or sent a web page."""
    marks: str = ""
    """Codes, types, parameters and sizes, with spaces between."""

    @property
    def whole(self) -> str:
        return f"{self.words} {self.marks}".strip()


def said_in(text: str) -> Said:
    """Of a body: JSON in any of the forms that are in use, or plain text."""
    if _PAGE.search(text):
        return Said()
    with suppress(ValueError, RecursionError):  # no JSON: plain text
        found = said_by(json.loads(text))
        if found.words:
            return found
    return Said(words=_line(text))


def said_by(body: Any, depth: int = 0) -> Said:
    """Of a body that has been read: `error.message`, `error`, `message` or `detail`."""
    if isinstance(body, list):  # Gemini answers a stream with a list of one
        body = body[0] if body else {}
    if not isinstance(body, Mapping):
        return Said()
    error = body.get("error") or body
    if not isinstance(error, Mapping):
        # xAI: {"code": words, "error": words}
        return Said(words=_line(str(error)), marks=_line(" ".join(_marks(body))))
    words = _words(error)
    marks = list(dict.fromkeys([*_marks(error), *_marks(body)]))
    inner = _inner(error, depth)
    if inner.words:
        words, marks = f"{words}: {inner.words}", [*marks, inner.marks]
    code = error.get("code") or error.get("type")
    shown = f"{words} ({code})" if words and code else words
    return Said(words=_line(shown), marks=_line(" ".join(marks)))


def _words(error: Mapping[str, Any]) -> str:
    found = error.get("message") or error.get("detail") or ""
    if isinstance(found, list):  # FastAPI: which field, and what is wrong with it
        return "; ".join(_of_a_field(each) for each in found if isinstance(each, Mapping))
    return str(found)


def _of_a_field(found: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in found.get("loc") or () if part != "body")
    return f"{place}: {found.get('msg', '')}"


def _marks(error: Mapping[str, Any]) -> Iterator[str]:
    for name in _MARKS:
        if isinstance(found := error.get(name), str | int):
            yield str(found)
    if isinstance(size := error.get("n_ctx"), int):
        yield f"n_ctx={size}"


def _inner(error: Mapping[str, Any], depth: int) -> Said:
    """What the server behind a gateway said: OpenRouter hands it on as text."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if depth >= _DEEPEST or not isinstance(raw, str):
        return Said()
    try:
        return said_by(json.loads(raw), depth + 1)
    except (ValueError, RecursionError):
        return Said(words=_line(raw))


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
