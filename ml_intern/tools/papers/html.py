"""HTML as a paper: what LaTeXML makes of it (arXiv, ar5iv), and any page with headings.

Mathematics come from `alttext` as LaTeX. Navigation, scripts and what people cannot see are left
out; the last is counted and said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from lxml import etree, html

from ml_intern.errors import InputError
from ml_intern.tools.papers.addresses import absolute
from ml_intern.tools.papers.document import Document, Draft, How, captioned, squeezed
from ml_intern.tools.papers.headings import is_usual, level_of, numbered
from ml_intern.tools.papers.hidden import Ground, ground_under, is_hidden_by, styles_of

MOST_BYTES = 16 << 20
_DEEPEST = 100
"""Elements within elements; what lies deeper is read as plain text."""
_SKIPPED = frozenset(
    re.findall(
        r"[\w-]+",
        "script style noscript template nav aside footer form button select textarea input iframe "
        "object embed svg canvas audio video datalist head title meta link dialog annotation "
        "annotation-xml",
    )
)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "html body main article section div p ul ol li dl dt dd blockquote pre figure figcaption "
        "table tbody thead tfoot tr td th caption h1 h2 h3 h4 h5 h6 header hr center details "
        "summary address fieldset",
    )
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEVELS = {
    "ltx_title_part": 1,
    "ltx_title_chapter": 1,
    "ltx_title_section": 1,
    "ltx_title_appendix": 1,
    "ltx_title_bibliography": 1,
    "ltx_title_abstract": 1,
    "ltx_title_acknowledgements": 1,
    "ltx_title_subsection": 2,
    "ltx_title_subsubsection": 3,
    "ltx_title_paragraph": 4,
    "ltx_title_subparagraph": 5,
}
_CHROME = frozenset(
    {
        "ltx_page_navbar",
        "ltx_page_footer",
        "ltx_dates",
        "ltx_TOC",
        "ltx_pagination",
        "ltx_role_email",
    }
)
_MOST_SPAN = 60
_HEAD = 4096
_CHARSET = re.compile(rb"charset\s*=|<\?xml[^>]*encoding", re.IGNORECASE)
Element = Any
"""lxml has no types of its own."""


@dataclass(frozen=True)
class _Here:
    """Where the walk is."""

    ground: Ground
    depth: int = 0


def read_html(content: bytes, url: str, how: How = "html", charset: str | None = None) -> Document:
    """Raises InputError for what holds no page at all, and for more than `MOST_BYTES`."""
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{url} has {len(content):,} bytes of HTML; at most {MOST_BYTES:,} are read. "
            "Look for its PDF or its source."
        )
    page, log = parsed(content, url, charset)
    base = page.find(".//base[@href]")
    reader = _Reader(
        draft=Draft(title=_title(page)),
        base=(base is not None and absolute(url, base.get("href"))) or _folder(url),
        styles=styles_of(sheet.text or "" for sheet in page.iter("style")),
    )
    reader.walk(_root(page), _Here(Ground()))
    reader.flush()
    if any("depth" in each.message for each in log):
        reader.draft.notes.append("It is nested too deep; what lies deepest was left out.")
    if reader.hidden:
        reader.draft.notes.append(
            f"{reader.hidden:,} characters that people cannot see were left out."
        )
    return reader.draft.document(url, how)


def is_latexml(content: bytes) -> bool:
    """Whether it is a paper that LaTeXML wrote, not a page that says that there is none."""
    return b"ltx_document" in content


def parsed(content: bytes, url: str, charset: str | None) -> tuple[Element, Element]:
    """The page, and what the parser had to say of it. Raises InputError for what is no HTML."""
    encoding = charset if charset and _is_known(charset) else _said_by_none(content)
    parser = html.HTMLParser(
        encoding=encoding, remove_comments=True, remove_pis=True, no_network=True, huge_tree=False
    )
    try:
        page = html.document_fromstring(content, parser=parser)
    except (etree.LxmlError, ValueError, LookupError) as exc:
        raise InputError(
            f"{url} is no HTML that can be read ({len(content):,} bytes): {exc}."
        ) from exc
    return page, parser.error_log


def _is_known(charset: str) -> bool:
    try:
        html.HTMLParser(encoding=charset)
    except LookupError:
        return False
    return True


def _said_by_none(content: bytes) -> str | None:
    """UTF-8 where it is that and says nothing else of itself; libxml2 would take it for Latin-1."""
    if _CHARSET.search(content[:_HEAD]):
        return None
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _folder(url: str) -> str:
    """What relative addresses start from: pictures lie below arXiv's pages, not beside them."""
    parts = urlsplit(url)
    is_paper = re.search(r"/html/[^/]+(/\d+)?$|/html/[\w.-]+/\d{7}(v\d+)?$", parts.path)
    return f"{parts.scheme}://{parts.netloc}{parts.path}/" if is_paper else url


