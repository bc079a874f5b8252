"""Searching within one document: passages ranked by BM25 (Robertson et al., 1994)."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ml_intern.tools.papers.document import Document

_K1, _B = 1.5, 0.75
_PASSAGE_CHARS = 900
"""Paragraphs are put together, or cut between sentences, to about this length."""
_WORD = re.compile(r"[^\W_]+(?:[.-]\d[^\W_]*)*")
_ENDS = ("ies", "es", "s", "ed", "ing", "er", "ly")
_SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=[A-Z(\[$])")


@dataclass(frozen=True)
class Passage:
    """Some paragraphs of one section."""

    text: str
    section: int
    """Index in the document."""
    score: float = 0.0


def find(document: Document, query: str, most: int) -> list[Passage]:
    """The best passages first; none where no word of the query occurs."""
    passages = list(_passages(document))
    counts = [Counter(_terms(each.text)) for each in passages]
    lengths = [sum(count.values()) for count in counts]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    score = [0.0] * len(passages)
    for term in set(_terms(query)):
        holding = [place for place, count in enumerate(counts) if term in count]
        rarity = math.log(1 + (len(passages) - len(holding) + 0.5) / (len(holding) + 0.5))
        for place in holding:
            often = counts[place][term]
            longer = 1 - _B + _B * lengths[place] / max(mean, 1.0)
            score[place] += rarity * often * (_K1 + 1) / (often + _K1 * longer)
    ranked = sorted(
        (place for place, value in enumerate(score) if value > 0), key=lambda at: -score[at]
    )
    return [Passage(passages[at].text, passages[at].section, score[at]) for at in ranked[:most]]


def _passages(document: Document) -> Iterator[Passage]:
    """The first of each section begins with its name."""
    for place, section in enumerate(document.sections):
        held: list[str] = [section.name] if section.name else []
        for piece in _pieces(section.text):
            if held and sum(map(len, held)) + len(piece) > _PASSAGE_CHARS:
                yield Passage("\n\n".join(held), place)
                held = []
            held.append(piece)
        if held:
            yield Passage("\n\n".join(held), place)


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs; long ones sentence by sentence, tables row by row."""
    for paragraph in text.split("\n\n"):
        if len(paragraph) <= _PASSAGE_CHARS:
            if paragraph.strip():
                yield paragraph
            continue
        held = ""
        parts = (
            paragraph.split("\n") if paragraph.startswith("|") else _SENTENCE_END.split(paragraph)
        )
        glue = "\n" if paragraph.startswith("|") else " "
        for part in parts:
            if held and len(held) + len(part) > _PASSAGE_CHARS:
                yield held
                held = part
            else:
                held = f"{held}{glue}{part}" if held else part
        yield held


def _terms(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.lower()):
        yield _stem(word)


def _stem(word: str) -> str:
    """Without its usual endings; numbers stay as they are."""
    while word.isalpha():
        end = next((each for each in _ENDS if word.endswith(each)), None)
        if end is None or len(word) - len(end) < 4:
            break
        word = word.removesuffix(end)
    return word
