"""Markdown as a paper: the Hub's own (`/papers/ID.md`), and a file of somebody's.

Read are headings of both kinds, pipe tables with their captions, pictures with theirs, code
blocks, and tables in HTML; links into the paper itself become plain words. Other HTML is left out,
with what it hides.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from ml_intern.tools.papers.addresses import absolute
from ml_intern.tools.papers.document import Document, Draft, How, Table, captioned
from ml_intern.tools.papers.headings import is_usual, level_of, numbered
from ml_intern.tools.papers.hidden import Ground, is_hidden_by
from ml_intern.tools.papers.html import MOST_BYTES, read_html

_FIELD = re.compile(r"(Title|URL Source|Published Time|Number of Pages): ?(.*)")
_BEGIN = "Markdown Content:"
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*")
_SETEXT = re.compile(r" {0,3}(=+|-{3,})[ \t]*")
_RULE = frozenset("|:- \t")
"""What the line below a table's header is made of."""
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"</?(?!(?:https?|mailto):)[a-zA-Z][^<>]{0,500}>")
_STYLED = re.compile(
    r"<([a-z][a-z0-9]{0,20})\s[^<>]{0,300}?(?:style\s*=\s*[\"']([^\"'<>]{0,300})|hidden\b)[^<>]{0,300}>",
    re.IGNORECASE,
)
# Possessive (`+`): what a page repeats in order to be slow would else be parted in all ways.
_IMAGE = re.compile(r"!\[([^\]\n]{0,500}+)\]\(\s*+<?([^)\s>]{0,2000}+)>?[^)\n]{0,300}+\)")
_LINK = re.compile(
    r"\[((?:[^\[\]\n]|\[[^\[\]\n]{0,200}+\]){0,500}+)\]\(([^()\s]{0,2000}+)[^()\n]{0,300}+\)"
)
_LABEL = re.compile(r"([*_]{1,2})((?:Table|Figure|Fig\.) [^*_\n]{1,20})\1")
_CELL_END = re.compile(r"(?<!\\)\|")
_LONGEST_LINE = 200_000


@dataclass(frozen=True)
class _Front:
    """What stands before the content."""

    title: str
    url: str
    lines: list[str]


def read_markdown(text: str, url: str, how: How = "markdown") -> Document:
    """Never fails: what is no Markdown is a document of one section."""
    seen, hidden = _seen(_COMMENT.sub("", text.replace("\r\n", "\n")))
    front = _front(seen)
    draft = Draft(title=front.title)
    if hidden:
        draft.notes.append(f"{hidden:,} characters that people cannot see were left out.")
    reader = _Reader(draft, front.url or url)
    for block in _blocks(front.lines):
        reader.take(block)
    reader.finish()
    return draft.document(url, how)


def _seen(text: str) -> tuple[str, int]:
    """Without what its own HTML hides, and how many characters that were."""
    pieces: list[str] = []
    place = hidden = 0
    lowered = text.lower()
    for tag in _STYLED.finditer(text):
        style = tag[2] if tag[2] is not None else "display:none"
        if tag.start() < place or not is_hidden_by(style, Ground()):
            continue
        end = lowered.find(f"</{tag[1].lower()}", tag.end())
        end = len(text) if end < 0 else end
        pieces.append(text[place : tag.start()])
        hidden += end - tag.end()
        place = end
    return "".join([*pieces, text[place:]]), hidden


def _front(text: str) -> _Front:
    """The fields that the Hub writes above the content, or a block of YAML, apart from the rest."""
    lines = [line[:_LONGEST_LINE] for line in text.split("\n")]
    if lines[0].strip() == "---" and "---" in (each.strip() for each in lines[1:200]):
        end = next(place for place in range(1, 200) if lines[place].strip() == "---")
        titles = [line.partition(":")[2] for line in lines[1:end] if line.startswith("title:")]
        return _Front("".join(titles[:1]).strip(" '\""), "", lines[end + 1 :])
    found, place = {}, 0
    while place < len(lines) and (not lines[place].strip() or _FIELD.fullmatch(lines[place])):
        if said := _FIELD.fullmatch(lines[place]):
            found[said[1]] = said[2].strip()
        place += 1
    if place < len(lines) and lines[place].strip() == _BEGIN:
        place += 1
    return _Front(found.get("Title", ""), found.get("URL Source", ""), lines[place:])


@dataclass(frozen=True)
class _Block:
    """Lines that belong together. `level`: of a heading, else 0."""

    text: str
    level: int = 0
    is_code: bool = False


