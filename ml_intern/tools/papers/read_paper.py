"""The tool `read_paper`: a paper section by section, its tables and figures, and what it says of
something.
"""

import re
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.files.beneath import write_beneath
from ml_intern.tools.papers import pictures
from ml_intern.tools.papers.document import Document, Figure, Table
from ml_intern.tools.papers.find import find
from ml_intern.tools.papers.forms import Form, Opened, open_paper
from ml_intern.tools.papers.sections import pick, text_of
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed

MOST_LISTED = 60
"""Sections, tables or figures of one answer."""
_ABSTRACT_CHARS = 1_200
_CAPTION_CHARS = 200
_PASSAGE_CHARS = 1_100
_PASSAGES = 4
PICTURES = "papers"
"""Folder of the workspace that pictures are put into."""
T = TypeVar("T", Table, Figure)
Operation = Literal["outline", "section", "text", "find", "tables", "figures", "picture"]


class ReadPaperArguments(Arguments):
    """What of which paper."""

    paper: str = Field(
        min_length=1,
        max_length=2_000,
        description="arXiv id (with a version if it matters), DOI, whole title, address, or path "
        "of a PDF, HTML, LaTeX or Markdown file.",
    )
    operation: Operation = Field(
        "outline",
        description="outline: title, abstract, sections. section: the text of one, named by "
        "`section`. text: all of it in order. find: passages about `query`. tables, figures: a "
        "list, or the one named by `label`. picture: put figure `label` into the workspace.",
    )
    section: str = Field("", max_length=300, description="Number or title: 3.1, Method, Appendix B")
    query: str = Field("", max_length=500, description="For find.")
    label: str = Field("", max_length=60, description="Such as Table 2 or Figure 1.")
    offset: int = Field(0, ge=0, description="Where to read on: a character, or a list's entry.")
    limit: int = Field(5_000, ge=200, le=20_000, description="Characters of text.")
    form: Form = Field("best", description="What to read it from.")
    first_page: int = Field(1, ge=1, description="Of a long PDF.")


class ReadPaper(Tool[ReadPaperArguments]):
    """Reads the paper anew for every call, from the cache where it was read before."""

    name: ClassVar[str] = "read_paper"
    description: ClassVar[str] = (
        "Read a paper by section, beginning with the outline, or its tables, figures and passages. "
        "Answers say what they were read from and how to read on; text that was guessed from scans "
        "says so."
    )
    arguments = ReadPaperArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True
    timeout_s: ClassVar[float] = 420.0

    def run(self, args: ReadPaperArguments, ctx: ToolContext) -> ToolOutcome:
        """Raises InputError and OutsideError for what cannot be read, with what to do."""
        opened = open_paper(args.paper, args.form, args.first_page, ctx)
        document = opened.document
        answer: dict[str, Any] = {
            "title": document.title,
            "url": document.url,
            "read_from": document.how,
        }
        answer |= _answer(args, opened, ctx)
        if document.notes:
            answer["note"] = " ".join(document.notes)
        outcome = succeed(answer)
        return ToolOutcome(ok=True, output=outcome.output, sources=opened.sources)


def _answer(args: ReadPaperArguments, opened: Opened, ctx: ToolContext) -> dict[str, Any]:
    document = opened.document
    match args.operation:
        case "outline":
            return _outline(args, document)
        case "section":
            places = pick(document, _needed(args.section, "section", "section"))
            whole = {"section": document.sections[places[0]].name}
            return whole | _part(args, text_of(document, places))
        case "text":
            return _part(args, document.text)
        case "find":
            return _found(document, _needed(args.query, "query", "find"))
        case "tables":
            return _tables(args, document)
        case "figures":
            return _figures(args, document)
        case "picture":
            return _picture(_needed(args.label, "label", "picture"), opened, ctx)


def _needed(value: str, name: str, operation: str) -> str:
    if not value.strip():
        raise InputError(f"operation={operation} needs `{name}`.")
    return value


def _outline(args: ReadPaperArguments, document: Document) -> dict[str, Any]:
    sections = [
        {"section": f"{'  ' * (each.level - 1)}{each.name}"[:120], "characters": len(each.text)}
        for each in document.sections
        if each.name
    ]
    abstract = next((each.text for each in document.sections if each.title == "Abstract"), "")
    if not abstract and document.sections and not document.sections[0].name:
        abstract = document.sections[0].text
    shown = sections[args.offset : args.offset + MOST_LISTED]
    answer: dict[str, Any] = {
        "abstract": _cut(abstract, _ABSTRACT_CHARS),
        "sections": shown,
        "tables": len(document.tables),
        "figures": len(document.figures),
    }
    return answer | _more(args, len(shown), len(sections), "sections")


