"""Which of the data's columns the words speak of, and as what. For when the columns are known.

A column is mentioned when its name stands in the words, however its parts are joined: `price_eur`
is `price eur` and `price-eur`. It is alluded to when only a word like a part of its name does.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Literal

from ml_intern.llm.autopilot.reading.page import Page, vocabulary
from ml_intern.llm.autopilot.reading.things import take_things

Role = Literal["label", "text", "object", "aside"]
"""`object`: what is sorted or classified; `aside`: what is not to be used."""

LIMIT_CHARS = 20_000
_TO_THE_LEFT = 70
_LEFT_WORD = re.compile(r"->|=>|→|[^\W_]+(?:['\u2019][^\W\d_]+)?|[.,;:!?\n]|_\w+")
_LABEL_CUE = re.compile(
    r"by|predict\w*|label\w*|class|classes|categor(?:y|ies)|target\w*|tells?|telling|guess\w*|infer"
    r"|which|whose|what|estimat\w*|determin\w*|detect\w*|identif\w*|recogni[sz]\w*|assign\w*|right"
    r"|correct|proper|matching|appropriate|responsible|fitting|for|know|output|outcome|->|=>|→"
    r"|into"
)
_TEXT_CUE = re.compile(r"from|texts?|inputs?|reads?|reading|based|using|given|on")
_OBJECT_CUE = re.compile(
    r"classif\w*|sort\w*|rout\w*|categori[sz]\w*|distinguish\w*|tag\w*|group\w*|organi[sz]\w*"
)
_ASIDE_CUE = re.compile(
    r"ignor\w*|without|except|excluding|drop\w*|skip\w*|omit\w*|than|disregard\w*|never|instead"
    r"|not|don['\u2019]t|leav\w*"
)
_ROWS = vocabulary(
    "row rows line lines example examples sample samples record records entry entries those "
    "missing empty blank nan null"
)
"""Rows that lack a value are set aside, and not the column."""
_BRIDGE = vocabulary(
    "the a an our my its their each every this that column columns field fields named called of in "
    "is are stands under as new use using with single current own given actual to out"
)
_STOPS = vocabulary(". , ; : ! ?")
_DENIALS = vocabulary("not never without don't don\u2019t")
_NEAR = vocabulary("on for into not right correct")
"""Cues over words that bridge only."""
_STRANGERS = 2
"""Words that may stand between a cue and the name: `by current customer mood`."""
_AFTER_LABEL = re.compile(
    r"[\"'”`\u2019]?\s*(?:column\s+|field\s+)?(?:classif\w+|detect(?:ion|or)|predict(?:ion|or)"
    r"|recogni\w+|(?:the\s+)?labels?\b|categories\b|classes\b|(?:is|as)\s+(?:the\s+|a\s+|its\s+)?(?:label|target"
    r"|class|output))",
    re.IGNORECASE,
)
_AFTER_TEXT = re.compile(
    r"[\"'”`\u2019]?\s*(?:column\s+|field\s+)?(?:(?:the\s+)?texts?\b|(?:is|as)\s+(?:the\s+|a\s+|its\s+)?(?:text"
    r"|input))",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"[\s\"'”`\u2019]*(?:,|and|or|&|\+|/)?[\s\"'“`\u2018]*(?:the\s+)?", re.IGNORECASE
)
_NEITHER = vocabulary("text texts image images")
"""`text classifier` says what is classified, not by what."""
_SEPARATORS = re.compile(r"[\s_-]+|(?<=[a-z])(?=[A-Z])")
_LETTERS = re.compile(r"[^\W\d_]+")
_SHORTEST_ALLUSION = 3
_SAYS_NOTHING = vocabulary(
    "class classes category categories label labels target type kind what which right correct it "
    "them each one hand default topic content meaning train validation test data text texts image "
    "accuracy model column following two three four five six seven eight nine ten same means way "
    "using reading looking learning training fine tuning now then myself itself yourself folder "
    "subfolder file line row people me us you"
)


_TOLD_BY = re.compile(
    r"\b(?:by|predict\w*|guess\w*|which|whose|tells?|determine|detect|identify|estimat\w*|right"
    r"|correct|proper|appropriate|responsible)\s+(?:(?:the|their|its|our|right|correct|whole|a|an"
    r"|each|his|her)\s+)*(?=((?:[^\W\d_]+\s+){0,2}[^\W\d_]+))",
    re.IGNORECASE,
)
_NO_NOUN = vocabulary(
    "by apart them and or in into with on to of for at from then please it is are that this so if "
    "when each one every belongs goes they he she we i you as using until up down out has have was "
    "will can "
    "should must means mean way hand default how what who whom first but than not no"
)


@dataclass(frozen=True)
class Mention:
    """A column that the words name."""

    column: str
    role: Role | None
    plain: bool
    """An ordinary word, so that it may be meant or not."""


def find_mentions(words: str, columns: Sequence[str]) -> tuple[Mention, ...]:
    """Every named column once, in the order of the words."""
    return _mentions(words, tuple(columns))


@lru_cache(maxsize=64)
def _mentions(words: str, columns: tuple[str, ...]) -> tuple[Mention, ...]:
    text = _without_paths(words)
    found: dict[str, Mention] = {}
    last: tuple[int, Role | None] = (-1, None)
    for start, end, column, name in sorted(_occurrences(text, columns)):
        role = _role(text, start, end)
        if role is None and last[0] >= 0 and _JOINED.fullmatch(text, last[0], start):
            role = last[1]
        last = (end, role)
        quoted = start > 0 and text[start - 1] in "\"'“`\u2018«„"
        plain = not quoted and re.fullmatch(r"[^\W\d_]+", name) is not None
        before = found.get(column)
        if before is None or (before.role is None and role is not None):
            found[column] = Mention(column, role, plain)
    return tuple(found.values())


def alluded(text: str, columns: Sequence[str]) -> list[str]:
    """Those columns whose names begin like a word of the text, or the other way round: `urgent`
    and `Urg.`, `categories` and `category`."""
    spoken = {word for word in _LETTERS.findall(text.lower()) if len(word) >= _SHORTEST_ALLUSION}
    return [
        column
        for column in columns
        if any(_begin_alike(part, word) for part in _parts(column) for word in spoken)
    ]


@lru_cache(maxsize=64)
def told_by(words: str) -> tuple[str, ...]:
    """The words by which things are to be told apart: `sorted by support team` gives both."""
    found: dict[str, None] = {}
    for match in _TOLD_BY.finditer(_without_paths(words)):
        nouns = takewhile(lambda word: word not in _NO_NOUN, match[1].lower().split())
        found |= dict.fromkeys(noun for noun in nouns if noun not in _SAYS_NOTHING)
    return tuple(found)


def meant_by(words: str, columns: Sequence[str]) -> list[str]:
    """Those columns that are like a noun by which things are to be told apart."""
    nouns = [noun for noun in told_by(words) if len(noun) >= _SHORTEST_ALLUSION]
    return [
        column
        for column in columns
        if any(_is_like(part, noun) for part in _parts(column) for noun in nouns)
    ]


def _without_paths(words: str) -> str:
    page = Page(words[:LIMIT_CHARS])
    take_things(page)
    return page.text


def _occurrences(text: str, columns: Sequence[str]) -> Iterator[tuple[int, int, str, str]]:
    """Where each column stands, and by which name; of two that overlap, the longer one counts."""
    taken: list[tuple[int, int]] = []
    spoken = [(column, column) for column in columns] + _last_parts(columns)
    for name, column in sorted(spoken, key=lambda pair: len(pair[0]), reverse=True):
        for found in _pattern(name).finditer(text):
            start, end = found.span(1)
            if all(end <= begin or start >= stop for begin, stop in taken):
                taken.append((start, end))
                yield start, end, column, name


def _last_parts(columns: Sequence[str]) -> list[tuple[str, str]]:
    """`author` of `meta.author`, where no other column is called so."""
    parts = [(column.rpartition(".")[2], column) for column in columns if "." in column[1:-1]]
    ends = Counter(part for part, _ in parts)
    return [(part, column) for part, column in parts if ends[part] == 1 and part not in columns]


@lru_cache(maxsize=512)
def _pattern(column: str) -> re.Pattern[str]:
    pieces = [re.escape(piece) for piece in _SEPARATORS.split(column.strip()) if piece]
    if not pieces or not any(char.isalpha() for char in column):
        return re.compile(r"(?!)")
    if column.isascii() and sum(char.isalpha() for char in column) < 2:
        return re.compile(rf"[\"'“`]({re.escape(column)})[\"'”`]")
    name = "".join(
        piece + (r"(?:['\u2019]?s)?[\s_-]*" if piece[-1].isalpha() else r"[\s_-]*")
        for piece in pieces[:-1]
    )
    name += pieces[-1]
    right = r"(?:['\u2019]?s)?(?![A-Za-z0-9_]|-\w)" if column[-1].isalpha() else ""
    return re.compile(rf"(?<![A-Za-z0-9_-])({name}){right}", re.IGNORECASE)


def _role(text: str, start: int, end: int) -> Role | None:
    """What the nearest cue around the name says of it."""
    if text[start:end].lower() not in _NEITHER:
        if _AFTER_LABEL.match(text, end):
            return "label"
        if _AFTER_TEXT.match(text, end):
            return "text"
    left = _LEFT_WORD.findall(text[max(0, start - _TO_THE_LEFT) : start].lower())[::-1]
    strangers = 0
    for index, word in enumerate(left):
        role = _cued(word)
        if role == "aside" and _ROWS & {*left[: index + 2]}:
            return None
        if role is not None and _reaches(word, index, strangers):
            return "aside" if set(left[index + 1 : index + 2]) & _DENIALS else role
        strangers += word not in _BRIDGE
        if word in _STOPS or strangers > _STRANGERS:
            return None
    return None


def _reaches(cue: str, between: int, strangers: int) -> bool:
    """Some cues are such only close to the name."""
    return not (strangers and cue in _NEAR) and (cue != "what" or between == 0)


def _cued(word: str) -> Role | None:
    for cue, role in _CUES:
        if cue.fullmatch(word):
            return role
    return None


_CUES: tuple[tuple[re.Pattern[str], Role], ...] = (
    (_ASIDE_CUE, "aside"),
    (_LABEL_CUE, "label"),
    (_TEXT_CUE, "text"),
    (_OBJECT_CUE, "object"),
)


def _parts(column: str) -> list[str]:
    found = _LETTERS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower())
    return [part for part in found if len(part) >= _SHORTEST_ALLUSION]


def _begin_alike(part: str, word: str) -> bool:
    """One begins with the other, but for a plural's ending."""
    return word.startswith(part.removesuffix("y")) or part.startswith(word.removesuffix("ies"))


def _is_like(part: str, word: str) -> bool:
    """They begin alike, or one abbreviates the other: `dept` and `department`."""
    if _begin_alike(part, word):
        return True
    if len(part) > 5 or len(word) <= len(part) or part[0] != word[0]:
        return False
    letters = iter(word)
    return all(letter in letters for letter in part)
