"""PEM blocks of private keys, and what is left of one whose beginning or end was cut away. Pure."""

import re
from collections.abc import Iterator

from ml_intern.tracing.redaction.span import Span

KIND = "private-key"
_HINTS = ("PRIVATE KEY", "Static key V1")

_LABEL = r"(?:[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1)"
_BEGIN = re.compile(rf"----(?:-| )BEGIN {_LABEL}(?:-| )----")
_END = re.compile(rf"----(?:-| )END {_LABEL}(?:-| )----")
LONGEST = 20_000
"""Characters of a block, with whatever its lines begin and end with."""
_BODY = re.compile(r"(?:\\{1,8}[nrt]|\s|[A-Za-z0-9+/=]|(?!-----)[\"'+,|>#*:\\-])*")
"""Its lines, however they are joined: as one text, as quoted pieces of a program, in a diff."""
_NEWLINE = re.compile(r"\r?\n|\\{1,15}n")
_BEFORE_LINE = r"(?:[\w./-]{1,80}:\d{1,6}:)?[ \t+>|#*\"'-]{0,20}(?:\d{1,6}[\t→:|])?[ \t\"']{0,40}"
"""In a quotation, a diff, a listing, or a program."""
_BASE64 = re.compile(rf"{_BEFORE_LINE}[A-Za-z0-9+/=]{{1,4096}}[ \t\"'\\+,]{{0,8}}")
_BARE_LINE = re.compile(_BEFORE_LINE)
_HEADER = re.compile(
    r"(?:[\s\\nr]*(?:Proc-Type|DEK-Info|Version|Comment|Hash): ?[\w,.:() -]{0,80})+"
)
_LINE = re.compile(r"[A-Za-z0-9+/=]{24}")
_NEXT_LINE = rf"(?:\s|\\{{1,8}}[rn]){{1,8}}{_BEFORE_LINE}"
_PUTTY = re.compile(
    rf"Private-Lines: \d{{1,4}}{_NEXT_LINE}(?P<body>(?:[A-Za-z0-9+/]{{60,64}}{_NEXT_LINE}){{0,200}}"
    rf"[A-Za-z0-9+/=]{{1,80}}(?:{_NEXT_LINE}Private-MAC: [0-9a-f]{{1,64}})?)"
)
"""A line may begin with a `+`, which a diff could have put there: it is shorter without."""


def spans(text: str) -> Iterator[Span]:
    """Every one, whole; the marks alone, as programs hold them, are none."""
    if "Private-Lines:" in text:
        for putty in _PUTTY.finditer(text):
            yield Span(*putty.span("body"), KIND)
    if not any(hint in text for hint in _HINTS):
        return
    at = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < at:
            continue
        yield from _tails(text, at, begin.start())
        at = _end(text, begin.end())
        if at > begin.end():
            yield Span(begin.start(), at, KIND)
    yield from _tails(text, at, len(text))


def _end(text: str, at: int) -> int:
    """Where the block ends whose body begins `at`; `at` itself when it has none."""
    mark = _END.search(text, at, at + LONGEST)
    if mark and _LINE.search(text, at, mark.start()) and not _BEGIN.search(text, at, mark.start()):
        return mark.end()
    header = _HEADER.match(text, at)
    body = _BODY.match(text, header.end() if header else at, at + LONGEST)
    return body.end() if body and _LINE.search(body.group()) else at


def _tails(text: str, at: int, to: int) -> Iterator[Span]:
    for end in _END.finditer(text, at, to):
        start = _begin(text, max(at, end.start() - LONGEST), end.start())
        if _LINE.search(text, start, end.start()):
            yield Span(start, end.end(), KIND)
        at = end.end()


def _begin(text: str, at: int, to: int) -> int:
    """Where the lines of a key begin that go to `to`, but not before `at`."""
    ends = [*_NEWLINE.finditer(text, at, to)]
    starts = [at, *(end.end() for end in ends)]
    stops = [*(end.start() for end in ends), to]
    if not _BARE_LINE.fullmatch(text, starts[-1], to) and not _BASE64.fullmatch(
        text, starts[-1], to
    ):
        return to
    begin = starts[-1]
    for start, stop in zip(starts[-2::-1], stops[-2::-1], strict=True):
        if not _BASE64.fullmatch(text, start, stop):
            break
        begin = start
    return begin
