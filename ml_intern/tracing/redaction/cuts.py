"""What is left of a secret where a long text was cut: its beginning or its end, each too short to
be known by its shape. Pure.
"""

import re
from collections.abc import Callable, Iterator

from ml_intern.tracing.redaction import values
from ml_intern.tracing.redaction.span import Span

KIND = "cut-off"
_HINT = " left out"
_NOTE = re.compile(
    r"\[(?:\.\.\. )?\d{1,20} (?:bytes|characters)[^\]\n]{0,20} left out[^\]\n]{0,300}\]"
)
LONGEST_COUNT = 60
"""Characters of a note before its words."""
_BEGINS = re.compile(
    r"(?:hf_|api_org_|sk-|gh[a-z]_|github_pat_|gl[a-z]{2,6}-|xox[a-z]|xapp-|AKIA|ASIA|AIza|ya29\.|eyJ)"
)
_WORD_PART = re.compile(r"[A-Za-z0-9_.+/-]*")
LONGEST = 300
"""Characters on each side that are looked at."""
SHORTEST = 8
"""That looks random, beside a cut."""

_Touches = Callable[[str, str], tuple[int, int]]


def spans(text: str, touches: _Touches) -> Iterator[Span]:
    """Beside each cut. `touches`: how many characters at the end of a first text, and at the
    beginning of a second one, are the beginning and the end of a known secret.
    """
    if _HINT not in text:
        return
    for start, end in _notes(text):
        before, behind = text[max(0, start - LONGEST) : start], text[end : end + LONGEST]
        head = _WORD_PART.match(before[::-1])
        tail = _WORD_PART.match(behind)
        known_head, known_tail = touches(before, behind)
        at_end = max(known_head, _length(head[0][::-1] if head else ""))
        at_begin = max(known_tail, _length(tail[0] if tail else ""))
        if at_end:
            yield Span(start - at_end, start, KIND)
        if at_begin:
            yield Span(end, end + at_begin, KIND)


def _notes(text: str) -> Iterator[tuple[int, int]]:
    """Where each note begins and ends, with the ends of lines around it."""
    at = text.find(_HINT)
    while at >= 0:
        opening = text.rfind("[", max(0, at - LONGEST_COUNT), at)
        if opening >= 0 and (note := _NOTE.match(text, opening)):
            line_ends = text.startswith("\n", opening - 1) if opening else False
            yield opening - line_ends, note.end() + text.startswith("\n", note.end())
        at = text.find(_HINT, at + len(_HINT))


def _length(word: str) -> int:
    """Of a word that may be a piece of a secret; else 0."""
    is_one = values.looks_random(word, SHORTEST) or _BEGINS.match(word)
    return len(word) if is_one else 0