def _part(args: ReadPaperArguments, text: str) -> dict[str, Any]:
    """Some of a text, ended where a paragraph or a sentence ends if that is near."""
    if args.offset and args.offset >= len(text):
        raise InputError(
            f"It has {len(text):,} characters; offset {args.offset} is behind its end."
        )
    part = text[args.offset : args.offset + args.limit]
    end = args.offset + len(part)
    if end < len(text):
        ends = [part.rfind(mark) + len(mark) for mark in ("\n\n", ". ", "\n") if mark in part]
        near = [each for each in ends if each > 0.7 * len(part)]
        part = part[: near[0]] if near else part
        end = args.offset + len(part)
    answer: dict[str, Any] = {"text": part.strip(), "characters": len(text)}
    if end < len(text):
        answer["read_on"] = f"{len(text) - end:,} characters are left: offset={end}"
    return answer


def _found(document: Document, query: str) -> dict[str, Any]:
    passages = find(document, query, _PASSAGES)
    if not passages:
        raise InputError(f"No word of {query!r} occurs in it. Try other words, or the outline.")
    return {
        "passages": [
            {
                "section": document.sections[each.section].name or "(before the first heading)",
                "text": _cut(each.text, _PASSAGE_CHARS),
            }
            for each in passages
        ]
    }


def _tables(args: ReadPaperArguments, document: Document) -> dict[str, Any]:
    if args.label:
        table = _labelled(document.tables, args.label)
        caption = {"table": table.label, "caption": table.caption, "section": _in(document, table)}
        if not table.rows:
            caption["note_of_table"] = "Its cells could not be told apart; read its section."
        return caption | _part(args, table.markdown)
    shown = document.tables[args.offset : args.offset + MOST_LISTED]
    listed = [
        {
            "table": each.label or "(without a label)",
            "caption": _cut(each.caption, _CAPTION_CHARS),
            "section": _in(document, each),
            "rows": len(each.rows),
        }
        for each in shown
    ]
    return {"tables": listed} | _more(args, len(shown), len(document.tables), "tables")


def _figures(args: ReadPaperArguments, document: Document) -> dict[str, Any]:
    if args.label:
        figure = _labelled(document.figures, args.label)
        shown = [figure]
        most = len(figure.caption)
    else:
        shown = list(document.figures[args.offset : args.offset + MOST_LISTED])
        most = _CAPTION_CHARS
    listed = [
        {
            "figure": each.label or "(without a label)",
            "caption": _cut(each.caption, most),
            "section": _in(document, each),
            **({"picture": each.picture} if each.picture else {}),
            **({"page": each.page} if each.page else {}),
        }
        for each in shown
    ]
    more = {} if args.label else _more(args, len(shown), len(document.figures), "figures")
    return {"figures": listed} | more


def _picture(label: str, opened: Opened, ctx: ToolContext) -> dict[str, Any]:
    figure = _labelled(opened.document.figures, label)
    picture = pictures.picture_of(figure, opened, ctx)
    name = re.sub(r"[^\w.-]+", "-", f"{opened.document.title[:60]} {figure.label}").strip("-.")
    path = ctx.place.workspace.resolve() / PICTURES / f"{name}.{picture.ending}".lower()
    write_beneath(ctx.place.workspace, path, picture.content)
    answer = {"figure": figure.label, "caption": figure.caption, "path": str(path)}
    return answer | ({"note_of_picture": picture.note} if picture.note else {})


def _labelled(parts: tuple[T, ...], label: str) -> T:
    """By `Table 2`, `2`, or `table 2`; the first of that label."""
    wanted = _plain(label)
    for part in parts:
        if part.label and wanted in (_plain(part.label), _plain(part.label.split()[1])):
            return part
    names = ", ".join(part.label for part in parts[:MOST_LISTED] if part.label)
    raise InputError(f"There is no {label}. There are: {names or 'none with a label'}.")


def _plain(label: str) -> str:
    return re.sub(r"fig(?:ure|\.)?|tab(?:le|\.)?|[\s.:]", "", label.lower())


def _in(document: Document, part: Table | Figure) -> str:
    inside = part.section < len(document.sections)
    return document.sections[part.section].name if inside else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()} …"


def _more(args: ReadPaperArguments, shown: int, whole: int, what: str) -> dict[str, Any]:
    end = args.offset + shown
    return {"read_on": f"{whole - end} more {what}: offset={end}"} if end < whole else {}
