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

Role = Literal["abstract", "own", "results", "further", "aside", "end"]
"""`own`: method and experiments. `results`: what came of them, and of variants of them. `further`:
an appendix that is not about how the experiments were run. `aside`: what others did, and what was
only tried. `end`: references and thanks.
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
    r"(?:implementation|training|experiment\w*|optimi[sz]ation|hyper-?param\w*|setup|set-up|setting|tuning)",
    re.IGNORECASE,
)
_RESULTS = re.compile(
    r"(?:(?:main|experimental|empirical|quantitative|qualitative|overall|numerical|evaluation|benchmark) )*"
    r"(?:results?|findings|evaluation)\b(?!.*(?:set-?up|setting|implementation|protocol|training))",
    re.IGNORECASE,
)
_APPENDIX = re.compile(
    r"(?:appendix|appendices|supplement(?:ary)?(?: materials?| information)?)\b[\s:.]*(?:[A-Z]\b[\s:.]*)?",
    re.IGNORECASE,
)
_LAST = re.compile(
    r"conclu|summary|discussion|limitation|references|bibliography|acknowledge?ment", re.IGNORECASE
)
_LETTERED = re.compile(r"[A-Z](?:\.\d+)*")
_HOW = re.compile(
    r"(?:implementation|training|experimental|optimi[sz]ation|reproduc\w+)\b|hyper-?param|set-?up|settings?\b|"
    r"configurations?\b|recipe|hardware|compute|computing|resources|optimi[sz]er|seeds?\b|^(?:further |additional |more )?details(?: of (?:the )?(?:pre-?training|fine-?tuning))?$|"
    r"architectures?\b|licen[sc]e|availability",
    re.IGNORECASE,
)
"""What the title of an appendix says that tells how the experiments were run."""
_MORE = re.compile(
    r"\b(?:additional|further|extended|more|other|extra|supplementary|larger|smaller)\b(?! (?:\w+ )?details)",
    re.IGNORECASE,
)
_OF_ANOTHER = re.compile(
    r"\bof (?:the |an? )?(?!(?:all|our|the|these|main|final|best|proposed|full|whole|trained|language|large|base)\b(?!-))"
    r"[a-z][\w-]* (?:models?|variants?|versions?|systems?)\b"
)
"""`Configuration of the full-context model`."""
_SHORT = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|cf|vs|resp|approx|fig|figs|eq|eqs|sec|secs|tab|ref|refs|no|dr|prof|"
    r"st|app|ch|dept|inc|ca)|(?:^|[\s(.])[A-Z]|\d)\.$",
    re.IGNORECASE,
)
_SHORT_CHARS = 16
"""Characters before a full stop that tell whether it ends something short: more than the longest."""
_STOP = re.compile(r"[.!?][\"'”’)\]]*(?:\[\d[\d, ]*\])?(?=\s+[\"'“‘(\[$*]*[A-Z0-9\\])")
_CAPTION = re.compile(
    r"\s*\[?(?:figure|fig\.|table|tab\.|algorithm|listing)\s*[\dIVX]+\s*[:.|]", re.I
)
_ITEM = re.compile(r"(?:^|\n)\s*(?:[-*+•]|\d{1,2}[.)])\s+")
OTHER_MODEL = re.compile(
    r"(?:the |our |an? )?(?:\w+ )?(?:teacher|reward models?|judge|annotators?|re-?ranker|vocoder|(?:linear )?probes?|scorer)\b",
    re.IGNORECASE,
)
"""What is trained beside the model that a paper is about."""
_SAYS = re.compile(
    r"\b(?:we|it|they|this|these|there|is|are|was|were|has|have|had|does|do|did|see|use[sd]?|help(?:s|ed)?)\b",
    re.IGNORECASE,
)
"""Words that make a short sentence more than a heading."""
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
    head: str = ""
    """The heading that stands before it in its line: `Optimiser`."""

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
    paragraphs, head = 0, ""
    for part in _parts(document):
        for paragraph in part.section.text.split("\n\n"):
            paragraphs += 1
            if part.role == "end" or not _is_prose(paragraph):
                continue
            head = head if head.endswith(":") and _ITEM.match(paragraph) else ""
            for words in split(paragraph):
                head = _head(words) or head
                role, is_setup = _below(head, part)
                name, place = part.section.name, len(found)
                found.append(Sentence(words, name, role, paragraphs, place, is_setup, head))
    return found


def roles_of(document: Document) -> tuple[Role, ...]:
    """The part that each section plays; a document without sections has one."""
    return tuple(part.role for part in _parts(document)) or ("own",)


def split(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph, and the items of a list."""
    for item in _ITEM.split(paragraph):
        yield from _split(squeezed(item))