def _title(page: Element) -> str:
    for path in (".//h1[@class]", ".//h1", ".//title"):
        for found in page.iterfind(path):
            if path != ".//h1[@class]" or "ltx_title_document" in found.get("class", ""):
                return squeezed(_words(found))
    return ""


def _root(page: Element) -> Element:
    for found in page.iter("article"):
        if "ltx_document" in found.get("class", "").split():
            return found
    for path in (".//main", ".//article", ".//body"):
        if (found := page.find(path)) is not None:
            return found
    return page


def _words(element: Element) -> str:
    """Every character in it, whatever it is."""
    return "".join(element.itertext())


def _classes(element: Element) -> frozenset[str]:
    return frozenset((element.get("class") or "").split())


@dataclass
class _Reader:
    """Walks a page and puts what it finds into a draft."""

    draft: Draft
    base: str
    styles: dict[str, str]
    hidden: int = 0
    _pieces: list[str] = field(default_factory=list)
    _footnotes: list[str] = field(default_factory=list)

    def walk(self, element: Element, here: _Here) -> None:
        """All of an element but its tail."""
        if (inside := self._inside(element, here)) is None:
            return
        if inside.depth > _DEEPEST:
            self._pieces.append(self._seen(element, inside))
            return
        special = self._special(element)
        if special is not None:
            special(element, inside)
            return
        is_block = element.tag in _BLOCKS
        if is_block:
            self.flush()
        self._children(element, inside)
        if is_block:
            self.flush()

    def flush(self) -> None:
        """What was gathered is a paragraph."""
        text = squeezed("".join(self._pieces))
        self._pieces.clear()
        if text and text != "-":
            self.draft.paragraph(text)
        for words in self._footnotes:
            self.draft.paragraph(words)
        self._footnotes.clear()

    def _special(self, element: Element) -> Any:
        tag, classes = element.tag, _classes(element)
        if tag in _HEADINGS or "ltx_title" in classes:
            return self._heading
        if "ltx_role_footnote" in classes:
            return self._footnote
        if tag == "math":
            return self._math
        if tag == "figure":
            return self._figure
        if tag == "pre":
            return self._code
        if "ltx_tabular" in classes or (tag == "table" and not _is_equation(classes)):
            return self._table
        return {
            "br": self._break,
            "img": self._image,
            "a": self._link,
            "li": self._item,
        }.get(tag)

    def _inside(self, element: Element, here: _Here) -> _Here | None:
        """Where its children stand; None for an element that is not read."""
        tag = element.tag
        classes = _classes(element)
        if not isinstance(tag, str) or tag in _SKIPPED or classes & _CHROME:
            return None
        style = self._style(element, classes)
        ground = ground_under(style, here.ground)
        if element.get("hidden") is not None or is_hidden_by(style, ground):
            self.hidden += len(squeezed(_words(element)))
            return None
        return replace(here, ground=ground, depth=here.depth + 1)

    def _style(self, element: Element, classes: frozenset[str]) -> str:
        names = [*(f".{name}" for name in classes), f"#{element.get('id', '')}"]
        parts = [self.styles[name] for name in names if name in self.styles]
        if element.tag == "font" and (colour := element.get("color")):
            parts.append(f"color:{colour}")
        if colour := element.get("bgcolor"):
            parts.append(f"background-color:{colour}")
        return ";".join([*parts, element.get("style") or ""]).strip(";")

    def _children(self, element: Element, here: _Here) -> None:
        self._pieces.append(element.text or "")
        for child in element:
            self.walk(child, here)
            self._pieces.append(child.tail or "")

    def _seen(self, element: Element, here: _Here) -> str:
        """The words in an element as they stand, without those that are hidden."""
        pieces = [element.text or ""]
        for child in element:
            inside = self._inside(child, here)
            pieces += [self._seen(child, inside) if inside is not None else "", child.tail or ""]
        return "".join(pieces)

    def _inline(self, element: Element, here: _Here) -> str:
        """The words in an element, on one line, apart from what was gathered around it."""
        inner = _Reader(draft=Draft(), base=self.base, styles=self.styles)
        inner._children(element, here)
        inner.flush()
        self.hidden += inner.hidden
        sections = inner.draft.document("", "html").sections
        return squeezed(" ".join(section.text for section in sections))

    # What is not only words

    def _heading(self, element: Element, here: _Here) -> None:
        self.flush()
        classes = _classes(element)
        text = self._inline(element, here)
        if not text or "ltx_title_document" in classes or text == self.draft.title:
            return
        number, title = numbered(text)
        tag = next((each for each in element.iter("span") if "ltx_tag" in _classes(each)), None)
        if tag is not None:
            mark = squeezed(_words(tag))
            number = re.sub(r"(?i)^(appendix|section|chapter)\s+", "", mark).rstrip(".:")
            title = text.removeprefix(mark).strip()
        level = min((_LEVELS[each] for each in classes if each in _LEVELS), default=0)
        if not level:
            plain = max(1, _HEADINGS.get(element.tag, 2) - 1)
            level = level_of(number) if number or is_usual(title) else plain
        self.draft.heading(number, title.rstrip(".") if level > 3 else title, level)

    def _math(self, element: Element, here: _Here) -> None:
        seen = squeezed(self._seen(element, here))
        formula = squeezed(element.get("alttext") or "") or seen
        if not seen:  # nothing of it is shown to people
            self.hidden += len(formula)
            return
        mark = "$$" if element.get("display") == "block" else "$"
        self._pieces.append(f"{mark}{formula}{mark}")

    def _footnote(self, element: Element, here: _Here) -> None:
        """Its words stand below the paragraph that has its mark."""
        content = next(
            (each for each in element.iter() if "ltx_note_content" in _classes(each)), element
        )
        words = self._inline(content, here)
        for mark in content:
            if _classes(mark) & {"ltx_note_mark", "ltx_tag_note"}:
                words = words.removeprefix(squeezed(_words(mark))).lstrip()
        self._footnotes.append(words)

    def _break(self, _element: Element, _here: _Here) -> None:
        self._pieces.append(" ")

    def _image(self, element: Element, _here: _Here) -> None:
        """One outside a figure; small ones are signs, not pictures."""
        if (address := self._picture(element)) and "ltx_graphics" in _classes(element):
            self.flush()
            self.draft.figure("", "", address)

    def _link(self, element: Element, here: _Here) -> None:
        self._children(element, here)
        address = element.get("href") or ""
        words = squeezed(_words(element))
        is_own = address.partition("#")[0].rstrip("/") in (self.base.rstrip("/"), words.rstrip("/"))
        if words and not is_own and address.startswith(("http://", "https://")):
            self._pieces.append(f" ({address})")

    def _item(self, element: Element, here: _Here) -> None:
        self.flush()
        has_mark = any("ltx_tag" in _classes(child) for child in element)
        self._pieces.append("" if has_mark else "- ")
        self._children(element, here)
        self.flush()

    def _code(self, element: Element, here: _Here) -> None:
        self.flush()
        self.draft.paragraph(f"```\n{self._seen(element, here).strip()}\n```")

    def _table(self, element: Element, here: _Here) -> None:
        self.flush()
        caption = element.find("caption")
        found = captioned(words := self._caption(caption, here)) or ("", words)
        self.draft.table(*found, self._rows(element, here))

    def _figure(self, element: Element, here: _Here) -> None:
        self.flush()
        caption = next((each for each in element if each.tag == "figcaption"), None)
        words = self._caption(caption, here)
        label, rest = captioned(words) or ("", words)
        tables = [each for each in element.iter() if _is_table(each) and not _within_table(each)]
        pictures = [address for each in element.iter("img") if (address := self._picture(each))]
        if tables and not label.startswith("Figure"):
            for table in tables:
                self.draft.table(label, rest, self._rows(table, here))
        elif pictures or label.startswith("Figure"):
            for count, picture in enumerate(pictures or [""], 1):
                part = f" (part {count})" if count > 1 else ""
                self.draft.figure(label + part, rest if count == 1 else "", picture)
        else:  # an algorithm, a listing
            self._children(element, here)
            self.flush()

    def _caption(self, caption: Element | None, here: _Here) -> str:
        if caption is None or (inside := self._inside(caption, here)) is None:
            return ""
        if caption.find(".//figure") is not None:  # each would be read for itself, and here again
            return squeezed(self._seen(caption, inside))
        return self._inline(caption, inside)

    def _picture(self, image: Element) -> str:
        return absolute(self.base, image.get("src") or "")

    def _rows(self, table: Element, here: _Here) -> list[list[str]]:
        """Cells of a table; one that spans several stands in each of them."""
        rows: list[list[str]] = []
        below: dict[int, tuple[str, int]] = {}
        for row in _parts(table, "tr", "ltx_tr"):
            cells: list[str] = []
            for cell in _parts(row, "td", "ltx_td", "th", "ltx_th"):
                _fill(cells, below)
                inside = self._inside(cell, here)
                text = self._inline(cell, inside) if inside is not None else ""
                for _ in range(_span(cell, "colspan", "ltx_colspan_")):
                    below[len(cells)] = (text, _span(cell, "rowspan", "ltx_rowspan_") - 1)
                    cells.append(text)
            _fill(cells, below)
            rows.append(cells)
        return rows