def _blocks(lines: list[str]) -> Iterator[_Block]:
    held: list[str] = []
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if fence or mark:
            held.append(line)
            closes = bool(fence) and line.strip().startswith(fence) and not line.strip(" `~")
            if closes or not fence:
                if not fence and len(held) > 1:
                    yield _Block("\n".join(held[:-1]))
                    held = held[-1:]
                fence = "" if closes else (mark[1] if mark else "")
                if closes:
                    yield _Block("\n".join(held), is_code=True)
                    held = []
            continue
        heading = _ATX.fullmatch(line)
        under = _SETEXT.fullmatch(line) if held and "|" not in held[-1] else None
        if heading or under or not line.strip():
            if under and len(held) == 1:
                yield _Block(held[0].strip(), 1 if "=" in under[1] else 2)
            elif held:
                yield _Block("\n".join(held))
            held = []
            if heading:
                yield _Block(heading[2], len(heading[1]))
        else:
            held.append(line)
    if held:
        yield _Block("\n".join(held), is_code=bool(fence))


class _Reader:
    """Puts blocks into a draft. A table or picture waits for the caption that may follow it."""

    def __init__(self, draft: Draft, base: str) -> None:
        self._draft = draft
        self._base = base
        self._table: list[list[str]] | None = None
        self._picture = ""
        self._caption: tuple[str, str] | None = None
        self._has_heading = False

    def take(self, block: _Block) -> None:
        if block.level:
            self._flush()
            self._head(block)
        elif block.is_code:
            self._flush()
            self._draft.paragraph(block.text)
        elif rows := _table(block.text):
            self._take_table([[self._plain(cell) for cell in row] for row in rows])
        elif tables := _html_tables(block.text, self._base):
            self._flush()
            for table in tables:
                self._draft.table(table.label, table.caption, table.rows)
        else:
            self._take_text(block.text)

    def finish(self) -> None:
        self._flush()

    def _head(self, block: _Block) -> None:
        number, title = numbered(self._plain(block.text))
        is_title = block.level == 1 and not self._has_heading and not number
        self._has_heading = True
        if is_title and (not self._draft.title or _same(title, self._draft.title)):
            self._draft.title = title
            return
        level = level_of(number) if number or is_usual(title) else max(1, block.level - 1)
        self._draft.heading(number, title, level)

    def _take_table(self, rows: list[list[str]]) -> None:
        if self._caption is None or not self._caption[0].startswith("Table"):
            self._flush()
            self._table = rows
            return
        label, caption = self._caption
        self._caption = None
        self._draft.table(label, caption, rows)

    def _take_text(self, text: str) -> None:
        pictures = _IMAGE.findall(text)
        words = self._plain(_IMAGE.sub(" ", text))
        for _alt, address in pictures:
            self._flush()
            self._picture = absolute(self._base, unescape(address))
        found = captioned(_unstyled(words)) if words else None
        if found is None:
            if words:
                self._flush()
                self._draft.paragraph(words)
            return
        label, caption = found
        if label.startswith("Figure"):
            picture, self._picture = self._picture, ""
            self._flush()
            self._draft.figure(label, caption, picture)
        elif self._table is not None:
            rows, self._table = self._table, None
            self._draft.table(label, caption, rows)
        else:
            self._flush()
            self._caption = found

    def _flush(self) -> None:
        """What has waited stands alone."""
        if self._table is not None:
            self._draft.table("", "", self._table)
        if self._picture:
            self._draft.figure("", "", self._picture)
        if self._caption is not None:
            label, caption = self._caption
            self._draft.paragraph(f"{label}: {caption}")
        self._table, self._picture, self._caption = None, "", None

    def _plain(self, text: str) -> str:
        """Without tags, and without addresses that lead into the paper itself."""
        return unescape(_LINK.sub(self._words, _TAG.sub("", text))).strip()

    def _words(self, link: re.Match[str]) -> str:
        words, address = link[1], link[2]
        page = address.partition("#")[0]
        if not page or address == words or _is_same(page, self._base.partition("#")[0]):
            return words
        return f"{words} ({address})" if address.startswith("http") else words


def _table(text: str) -> list[list[str]] | None:
    """The cells of a pipe table; None for other text."""
    lines = text.split("\n")
    if (
        len(lines) < 2
        or "|" not in lines[0]
        or "-" not in lines[1]
        or not _RULE.issuperset(lines[1])
    ):
        return None
    return [_cells(line) for line in (lines[0], *lines[2:])]


def _unstyled(words: str) -> str:
    """A caption without the marks of its label (`**Table 2**: ...`), or of the whole."""
    words = _LABEL.sub(r"\2", words, count=1)
    return words.strip("*_") if words[:1] in ("*", "_") else words


def _html_tables(text: str, base: str) -> Sequence[Table]:
    """Of a block that is nothing else; empty for other text."""
    words = text.strip()
    is_table = words[:6].lower() == "<table" and words[-8:].lower() == "</table>"
    content = words.encode() if is_table else b""
    return read_html(content, base).tables if 0 < len(content) <= MOST_BYTES else ()


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    cells = _CELL_END.split(inner)
    if cells and not cells[-1].strip():
        cells.pop()
    return [cell.replace("\\|", "|").replace("<br>", " ").strip() for cell in cells]


def _same(one: str, other: str) -> bool:
    return "".join(one.lower().split()) == "".join(other.lower().split())


def _is_same(one: str, other: str) -> bool:
    return one.removesuffix("/") == other.removesuffix("/")
