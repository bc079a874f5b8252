"""A text as a person or a program reads it, where its writing hides a secret: coloured, escaped for
an address or for HTML, or broken over two lines by something that joins them again. Pure.

Only the lines around such places are read anew, so that the cost grows with their number.
"""

import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from ml_intern.tracing.redaction.span import Span

_DECODED = (
    r"%[2-7][0-9A-Fa-f]|\\u00[2-7][0-9a-fA-F]|&(?:amp|quot|apos|lt|gt|\#\d{2,3}|\#x[0-9a-fA-F]{2});"
)
_COLOUR = r"(?:\x1b|\\u001[bB]|\\x1[bB]|\\033)\[[\d;]{0,20}[A-Za-z]"
_CONTINUED = r"\\\r?\n[ \t]{0,40}"
_BOXED = r"[│┃║][ \t]{0,4}\r?\n[ \t]{0,40}[│┃║][ \t]{0,4}"
_SIGNS = r"[ \t]{0,4}[+.]?[ \t]{0,4}(?:\\?\r?\n[ \t]{0,80})?[+.]?[ \t]{0,4}"
_GOES_ON = r"(?:(?<=[A-Za-z0-9_-]{{8}}{quote})|(?<=[Bb]earer {quote}))"
_JOINED = (
    r"(?P<quote>[\"'])" + _GOES_ON.format(quote=".") + _SIGNS + r"(?P=quote)(?=[A-Za-z0-9_-]{4})"
)
"""Two literals that a language makes one of."""


def _joined_by(quote: str) -> re.Pattern[str]:
    goes_on = _GOES_ON.format(quote=quote)
    return re.compile(f"{quote}{goes_on}{_SIGNS}{quote}(?=[A-Za-z0-9_-]{{4}})")


_WRITTEN = re.compile(
    rf"(?P<decoded>{_DECODED})|{_COLOUR}|{_CONTINUED}|[ \t]{{0,200}}{_BOXED}|{_JOINED}"
)
_SPOTS = {
    "\x1b": re.compile(r"\x1b\["),
    "%": re.compile(r"%[2-7][0-9A-Fa-f]"),
    "&": re.compile(r"&(?:[a-z]{2,4}|\#x?[0-9a-fA-F]{2,3});"),
    "\\": re.compile(r"\\(?:u00|x1[bB]\[|033\[|\r?\n)"),
    "│": re.compile(r"│[ \t]{0,4}\r?\n"),
    "┃": re.compile(r"┃[ \t]{0,4}\r?\n"),
    "║": re.compile(r"║[ \t]{0,4}\r?\n"),
    '"': _joined_by('"'),
    "'": _joined_by("'"),
}
"""Where something of the kind may stand: each begins with its character, which is found fast."""
FARTHEST = 300
"""Characters of a line before and behind such a place that are read."""

_Find = Callable[[str], Iterator[Span]]


class _Piece(NamedTuple):
    """Characters `start` to `end` of the text, and where they begin in what is read."""

    read_at: int
    start: int
    end: int
    is_decoded: bool
    """One character is read for all of them."""


def spans(text: str, find: _Find) -> Iterator[Span]:
    """What `find` sees in what is read, as places of `text`."""
    for start, end in _windows(text):
        pieces, read = _read(text, start, end)
        begins = [piece.read_at for piece in pieces]
        for span in find(read):
            first = pieces[bisect_right(begins, span.start) - 1]
            last = pieces[bisect_left(begins, span.end) - 1]
            ends = last.end if last.is_decoded else last.start + span.end - last.read_at
            begin = first.start if first.is_decoded else first.start + span.start - first.read_at
            yield Span(begin, ends, span.kind)


def as_read(text: str) -> str:
    """All of it as it is read."""
    return _read(text, 0, len(text))[1] if next(_windows(text), None) else text


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """The lines that hold such places, apart from each other."""
    spots = sorted(
        found.span()
        for sign, pattern in _SPOTS.items()
        if sign in text
        for found in pattern.finditer(text)
    )
    window: tuple[int, int] | None = None
    for spot in spots:
        start, end = _lines_around(text, *spot)
        if window is not None and start <= window[1]:
            window = (window[0], max(end, window[1]))
            continue
        if window is not None:
            yield window
        window = (start, end)
    if window is not None:
        yield window


def _lines_around(text: str, start: int, end: int) -> tuple[int, int]:
    earliest, latest = max(0, start - FARTHEST), min(len(text), end + FARTHEST)
    line_begins = text.rfind("\n", earliest, start) + 1
    line_ends = text.find("\n", end, latest)
    return line_begins or earliest, line_ends if line_ends >= 0 else latest


def _read(text: str, start: int, end: int) -> tuple[list[_Piece], str]:
    pieces: list[_Piece] = []
    read: list[str] = []
    length, at = 0, start
    for found in _WRITTEN.finditer(text, start, end):
        if found.start() > at:
            pieces.append(_Piece(length, at, found.start(), False))
            read.append(text[at : found.start()])
            length += found.start() - at
        if found["decoded"]:
            pieces.append(_Piece(length, *found.span(), True))
            read.append(_decoded(found["decoded"]))
            length += 1
        at = found.end()
    pieces.append(_Piece(length, at, end, False))
    return pieces, "".join([*read, text[at:end]])


def _decoded(written: str) -> str:
    """The one character that it stands for."""
    match written[0]:
        case "%":
            return unquote(written)
        case "\\":
            return chr(int(written[2:], 16))
        case _:
            return html.unescape(written)