def _fill(cells: list[str], below: dict[int, tuple[str, int]]) -> None:
    """Put in the cells that reach down from rows above."""
    while (held := below.get(len(cells))) is not None and held[1] > 0:
        below[len(cells)] = (held[0], held[1] - 1)
        cells.append(held[0])


def _span(cell: Element, name: str, prefix: str) -> int:
    said = cell.get(name) or next(
        (each.removeprefix(prefix) for each in _classes(cell) if each.startswith(prefix)), "1"
    )
    return min(max(1, int(said)), _MOST_SPAN) if said.isascii() and said.isdigit() else 1


def _is_equation(classes: frozenset[str]) -> bool:
    return any(each.startswith(("ltx_equation", "ltx_eqn")) for each in classes)


def _is_table(element: Element) -> bool:
    classes = _classes(element) if isinstance(element.tag, str) else frozenset()
    return "ltx_tabular" in classes or (element.tag == "table" and not _is_equation(classes))


def _within_table(element: Element) -> bool:
    return any(_is_table(above) for above in element.iterancestors())


def _parts(element: Element, *names: str) -> Iterator[Element]:
    """The nearest elements below with one of these tags or classes."""
    for child in element:
        if isinstance(child.tag, str) and (child.tag in names or _classes(child) & set(names)):
            yield child
        else:
            yield from _parts(child, *names)
