"""A PDF as a paper, read in a confined process with bounds of time and memory."""

import importlib.util
from dataclasses import dataclass
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.papers.apart import READ_S, Apart
from ml_intern.tools.papers.document import Box, Document
from ml_intern.tools.protocol import ToolContext

MOST_BYTES = 200 << 20
MOST_PAGES = 150
"""Of one call."""
MOST_OCR_PAGES = 8
"""Of one call: a page takes ten seconds or more."""
OCR_S = 300.0
_TABLES_S = 15.0
_HEAD = 1024
"""Bytes among which a PDF says that it is one."""
_PICTURE_BEGINS = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Drawn:
    """A figure as PNG. `is_guessed`: nothing drawn was found beside its caption."""

    png: bytes
    is_guessed: bool


def read_pdf(content: bytes, url: str, ctx: ToolContext, *, first_page: int = 1) -> Document:
    """At most `MOST_PAGES` pages from `first_page` on, counted from 1.

    Raises InputError for what cannot be read, with what to do; SandboxError.
    """
    _refuse_others(content, url)
    ocr = importlib.util.find_spec("rapidocr_onnxruntime") is not None
    request = {
        "act": "read",
        "url": url,
        "first_page": first_page,
        "most_pages": MOST_PAGES,
        "most_ocr_pages": MOST_OCR_PAGES,
        "tables_s": _TABLES_S,
        "ocr": ocr,
    }
    with Apart(content, url, ctx) as reading:
        return reading.document(request, OCR_S if ocr else READ_S)


def draw_figure(content: bytes, url: str, page: int, box: Box, ctx: ToolContext) -> Drawn:
    """The figure whose caption stands at `box`. Raises as `read_pdf` does."""
    return _drawn(content, url, {"act": "figure", "page": page, "box": box}, ctx)


def draw_first_page(content: bytes, url: str, ctx: ToolContext) -> Drawn:
    """The first page of a PDF that is a figure itself. Raises as `read_pdf` does."""
    return _drawn(content, url, {"act": "picture"}, ctx)


def _drawn(content: bytes, url: str, request: dict[str, Any], ctx: ToolContext) -> Drawn:
    _refuse_others(content, url)
    with Apart(content, url, ctx) as reading:
        picture = reading.folder / "figure.png"
        answer = reading.ask({**request, "picture": str(picture)}, READ_S)
        png = reading.taken(picture)
    if not png.startswith(_PICTURE_BEGINS):
        raise InputError(f"The figure of {url} could not be drawn.")
    return Drawn(png, answer.get("is_guessed") is True)


def _refuse_others(content: bytes, url: str) -> None:
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{url} has {len(content):,} bytes; PDFs of at most {MOST_BYTES:,} are read."
        )
    if b"%PDF-" not in content[:_HEAD]:
        is_page = b"<html" in content[:_HEAD].lower()
        what = "a page of HTML" if is_page else "empty" if not content else "something else"
        raise InputError(f"{url} is no PDF, it is {what}. Check the address, or read it as it is.")
