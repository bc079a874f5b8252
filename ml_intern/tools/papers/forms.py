"""The forms in which a paper can be had, in the order in which they are tried.

The Hub's Markdown, arXiv's HTML, ar5iv's HTML, the LaTeX source, the PDF. That another form than
the first was read, and why, is said in the notes of what was read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.papers.answer import Reading
from ml_intern.tools.papers.apart import READ_S, Apart
from ml_intern.tools.papers.citation import Citation
from ml_intern.tools.papers.document import Document, How
from ml_intern.tools.papers.headings import is_usual
from ml_intern.tools.papers.html import is_latexml
from ml_intern.tools.papers.identify import PaperId, identify
from ml_intern.tools.papers.local import ENDINGS, is_path, lies_here, read_file
from ml_intern.tools.papers.pdf import MOST_BYTES, read_pdf
from ml_intern.tools.papers.resolve import on_arxiv, resolved
from ml_intern.tools.protocol import ToolContext
from ml_intern.web import Page

Form = Literal["best", "hub", "html", "latex", "pdf"]
_LEAST_CHARACTERS = 3_000
_LEAST_SECTIONS = 3
"""Of a paper; what has less is its abstract only."""
_WHOLE_CHARACTERS = 12_000
"""Of a paper on a publisher's page, which holds much else beside it."""
_HEAD = 1024
_CITATION = TypeAdapter(Citation)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A paper that was read, and what it was read from, for what lies beside the text."""

    document: Document
    content: bytes
    sources: tuple[str, ...]
    """Addresses that were asked; none for a file of this machine."""


def open_paper(name: str, form: Form, first_page: int, ctx: ToolContext) -> Opened:
    """By a path, an address, an id or a title. Raises InputError and OutsideError."""
    opened = _opened_as(name, form, first_page, ctx)
    if first_page > 1 and opened.document.how not in ("pdf", "ocr"):
        raise InputError(f"{opened.document.url} has no pages; leave out first_page.")
    return opened


def _opened_as(name: str, form: Form, first_page: int, ctx: ToolContext) -> Opened:
    if is_path(name) and not _is_id(name):
        _refuse_form(name, form)
        content, path = read_file(ctx.place, name)
        document = _read_any(content, str(path), "", "", first_page, ctx)
        return Opened(document=document, content=content, sources=())
    if not _is_id(name) and lies_here(ctx.place, name):
        raise InputError(
            f"{name} lies here, but is no paper: those are files that end in {', '.join(ENDINGS)}. "
            "Data are looked at with inspect_dataset."
        )
    paper = _paper(name)
    if paper is None:
        _refuse_form(name, form)
        return _at(name.strip(), first_page, ctx)
    reading = Reading()
    found = _found(paper, reading, ctx)
    if found.arxiv:
        opened = _from_arxiv(found, form, first_page, ctx)
    elif found.doi:
        _refuse_form(name, form)
        opened = _at(found.url, first_page, ctx)
    else:
        raise InputError(f"{found} has no arXiv id and no DOI. Give an address or a file of it.")
    notes = (*opened.document.notes, *reading.notes)
    return replace(
        opened,
        document=replace(opened.document, notes=notes),
        sources=(*reading.sources, *opened.sources),
    )


def _refuse_form(name: str, form: Form) -> None:
    if form != "best":
        raise InputError(f"{name} is had in one form only, as it is; leave out form.")


def _found(paper: PaperId, reading: Reading, ctx: ToolContext) -> PaperId:
    """Its arXiv id, else its DOI, where it has one.

    Raises InputError for a title that no paper has, or several.
    """
    if paper.arxiv:
        return paper
    found = resolved(ctx.place.web, paper, reading, ctx.cancelled)
    try:
        return on_arxiv(ctx.place.web, found, reading, ctx.cancelled)
    except (InputError, OutsideError) as exc:
        if isinstance(exc, OutsideError) and exc.trouble == "stopped":
            raise
        reading.notes.append(f"Not read from arXiv: {exc}")
        return found


def _at(address: str, first_page: int, ctx: ToolContext) -> Opened:
    """Whatever is there; of a publisher's page about a paper, the PDF that it names."""
    page = ctx.place.web.fetch(address, most_bytes=MOST_BYTES, cancelled=ctx.cancelled)
    document = _read_any(page.content, page.url, page.content_type, page.charset, first_page, ctx)
    opened = _opened(document, page)
    if document.how != "html" or (_is_whole(document) and first_page == 1):
        return opened
    cited = _cited(page, ctx)
    return _pdf_of(opened, cited, first_page, ctx) if cited.pdf else opened


def _cited(page: Page, ctx: ToolContext) -> Citation:
    """Raises InputError, SandboxError."""
    with Apart(page.content, page.url, ctx) as reading:
        request = {"act": "citation", "url": page.url, "charset": page.charset}
        said = reading.ask(request, READ_S)
    try:
        return _CITATION.validate_python(said.get("citation"))
    except ValidationError as exc:
        raise InputError(f"What was read from {page.url} makes no sense.") from exc


