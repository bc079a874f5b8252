"""The document that a recipe is read from: a file, an address, or a paper on arXiv."""

from pathlib import PurePosixPath

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.files.paths import usable
from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.html import read_html
from ml_intern.tools.papers.identify import PaperId, identify
from ml_intern.tools.papers.markdown import read_markdown
from ml_intern.tools.papers.pdf import read_pdf
from ml_intern.tools.protocol import ToolContext
from ml_intern.web import Page

MOST_BYTES = 50_000_000
_FILES = (".md", ".markdown", ".html", ".htm", ".pdf")


def document_of(paper: str, ctx: ToolContext) -> tuple[Document, tuple[str, ...]]:
    """It, and the addresses that it was read from (none for a file).

    Raises InputError and OutsideError with what to do.
    """
    name = paper.strip()
    if "://" not in name and (
        name.startswith(("/", "./", "../", "~/")) or name.lower().endswith(_FILES)
    ):
        return _file(name, ctx), ()
    if name.startswith(("http://", "https://")) and not _on_arxiv(name):
        page = ctx.place.web.fetch(name, most_bytes=MOST_BYTES, cancelled=ctx.cancelled)
        return _read(page.content, page.url, page.content_type, ctx), (page.url,)
    found = identify(name)
    if not found.arxiv:
        raise InputError(
            f"{name!r} does not say where the paper's text is. Find its arXiv id with the tool "
            "papers (operation search), or give an address or a file."
        )
    return _from_arxiv(found, ctx)


def _on_arxiv(address: str) -> bool:
    try:
        return bool(identify(address).arxiv)
    except InputError:  # an address of something else
        return False


def _from_arxiv(paper: PaperId, ctx: ToolContext) -> tuple[Document, tuple[str, ...]]:
    """The Hub's text, else arXiv's own page."""
    web, stop = ctx.place.web, ctx.cancelled
    try:
        if not paper.version:
            page = web.get(
                "hub", f"/papers/{paper.arxiv}.md", accept="text/markdown", cancelled=stop
            )
            return read_markdown(page.text, page.url, "hub_markdown"), (page.url,)
    except OutsideError:
        if stop.is_set():
            raise
    page = web.get("arxiv_site", f"/html/{paper.versioned}", accept="text/html", cancelled=stop)
    return _html(page), (page.url,)


def _html(page: Page) -> Document:
    return read_html(page.content, page.url, "arxiv_html")


def _file(name: str, ctx: ToolContext) -> Document:
    path = usable(ctx.place.readable, name)
    if not path.is_file():
        raise InputError(f"There is no file {name}.")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{name} is larger than the {MOST_BYTES:,} bytes that are read.")
    return _read(path.read_bytes(), str(path), "", ctx)


def _read(content: bytes, url: str, content_type: str, ctx: ToolContext) -> Document:
    """By what it is, whatever it is called."""
    if content[:1024].lstrip().startswith(b"%PDF"):
        return read_pdf(content, url, ctx)
    ending = PurePosixPath(url).suffix.lower()
    if ending in (".html", ".htm") or "html" in content_type:
        return read_html(content, url)
    return read_markdown(content.decode(errors="replace"), url)
