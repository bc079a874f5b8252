"""Lines in reading order, made into headings, paragraphs and captions.

A heading is told by its letters (larger or bolder than the text) together with a number or a usual
title, so that a list or a sentence that begins with a number is none.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ml_intern.tools.papers.confined.layout import Line
from ml_intern.tools.papers.document import Box, Draft, Row, captioned
from ml_intern.tools.papers.headings import is_usual, level_of, numbered

_MARGIN = 0.09
"""Of a page's height, above and below: where running heads and page numbers stand."""
_FOOTNOTE = re.compile(r"(?:\d{1,2}|[*\u2020\u2021\u00a7\u00b6\u00b9\u00b2\u00b3])\s?[A-Z(h]")
_CAPTION = re.compile(
    r"(?:Figure|Fig\.?|Table|Tab\.)\s*(?:[A-Z]?\.?\d+[\d.]*|[IVX]+)\s*(?:[:.|\u2014\u2013]|$)"
)
_ABSTRACT = re.compile(r"(Abstract)\s*(?:[\u2014\u2013:.-]+\s*(.+))?", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_STAMP = re.compile(r"arXiv:\d{4}\.\d{4,5}.*")
_LEADERS = re.compile(r"\.(?: ?\.){3}")
"""Of a table of contents."""
_ROMAN = {
    name: value
    for value, name in enumerate(
        ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"), 1
    )
}
_LONGEST_LABEL = 100
"""Characters of what stands in a figure on one line; more is text with a frame around it."""
_LONGEST_HEADING = 160
_KEEPS_HYPHEN = frozenset(
    re.findall(
        r"\w+",
        "fine zero few self cross well low high state long short large small two one end open",
    )
)
"""First words of what is written with a hyphen: `fine-tuned` at the end of a line stays so."""


@dataclass(frozen=True)
class FoundTable:
    """Cells on a page, and where they stand."""

    page: int
    box: Box
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Page:
    """A page as it was laid out."""

    number: int
    height: float
    lines: list[Line]


def caption_pages(pages: Iterable[Page]) -> list[int]:
    """Numbers of the pages on which the caption of a table begins."""
    return [
        page.number
        for page in pages
        if any(_CAPTION.match(line.text) and line.text[0] == "T" for line in page.lines)
    ]


def figure_captions(page: Page) -> list[Box]:
    """Boxes of the lines with which captions of figures begin."""
    return [
        (line.left, line.bottom, line.right, line.top)
        for line in page.lines
        if _CAPTION.match(line.text) and line.text[0] == "F"
    ]


def structure(
    pages: Sequence[Page],
    tables: Sequence[FoundTable],
    draft: Draft,
    figures: Mapping[int, Sequence[Box]] | None = None,
) -> None:
    """Put all of it into `draft`, but for words in `figures`: where they are, by page."""
    heads = _running_heads(pages)
    lines = [
        line for page in pages for line in page.lines if not _is_margin(line, page.height, heads)
    ]
    lines = [line for line in lines if not _is_label(line, (figures or {}).get(line.page, ()))]
    captioned_tables = _assigned(tables, lines)
    lines = [line for line in lines if not _is_within(line, captioned_tables.values())]
    if not lines:
        return
    _Writer(draft, lines, captioned_tables).write()


def _running_heads(pages: Sequence[Page]) -> frozenset[str]:
    """What stands in the margin of several pages, numbers aside."""
    seen: Counter[str] = Counter()
    for page in pages:
        edge = [each for each in page.lines if _is_at_edge(each, page.height)]
        seen.update({_without_digits(each.text) for each in edge})
    return frozenset(text for text, count in seen.items() if count >= 3)


def _is_at_edge(line: Line, height: float) -> bool:
    return line.bottom > (1 - _MARGIN) * height or line.top < _MARGIN * height


def _without_digits(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _is_margin(line: Line, height: float, heads: frozenset[str]) -> bool:
    if _STAMP.match(line.text) or (len(line.text) <= 2 and line.top - line.bottom > 3 * line.size):
        return True
    if not _is_at_edge(line, height):
        return False
    return _without_digits(line.text) in heads or line.text.strip(" -\u2013").isdigit()


def _assigned(tables: Sequence[FoundTable], lines: Sequence[Line]) -> dict[int, FoundTable]:
    """For the caption that begins at a line (by its index), the table that is nearest to it."""
    found: dict[int, FoundTable] = {}
    starts = [
        place
        for place, line in enumerate(lines)
        if _CAPTION.match(line.text) and line.text[0] == "T"
    ]
    distances = sorted(
        (_distance(lines[place], table), place, index)
        for place in starts
        for index, table in enumerate(tables)
        if table.page == lines[place].page
    )
    used: set[int] = set()
    for distance, place, index in distances:
        if place not in found and index not in used and distance < 200:
            found[place] = tables[index]
            used.add(index)
    return {id(lines[place]): table for place, table in found.items()}


def _distance(line: Line, table: FoundTable) -> float:
    left, bottom, right, top = table.box
    aside = max(0.0, line.left - right, left - line.right)
    return max(line.bottom - top, bottom - line.top, 0.0) + 10 * aside


def _is_within(line: Line, tables: Iterable[FoundTable]) -> bool:
    middle_x, middle_y = (line.left + line.right) / 2, (line.bottom + line.top) / 2
    return any(
        table.page == line.page
        and table.box[0] - 2 <= middle_x <= table.box[2] + 2
        and table.box[1] <= middle_y <= table.box[3]
        and not _CAPTION.match(line.text)
        for table in tables
    )


def _is_label(line: Line, figures: Sequence[Box]) -> bool:
    """Whether it is short and stands wholly within a figure."""
    return any(
        line.left >= left - 1
        and line.right <= right + 1
        and line.bottom >= bottom - 1
        and line.top <= top + 1
        and len(line.text) < _LONGEST_LABEL
        for left, bottom, right, top in figures
    )


class _Writer:
    """Goes through the lines once."""

    def __init__(self, draft: Draft, lines: Sequence[Line], tables: dict[int, FoundTable]) -> None:
        self._draft = draft
        self._lines = lines
        self._tables = tables
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
        self._body = sizes.most_common(1)[0][0]
        gaps = Counter(
            round(above.bottom - below.bottom, 0)
            for above, below in pairwise(lines)
            if above.page == below.page and 0 < above.bottom - below.bottom < 4 * self._body
        )
        self._pitch = gaps.most_common(1)[0][0] if gaps else 1.2 * self._body
        self._hyphened = Counter(
            word.lower() for line in lines for word in _WORD.findall(line.text)
        )
        self._held: list[Line] = []
        self._footnotes: list[Line] = []
        """Below a sentence that goes on in the next column or on the next page."""
        self._last_number = 0
        self._is_begun = False
        """Whether a heading was written: what looks like one of an appendix may be an author."""
        self._last_letter = 0
        """Of the last appendix: 1 for A."""

    def write(self) -> None:
        place = self._title()
        while place < len(self._lines):
            line = self._lines[place]
            if self._is_caption(line):
                self._flush()
                place = self._take_caption(place)
                continue
            taken = self._heading(place)
            if taken:
                place += taken
                continue
            if self._is_footnote(line):
                self._footnotes.append(line)
                place += 1
                continue
            if self._held and self._begins(self._held[-1], line):
                self._flush()
            self._held.append(line)
            place += 1
        self._flush()

    def _title(self) -> int:
        """How many lines the title takes: the largest letters among the first lines."""
        first = [line for line in self._lines[:40] if line.page == self._lines[0].page]
        if not first:
            return 0
        largest = max(line.size for line in first[:6])
        if largest < 1.15 * self._body:
            return 0
        place = next(at for at, line in enumerate(first) if line.size == largest)
        end = place
        while end < len(first) and abs(first[end].size - largest) < 0.3 and end - place < 5:
            end += 1
        words = " ".join(line.text for line in first[place:end])
        if numbered(words)[0] or is_usual(words):  # a page from the middle of a paper
            return 0
        self._draft.title = words
        return end if place == 0 else 0

    # Headings

    def _heading(self, place: int) -> int:
        """How many lines the heading that begins here takes; 0: none does."""
        line = self._lines[place]
        if said := self._abstract(place):
            return said
        if not self._stands_out(line) or len(line.text) > _LONGEST_HEADING:
            return 0
        taken = [line]
        for below in self._lines[place + 1 : place + 3]:
            is_more = self._is_like(taken[-1], below) and not numbered(below.text)[0]
            if not is_more or is_usual(below.text):
                break
            taken.append(below)
        text = " ".join(each.text for each in taken)
        number, title = numbered(text)
        if text == self._draft.title or len(text) > _LONGEST_HEADING:
            return 0
        if not self._is_heading(line, number, title):
            return 0
        self._flush()
        self._is_begun = True
        self._count(number.split(".")[0])
        self._draft.heading(number, title, level_of(number))
        return len(taken)

    def _count(self, first: str) -> None:
        """Remember which section this is."""
        value = int(first) if first.isdigit() else _ROMAN.get(first, 0)
        if self._last_number <= value <= self._last_number + 2:
            self._last_number = value
        elif first:
            self._last_letter = ord(first[0]) - ord("A") + 1

    def _abstract(self, place: int) -> int:
        """`Abstract` alone on a line, or with the text behind it."""
        found = _ABSTRACT.fullmatch(self._lines[place].text.strip())
        if found is None or self._last_number:
            return 0
        self._flush()
        self._is_begun = True
        self._draft.heading("", "Abstract", 1)
        if found[2]:
            line = self._lines[place]
            line.text = found[2]
            self._held.append(line)
        return 1

    def _stands_out(self, line: Line) -> bool:
        if not re.search(r"[^\W\d_]{2}", line.text):
            return False
        is_larger = line.size > 1.06 * self._body
        return is_larger or line.is_bold or self._is_capitals(line.text) or is_usual(line.text)

    def _is_capitals(self, text: str) -> bool:
        """Small capitals of IEEE's style are capitals of two sizes."""
        letters = [char for char in text if char.isalpha()]
        return len(letters) >= 5 and sum(char.isupper() for char in letters) > 0.8 * len(letters)

    def _is_heading(self, line: Line, number: str, title: str) -> bool:
        if is_usual(title):
            return True
        if title.rstrip().endswith((".", ",", ";")) or not title[:1].isupper():
            return False
        if _LEADERS.search(title) or "_" in title:
            return False
        if number:
            return self._follows(number)
        return line.size > 1.12 * self._body and len(title) > 3 and len(title.split()) <= 12

    def _follows(self, number: str) -> bool:
        """Whether a section of this number can come now."""
        first = number.split(".")[0]
        if first.isdigit():
            return self._last_number <= int(first) <= self._last_number + 2
        if self._last_number <= _ROMAN.get(first, -1) <= self._last_number + 2:
            return True
        return self._is_begun and ord(first[0]) - ord("A") in (
            self._last_letter,
            self._last_letter - 1,
        )

    def _is_like(self, above: Line, below: Line) -> bool:
        near = above.page == below.page and above.column == below.column
        gap = above.bottom - below.top
        return (
            near
            and abs(above.size - below.size) < 0.3
            and above.is_bold == below.is_bold
            and (above.is_bold or above.size > 1.06 * self._body)
            and -2 < gap < 0.9 * above.size
        )

    # Paragraphs and captions

    def _is_caption(self, line: Line) -> bool:
        return _CAPTION.match(line.text) is not None

    def _take_caption(self, place: int) -> int:
        """Reads to the end of the caption; where the next line begins."""
        lines = self._lines
        taken = [lines[place]]
        end = place + 1
        while end < len(lines) and self._goes_on(taken, lines[end]):
            taken.append(lines[end])
            end += 1
        text = self._joined(taken)
        label, caption = captioned(text) or ("", text)
        first = taken[0]
        if label.startswith("Table"):
            table = self._tables.get(id(first))
            self._draft.table(label, caption, table.rows if table else (), page=first.page)
            return end
        box = (
            min(each.left for each in taken),
            min(each.bottom for each in taken),
            max(each.right for each in taken),
            max(each.top for each in taken),
        )
        self._draft.figure(label, caption, page=first.page, box=box)
        return end

    def _goes_on(self, taken: Sequence[Line], line: Line) -> bool:
        """Whether a line belongs to the caption above it."""
        last, first = taken[-1], taken[0]
        if line.page != last.page or line.column != last.column or self._is_caption(line):
            return False
        gap = last.bottom - line.top
        if not -0.5 * last.size < gap < 0.8 * last.size or abs(line.size - first.size) > 0.6:
            return False
        return len(taken) < 25 and not (numbered(line.text)[0] and line.is_bold)

    def _begins(self, above: Line, line: Line) -> bool:
        """Whether a line begins a paragraph."""
        if abs(above.size - line.size) > 1.5 and not self._is_open(above):
            return True
        if above.page != line.page or above.column != line.column or line.bottom > above.bottom:
            return not self._is_open(above)
        if above.bottom - line.bottom > 1.45 * self._pitch:
            return True
        indent = line.left - above.left
        is_indented = 0.6 * line.size < indent < 6 * line.size
        return is_indented and (not self._is_open(above) or above.text[-1:] == ":")

    def _is_open(self, line: Line) -> bool:
        """Whether its sentence goes on in the next line."""
        return line.text.rstrip()[-1:] not in '.!?:;\u201d"]'

    def _is_footnote(self, line: Line) -> bool:
        if not self._held or line.size > 0.93 * self._body:
            return False
        if self._footnotes:
            above = self._footnotes[-1]
            return above.page == line.page and above.column == line.column
        above = self._held[-1]
        is_below = above.page == line.page and above.column == line.column
        return is_below and self._is_open(above) and _FOOTNOTE.match(line.text) is not None

    def _flush(self) -> None:
        for lines in (self._held, self._footnotes):
            if lines:
                self._draft.paragraph(self._joined(lines))
        self._held, self._footnotes = [], []

    def _joined(self, lines: Sequence[Line]) -> str:
        """One paragraph; a word that was parted at the end of a line is whole again."""
        text = ""
        for line in lines:
            words = line.text.strip()
            if not text:
                text = words
            elif text.endswith("-") and words[:1].islower():
                text = self._unparted(text, words)
            else:
                text = f"{text} {words}"
        return text

    def _unparted(self, text: str, words: str) -> str:
        """With the hyphen where the word has one elsewhere."""
        before = re.search(r"[^\W\d_]+(?:-[^\W\d_]+)*-$", text)
        after = re.match(r"[^\W\d_]+", words)
        whole = f"{before[0]}{after[0]}".lower() if before and after else ""
        first = before[0].rstrip("-").lower() if before else ""
        is_own = self._hyphened[whole] > 0 or len(first) < 3 or "-" in first
        is_own |= first in _KEEPS_HYPHEN and after is not None and len(after[0]) > 3
        return f"{text}{words}" if is_own else f"{text[:-1]}{words}"