def _pdf_of(landing: Opened, cited: Citation, first_page: int, ctx: ToolContext) -> Opened:
    """The PDF that a page names; else the page itself, which says why. Raises OutsideError where
    the call was stopped.
    """
    url = landing.document.url
    try:
        page = ctx.place.web.fetch(cited.pdf, most_bytes=MOST_BYTES, cancelled=ctx.cancelled)
        opened = _opened(_named_pdf(page, first_page, ctx), page)
    except (InputError, OutsideError) as exc:
        if isinstance(exc, OutsideError) and exc.trouble == "stopped":
            raise
        why = f"This is the page about the paper, not the paper: its PDF was not read. {exc}"
        return replace(landing, document=_noted(landing.document, why))
    document = _noted(opened.document, f"The PDF that {url} names.")
    return replace(
        opened,
        document=replace(document, title=cited.title or document.title),
        sources=(*landing.sources, *opened.sources),
    )


def _named_pdf(page: Page, first_page: int, ctx: ToolContext) -> Document:
    """Raises InputError for another thing, such as a page that wants somebody to sign in."""
    if b"%PDF-" not in page.content[:_HEAD]:
        raise InputError(f"{page.url} is no PDF ({page.content_type or 'of no type'}).")
    return read_pdf(page.content, page.url, ctx, first_page=first_page)


def _noted(document: Document, note: str) -> Document:
    return replace(document, notes=(*document.notes, note))


def _is_whole(document: Document) -> bool:
    """Whether a page holds the paper itself, and not only what it is about."""
    usual = sum(is_usual(section.title) for section in document.sections)
    return len(document.text) >= _WHOLE_CHARACTERS and usual >= _LEAST_SECTIONS


def _is_id(name: str) -> bool:
    """Whether it is `2305.14314.pdf` or the like, which is no path."""
    if name.strip().startswith(("/", ".", "~", "file:")):
        return False
    try:
        return bool(identify(name).arxiv)
    except InputError:
        return False


def _paper(name: str) -> PaperId | None:
    """None for an address that names no paper: any page can be read."""
    try:
        return identify(name)
    except InputError:
        if name.strip().startswith(("http://", "https://")):
            return None
        raise


# A paper of arXiv


def _from_arxiv(paper: PaperId, form: Form, first_page: int, ctx: ToolContext) -> Opened:
    """In the first form that can be had."""
    ways: dict[str, Callable[[], Opened]] = {
        "hub": lambda: _hub(paper, ctx),
        "html": lambda: _html("arxiv_site", paper.versioned, ctx),
        "ar5iv": lambda: _html("ar5iv", paper.arxiv, ctx),
        "latex": lambda: _latex(paper, ctx),
        "pdf": lambda: _pdf(paper, first_page, ctx),
    }
    if paper.version is not None:  # the Hub and ar5iv have the newest only
        ways = {name: way for name, way in ways.items() if name not in ("hub", "ar5iv")}
        if form == "hub":
            raise InputError("The Hub has no versions of papers; leave out the version, or form.")
    if first_page > 1:
        form = "pdf"
    if form != "best":
        wanted = ("html", "ar5iv") if form == "html" else (form,)
        ways = {name: way for name, way in ways.items() if name in wanted}
    failed: list[tuple[str, InputError | OutsideError]] = []
    for name, way in ways.items():
        try:
            return _with_failures(way(), failed)
        except (InputError, OutsideError) as exc:
            if isinstance(exc, OutsideError) and exc.trouble == "stopped":
                raise
            failed.append((name, exc))
    raise _nowhere(paper, failed)


def _with_failures(opened: Opened, failed: list[tuple[str, InputError | OutsideError]]) -> Opened:
    if not failed:
        return opened
    absent = [name for name, exc in failed if _is_missing(exc)]
    why = [f"it is not there as {', '.join(absent)}"] if absent else []
    why += [f"{name}: {str(exc).rstrip('.')}" for name, exc in failed if not _is_missing(exc)]
    note = f"Read from {opened.document.url}, because {'; '.join(why)[:600]}."
    document = replace(opened.document, notes=(*opened.document.notes, note))
    return replace(opened, document=document)


def _is_missing(exc: InputError | OutsideError) -> bool:
    return isinstance(exc, OutsideError) and exc.trouble == "missing"