def _split(words: str) -> Iterator[str]:
    """Of words with single spaces."""
    begin = 0
    for stop in _STOP.finditer(words):
        head = words[max(begin, stop.start() - _SHORT_CHARS) : stop.start() + 1]
        after = words[stop.end() + 1 : stop.end() + 2]  # behind the one space
        if _SHORT.search(head) and not (head[-2:-1].isdigit() and after.isupper()):
            continue
        yield from _kept(words[begin : stop.end()])
        begin = stop.end()
    yield from _kept(words[begin:])


def _kept(words: str) -> Iterator[str]:
    if words.strip() and len(words) <= LONGEST and not _LONG_WORD.search(words):
        yield words.strip()


def _head(words: str) -> str:
    """A sentence that is no more than a heading in its line: `Baselines.`"""
    bare = words.strip("*_ ").rstrip(".*_")
    is_short = len(bare.split()) <= 5 and words.rstrip("*_ ").endswith((".", ":"))
    return bare if is_short and bare[:1].isupper() and not _SAYS.search(bare) else ""


def _below(head: str, part: "_Part") -> tuple[Role, bool]:
    """The part that a sentence below it plays, and whether that tells how things were run."""
    if head and _ASIDE.search(head):
        return "aside", part.is_setup
    if OTHER_MODEL.match(head):
        return "results" if part.role == "own" else part.role, False
    if head and part.is_appendix and part.role in ("own", "further"):
        return ("own", True) if _tells_how(head) else ("further", False)
    return part.role, part.is_setup


def _is_prose(paragraph: str) -> bool:
    head = paragraph.lstrip()
    return not (head.startswith(("|", "```", "~~~")) or _CAPTION.match(head))


@dataclass(frozen=True)
class _Part:
    """A section and what it is in the paper."""

    section: Section
    role: Role
    is_setup: bool
    is_appendix: bool


def _parts(document: Document) -> Iterator[_Part]:
    """Every section; one below another plays the same part, if that is not the paper's own."""
    above: list[_Part] = []
    is_first, is_near_end, is_appendix = True, False, False
    for section in document.sections:
        above = [each for each in above if each.section.level < section.level]
        inherited = next((up.role for up in above if up.role not in ("own", "abstract")), None)
        is_setup = bool(_SETUP.search(section.title)) or any(each.is_setup for each in above)
        role = inherited or _own_role(section, is_first=is_first)
        is_near_end |= role == "end" or bool(_LAST.match(section.title))
        is_lettered = bool(_LETTERED.fullmatch(section.number))
        is_appendix |= bool(_APPENDIX.match(section.title)) or (is_near_end and is_lettered)
        if role in ("own", "results") and is_appendix:
            role = _in_appendix(section, role)
        above.append(_Part(section, role, is_setup, is_appendix))
        is_first = False
        yield above[-1]


def _in_appendix(section: Section, role: Role) -> Role:
    title = _APPENDIX.sub("", section.title, count=1).strip()
    return role if not title or _tells_how(title) else "further"


def _tells_how(title: str) -> bool:
    return bool(_HOW.search(title)) and not (_MORE.search(title) or _OF_ANOTHER.search(title))


def _own_role(section: Section, *, is_first: bool) -> Role:
    title = section.title.strip()
    if _END.fullmatch(title.strip(" .:")) or _END.match(title):
        return "end"
    if title.lower().strip(" .:") == "abstract" or (is_first and not title):
        return "abstract"
    if _RESULTS.match(title):
        return "results"
    return "aside" if _ASIDE.search(title) else "own"
