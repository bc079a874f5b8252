"""A page of Markdown by its headings, and which section speaks of some words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*")
_ANCHOR = re.compile(r"\[\[[^\]]*\]\]")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it, up to the next heading."""

    title: str
    level: int
    text: str
    """With its heading."""


def sections_of(text: str) -> list[Section]:
    """In the order of the page; a `#` within a block of code is no heading."""
    found: list[Section] = []
    title, level, lines = "", 0, list[str]()
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        heading = None if fence else _HEADING.fullmatch(line)
        if heading is not None:
            found.append(Section(title=title, level=level, text="\n".join(lines)))
            title, level, lines = _ANCHOR.sub("", heading[2]).strip(), len(heading[1]), []
        lines.append(line)
    found.append(Section(title=title, level=level, text="\n".join(lines)))
    return [each for each in found if each.text.strip()]


def with_inner(sections: Sequence[Section], wanted: str) -> str | None:
    """The text of the section of that title and of those below it; None: there is none."""
    plain = wanted.strip().lower()
    places = range(len(sections))
    exact = [place for place in places if sections[place].title.lower() == plain]
    close = [place for place in places if plain in sections[place].title.lower()]
    if not plain or not (exact or close):
        return None
    start = (exact or close)[0]
    end = start + 1
    while end < len(sections) and sections[end].level > sections[start].level:
        end += 1
    return "\n".join(each.text for each in sections[start:end])


def words_of(text: str) -> list[str]:
    """In lower case; names are taken apart at their underscores."""
    return _WORD.findall(text.lower())


def share(query: Iterable[str], text: str) -> float:
    """How many of the words occur in the text, 0 to 1; a beginning of a word counts half."""
    wanted, words = list(query), set(words_of(text))
    if not wanted:
        return 0.0
    return sum(_found(word, words) for word in wanted) / len(wanted)


def _found(word: str, words: set[str]) -> float:
    if word in words:
        return 1.0
    begins = len(word) > 3 and any(
        each.startswith(word) or (len(each) > 3 and word.startswith(each)) for each in words
    )
    return 0.5 if begins else 0.0