def _nowhere(
    paper: PaperId, failed: list[tuple[str, InputError | OutsideError]]
) -> InputError | OutsideError:
    why = " ".join(f"{name}: {exc}" for name, exc in failed)
    troubles = [exc.trouble if isinstance(exc, OutsideError) else "broken" for _, exc in failed]
    if all(trouble == "missing" for trouble in troubles):
        return OutsideError(
            f"No text of {paper} was found ({why}) It may be withdrawn, or there is no such paper: "
            "look with the tool papers (operation details).",
            trouble="missing",
        )
    trouble = next((each for each in troubles if each in ("limited", "away")), None)
    message = f"{paper} could not be read. {why}"
    if all(each == "away" for each in troubles):
        message += " A file of it (PDF, HTML, LaTeX, Markdown) is read without a network."
    if trouble is None:
        return InputError(message)
    later = max(
        (exc.retry_after_s or 0.0 for _, exc in failed if isinstance(exc, OutsideError)),
        default=0.0,
    )
    return OutsideError(
        message, trouble="limited" if trouble == "limited" else "away", retry_after_s=later or None
    )


def _hub(paper: PaperId, ctx: ToolContext) -> Opened:
    page = ctx.place.web.get(
        "hub", f"/papers/{paper.arxiv}.md", accept="text/markdown", cancelled=ctx.cancelled
    )
    if page.content_type == "text/html" or page.content.lstrip()[:1] == b"<":
        raise OutsideError(f"{page.url} answered with HTML, not Markdown.", trouble="broken")
    return _opened(_whole(_read_page("markdown", page, "hub_markdown", ctx)), page)


def _html(service: str, paper: str, ctx: ToolContext) -> Opened:
    page = ctx.place.web.get(service, f"/html/{paper}", accept="text/html", cancelled=ctx.cancelled)
    if not is_latexml(page.content):
        raise OutsideError(f"{page.url} holds no paper as HTML.", trouble="missing")
    return _opened(_whole(_read_page("html", page, "arxiv_html", ctx)), page)


def _latex(paper: PaperId, ctx: ToolContext) -> Opened:
    page = _download(f"/e-print/{paper.versioned}", ctx)
    if b"%PDF-" in page.content[:_HEAD]:
        raise OutsideError(f"{page.url} is a PDF: there is no source.", trouble="missing")
    return _opened(_read_text("latex", page.content, page.url, ctx), page)


def _pdf(paper: PaperId, first_page: int, ctx: ToolContext) -> Opened:
    page = _download(f"/pdf/{paper.versioned}", ctx)
    return _opened(read_pdf(page.content, page.url, ctx, first_page=first_page), page)


def _download(path: str, ctx: ToolContext) -> Page:
    return ctx.place.web.get(
        "arxiv_site", path, accept="*/*", most_bytes=MOST_BYTES, cancelled=ctx.cancelled
    )


def _whole(document: Document) -> Document:
    """Raises InputError for what is no more than an abstract."""
    length = sum(len(section.text) for section in document.sections)
    if length < _LEAST_CHARACTERS or len(document.sections) < _LEAST_SECTIONS:
        raise InputError(f"{document.url} holds only {length:,} characters, not the whole paper.")
    return document


# Anything


def _opened(document: Document, page: Page) -> Opened:
    notes = document.notes
    if page.is_old:
        notes = (
            *notes,
            f"The service is away: this is its answer of {page.fetched:%Y-%m-%d %H:%M}.",
        )
    return Opened(
        document=replace(document, notes=notes), content=page.content, sources=(page.url,)
    )


def _read_page(
    act: Literal["html", "markdown"], page: Page, how: How, ctx: ToolContext
) -> Document:
    return _read_text(act, page.content, page.url, ctx, how=how, charset=page.charset)


def _read_text(
    act: Literal["latex", "html", "markdown"],
    content: bytes,
    url: str,
    ctx: ToolContext,
    **how: str,
) -> Document:
    """`how`: what the act needs besides; see `confined/texts.py`."""
    with Apart(content, url, ctx) as reading:
        return reading.document({"act": act, "url": url, **how})


def _read_any(
    content: bytes, url: str, media: str, charset: str, first_page: int, ctx: ToolContext
) -> Document:
    """By what it is, which neither its name nor its type need tell rightly.

    `charset`: empty where nobody says one.
    """
    name = url.partition("?")[0].lower()
    head = content[:_HEAD]
    if b"%PDF-" in head or name.endswith(".pdf"):
        return read_pdf(content, url, ctx, first_page=first_page)
    if head.startswith(b"\x1f\x8b") or content[257:262] == b"ustar":
        return _read_text("latex", content, url, ctx)
    if not content.strip():
        raise InputError(f"{url} is empty.")
    if b"\0" in head:
        raise InputError(f"{url} is no PDF, HTML, LaTeX, Markdown or text ({media or 'unknown'}).")
    if name.endswith((".tex", ".ltx")) or (
        b"\\begin{document}" in content and b"<html" not in head
    ):
        return _read_text("latex", content, url, ctx)
    is_html = "html" in media or name.endswith((".html", ".htm", ".xhtml"))
    if is_html or b"<html" in head.lower() or b"<!doctype html" in head.lower():
        return _read_text("html", content, url, ctx, how="html", charset=charset)
    how = "markdown" if name.endswith((".md", ".markdown")) or "markdown" in media else "text"
    return _read_text("markdown", content, url, ctx, how=how, charset=charset or "utf-8")
