"""A paper as it was read: sections, tables and figures, whatever it was read from.

Text is plain: paragraphs are parted by an empty line, mathematics stand as LaTeX between dollars,
tables stand where they were as Markdown. What is quoted from it must occur in it: see `holds`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

How = Literal["hub_markdown", "arxiv_html", "html", "markdown", "latex", "pdf", "ocr", "text"]
"""The form it was read from; `ocr`: characters were guessed from pictures."""
Row = tuple[str, ...]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points, from the lower left corner of a page."""

MOST_CHARACTERS = 4_000_000
MOST_SECTIONS = 2_000
MOST_PARTS = 1_000
"""Of tables, and of figures."""
MOST_CELLS = 5_000
"""Of one table."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it, up to the next heading of any level."""

    number: str
    """As printed, without a full stop at its end: `3.1`, `B.2`, `IV`; empty for none."""
    title: str
    """Without the number; empty for what stands before the first heading."""
    text: str
    level: int
    """1 for a section, 2 for its subsections, and so on."""

    @property
    def name(self) -> str:
        """Number and title, as people write them."""
        return f"{self.number} {self.title}".strip()


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells row by row, the header first where there is one; all rows are equally long."""

    label: str
    """`Table 2`; empty where it has none."""
    caption: str
    """Without the label."""
    rows: tuple[Row, ...]
    section: int
    """Index of the section that it stands in."""
    page: int | None = None
    """Counted from 1; None where there are no pages."""

    @property
    def markdown(self) -> str:
        """The cells as a Markdown table."""
        return markdown_table(self.rows)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture or diagram: where it can be had, and what the paper says of it."""

    label: str
    """`Figure 1`; empty where it has none."""
    caption: str
    """Without the label."""
    section: int
    """Index of the section that it stands in."""
    picture: str = ""
    """Absolute URL, or path within the source; empty where the picture is only drawn on a page."""
    page: int | None = None
    box: Box | None = None
    """Of the caption on its page."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One paper. The sections stand in reading order; their numbers may be missing or repeated."""

    title: str
    sections: tuple[Section, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    url: str
    """Where it was read; for a local file its path."""
    how: How
    notes: tuple[str, ...] = ()
    """What a reader must know: pages left out, columns that run into each other, guesses."""

    @property
    def text(self) -> str:
        """All of it, with the headings."""
        parts = (f"{each.name}\n\n{each.text}".strip() for each in self.sections)
        return "\n\n".join(part for part in parts if part)

    def holds(self, sentence: str) -> bool:
        """Whether these words occur in the title, one section or a caption, white space aside."""
        wanted = squeezed(sentence)
        texts = [self.title, *(each.text for each in self.sections)]
        captions = [
            *(each.caption for each in self.tables),
            *(each.caption for each in self.figures),
        ]
        return bool(wanted) and any(wanted in squeezed(text) for text in (*texts, *captions))


def squeezed(text: str) -> str:
    """With one space wherever there is white space."""
    return " ".join(text.split())


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows of equal length, the first of them as the header."""
    if not rows:
        return ""
    cells = [[squeezed(cell).replace("|", "\\|") for cell in row] for row in rows]
    head, *body = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def evened(rows: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """All rows as long as the longest, without rows and columns that hold nothing, bounded."""
    width = max((len(row) for row in rows), default=0)
    full = [[squeezed(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    columns = [place for place in range(width) if any(row[place] for row in full)]
    kept = [tuple(row[place] for place in columns) for row in full if any(row)]
    return tuple(kept[: MOST_CELLS // max(1, len(columns))])


_CAPTION = re.compile(
    r"(?P<kind>Figure|Fig\.?|Table|Tab\.)\s*(?P<number>[A-Z]?\.?\d+(?:\.\d+)*[a-z]?|[IVX]+)"
    r"\s*(?:[:.|]|\u2014|\u2013|$)\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)


_ROMAN = re.compile(r"TABLE ([IVX]+)\s+(?=[A-Z])(.*)", re.DOTALL)
"""As some journals set it, without a sign between label and caption."""


def captioned(text: str) -> tuple[str, str] | None:
    """Label (`Figure 3`, `Table IV`) and caption of a paragraph that is one; None for others."""
    if roman := _ROMAN.fullmatch(squeezed(text)):
        return f"Table {roman[1]}", roman[2].strip()
    found = _CAPTION.fullmatch(squeezed(text))
    if found is None:
        return None
    kind = "Figure" if found["kind"].lower().startswith("fig") else "Table"
    return f"{kind} {found['number'].upper()}", found["rest"].strip()


@dataclass
class Draft:
    """A document as it is being read, part after part, bounded whatever comes."""

    title: str = ""
    notes: list[str] = field(default_factory=list)
    _sections: list[Section] = field(default_factory=list)
    _paragraphs: list[str] = field(default_factory=list)
    _heading: tuple[str, str, int] = ("", "", 1)
    _figures: list[Figure] = field(default_factory=list)
    _tables: list[Table] = field(default_factory=list)
    _room: int = MOST_CHARACTERS
    _is_cut: bool = False

    def heading(self, number: str, title: str, level: int) -> None:
        """What comes next stands below it."""
        self._close()
        if len(self._sections) >= MOST_SECTIONS:
            self._is_cut = True
            return self.paragraph(f"{number} {title}")
        self._heading = (number, squeezed(title), max(1, level))
        return None

    def paragraph(self, text: str) -> None:
        """Lines within it stay as they are."""
        kept = text.strip()[: max(0, self._room)]
        self._is_cut |= len(kept) < len(text.strip())
        self._room -= len(kept)
        if kept:
            self._paragraphs.append(kept)

    def table(
        self, label: str, caption: str, rows: Sequence[Sequence[str]], page: int | None = None
    ) -> None:
        """It is shown where it stands, below its caption, and kept as cells."""
        even = evened(rows)
        name = f"{label}: {caption}" if label and caption else label or caption
        self.paragraph(name)
        self.paragraph(markdown_table(even))
        if len(self._tables) < MOST_PARTS:
            here = len(self._sections)
            self._tables.append(
                Table(label=label, caption=caption, rows=even, section=here, page=page)
            )

    def figure(
        self,
        label: str,
        caption: str,
        picture: str = "",
        page: int | None = None,
        box: Box | None = None,
    ) -> None:
        """Its caption stands in the text; the picture does not."""
        name = f"{label}: {caption}" if label and caption else label or caption
        self.paragraph(f"[{name}]" if name else "")
        if len(self._figures) < MOST_PARTS:
            here = len(self._sections)
            self._figures.append(
                Figure(
                    label=label, caption=caption, section=here, picture=picture, page=page, box=box
                )
            )

    def document(self, url: str, how: How) -> Document:
        """All that was read."""
        self._close()
        if self._is_cut:
            self.notes.append(
                f"It is longer than the {MOST_CHARACTERS:,} characters and {MOST_SECTIONS:,} "
                "sections that are read of one document; the rest was left out."
            )
        return Document(
            title=squeezed(self.title),
            sections=tuple(self._sections),
            figures=tuple(self._figures),
            tables=tuple(self._tables),
            url=url,
            how=how,
            notes=tuple(self.notes),
        )

    def _close(self) -> None:
        """End the section that is open, if there is one."""
        number, title, level = self._heading
        if title or number or self._paragraphs:
            text = "\n\n".join(self._paragraphs)
            self._sections.append(Section(number=number, title=title, text=text, level=level))
        self._heading, self._paragraphs = ("", "", 1), []
