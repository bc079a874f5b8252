"""A document as single sentences, each with the part that its section plays in a paper.

A sentence is a slice of its section's text, so it occurs there verbatim. Tables, captions and code
are not sentences.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ml_intern.tools.papers.document import Document, Section, squeezed
from ml_intern.tools.papers.recipe.numbers import plain

Role = Literal["abstract", "own", "aside", "end"]
"""`own`: method and experiments. `aside`: what others did, and what was only tried. `end`:
references and thanks.
"""
_ASIDE = re.compile(
    r"related|background|preliminar|prior (?:work|art)|previous|baseline|competing|compar(?:ed|ison)|"
    r"ablat|sensitivity|effect of|impact of|influence of|role of|limitation|future|ethic|"
    r"broader|societal|hyper-?parameter (?:search|sweep|study)|search space|scaling stud|"
    r"failure|negative result|what did not|discussion|robustness|analysis|variants|alternative",
    re.IGNORECASE,
)
_END = re.compile(
    r"references|bibliography|acknowledge?ments?|author contributions?|funding|about the authors?|"
    r"checklist",
    re.IGNORECASE,
)
_SETUP = re.compile(
    r"(?:implementation|training|experiment\w*|optimi[sz]ation|hyper-?param\w*|setup|set-up|setting)",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|cf|vs|resp|approx|fig|figs|eq|eqs|sec|secs|tab|ref|refs|no|dr|prof|"
    r"st|app|ch|dept|inc|ca|[A-Z])|\d)\.$",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?][\"'”’)\]]*(?:\[\d[\d, ]*\])?(?=\s+[\"'“‘(\[$*]*[A-Z0-9\\])")
_CAPTION = re.compile(
    r"\s*\[?(?:figure|fig\.|table|tab\.|algorithm|listing)\s*[\dIVX]+\s*[:.|]", re.I
)
_LONG_WORD = re.compile(r"\S{200}")
LONGEST = 2_000
"""Characters of a sentence; what is longer is no prose, or was not read well."""


@dataclass(frozen=True)
class Sentence:
    """One of a section. Equal by place and words."""

    text: str
    """As it stands there, with one space for any white space."""
    section: str
    role: Role
    paragraph: int
    """Counted over the whole document."""
    place: int
    """Counted over the whole document, too."""
    is_setup: bool
    """Whether its section is about how things were run."""

    @cached_property
    def plain(self) -> str:
        """For matching; capitals kept."""
        return plain(self.text)

    @cached_property
    def lower(self) -> str:
        """For matching."""
        return self.plain.lower()


def sentences_of(document: Document) -> list[Sentence]:
    """All of them in reading order, but for those of the references."""
    found: list[Sentence] = []
    paragraphs = 0
    for section, role, is_setup in _roles(document):
        for paragraph in section.text.split("\n\n"):
            paragraphs += 1
            if role == "end" or not _is_prose(paragraph):
                continue
            here = list(split(paragraph))
            part: Role = "aside" if here and _is_aside_head(here[0]) else role
            found.extend(
                Sentence(words, section.name, part, paragraphs, len(found) + place, is_setup)
                for place, words in enumerate(here)
            )
    return found


def roles_of(document: Document) -> tuple[Role, ...]:
    """The part that each section plays; a document without sections has one."""
    return tuple(role for _, role, _ in _roles(document)) or ("own",)


def split(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph."""
    words, begin = squeezed(paragraph), 0
    for stop in _STOP.finditer(words):
        head = words[begin : stop.start() + 1]
        rest = words[stop.end() :].lstrip()
        if _SHORT.search(head) and not (head[-2:-1].isdigit() and rest[:1].isupper()):
            continue
        yield from _kept(words[begin : stop.end()])
        begin = stop.end()
    yield from _kept(words[begin:])


def _kept(words: str) -> Iterator[str]:
    if words.strip() and len(words) <= LONGEST and not _LONG_WORD.search(words):
        yield words.strip()


def _is_aside_head(words: str) -> bool:
    """Whether a paragraph that begins so has a heading in its line: `Baselines.`"""
    return len(words.split()) <= 4 and words.endswith(".") and bool(_ASIDE.search(words))


def _is_prose(paragraph: str) -> bool:
    head = paragraph.lstrip()
    return not (head.startswith(("|", "```", "~~~")) or _CAPTION.match(head))


def _roles(document: Document) -> Iterator[tuple[Section, Role, bool]]:
    """Each section with its part; a subsection has that of the section above it, if that is not
    the paper's own.
    """
    above: list[tuple[int, Role, bool]] = []
    is_first = True
    for section in document.sections:
        above = [each for each in above if each[0] < section.level]
        inherited = next((role for _, role, _ in above if role in ("aside", "end")), None)
        setup = bool(_SETUP.search(section.title)) or any(each[2] for each in above)
        role = inherited or _own_role(section, is_first=is_first)
        above.append((section.level, role, setup))
        is_first = False
        yield section, role, setup


def _own_role(section: Section, *, is_first: bool) -> Role:
    title = section.title.strip()
    if _END.fullmatch(title.strip(" .:")) or _END.match(title):
        return "end"
    if title.lower().strip(" .:") == "abstract" or (is_first and not title):
        return "abstract"
    return "aside" if _ASIDE.search(title) else "own"
