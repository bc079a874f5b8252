"""Passwords in addresses: `postgresql://ada:hunter2@host/db`. Pure."""

import re
from collections.abc import Iterator

from ml_intern.tracing.redaction import values
from ml_intern.tracing.redaction.span import Span

KIND = "url-password"
WORDS = frozenset(("pass", "tiger", "guest"))
"""That stand for a password in documents."""

_USER = r"(?P<user>[^\s/:@\[\"'<>]{0,200})"
_PLAIN = re.compile(
    rf":(?:\\{{0,31}}/){{2}}{_USER}:(?P<secret>[^\s/\"'<>`]{{1,200}})@(?=[\w\[.%{{$(/-])"
)
_WITH_SLASH = re.compile(
    rf":(?:\\{{0,31}}/){{2}}{_USER}:(?P<secret>[^\s@\"'<>`]{{1,200}})@(?=[\w.-]{{1,100}}[:/])"
)
_TEMPLATE = re.compile(r"^\{|^\$|^%[(s]|^<|[{}]")
_LIKE_A_PORT = re.compile(r"\d{1,5}/")


def spans(text: str) -> Iterator[Span]:
    """The passwords only: host and user may be told."""
    if "@" not in text:
        return
    for begin in ("://", "\\/\\"):
        at = text.find(begin)
        while at >= 0:
            colon = at if begin == "://" else text.rfind(":", max(0, at - 32), at)
            found = colon >= 0 and (_PLAIN.match(text, colon) or _WITH_SLASH.match(text, colon))
            if found and _is_one(found["secret"]):
                yield Span(*found.span("secret"), KIND)
            at = text.find(begin, at + len(begin))


def _is_one(secret: str) -> bool:
    return not (
        values.is_placeholder(secret)
        or secret.casefold() in WORDS
        or _TEMPLATE.search(secret)
        or _LIKE_A_PORT.match(secret)
    )
