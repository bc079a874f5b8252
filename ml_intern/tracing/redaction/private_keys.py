"""PEM blocks of private keys, and what is left of one whose beginning or end was cut away. Pure."""

import re
from collections.abc import Iterator

from ml_intern.tracing.redaction.span import Span

KIND = "private-key"
_HINT = "PRIVATE KEY"

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(
    r"(?:\\{1,8}[nr]|\s|[A-Za-z0-9+/=]|(?!-----)[\"'+,|>#*-]"
    r"|(?:Proc-Type|DEK-Info|Version|Comment): {0,2}[\w,.:() -]{0,80})*"
)
"""Its lines, however they are joined: as one text, as quoted pieces of a program, in a comment."""
_BODY_BACKWARDS = re.compile(r"(?:[nr]\\{1,8}|\s|[A-Za-z0-9+/=])*")
_LIKE = re.compile(r"[A-Za-z0-9+/=]{16}")


def spans(text: str) -> Iterator[Span]:
    """Every one, whole."""
    if _HINT not in text:
        return
    at = 0
    while begin := _BEGIN.search(text, at):
        yield from _tails(text, at, begin.start())
        at = begin.end() + _length(_BODY, text[begin.end() :])
        if end := _END.match(text, at):
            at = end.end()
        yield Span(begin.start(), at, KIND)
    yield from _tails(text, at, len(text))


def _tails(text: str, at: int, to: int) -> Iterator[Span]:
    for end in _END.finditer(text, at, to):
        body = _length(_BODY_BACKWARDS, text[at : end.start()][::-1])
        yield Span(end.start() - body, end.end(), KIND)
        at = end.end()


def _length(body: re.Pattern[str], text: str) -> int:
    """0 when it is only words that follow the mark of a key."""
    found = body.match(text)
    return found.end() if found and _LIKE.search(found.group()) else 0
