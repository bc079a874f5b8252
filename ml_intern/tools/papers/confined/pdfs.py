"""The process that reads a PDF. See `request.py`."""

from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ml_intern.tools.papers.confined import figures, pictures
from ml_intern.tools.papers.confined.layout import lay_out
from ml_intern.tools.papers.confined.request import answer, whole
from ml_intern.tools.papers.confined.spans import PageText, read_page
from ml_intern.tools.papers.confined.structure import (
    Page,
    caption_pages,
    figure_captions,
    structure,
)
from ml_intern.tools.papers.confined.tables import find_tables
from ml_intern.tools.papers.document import Draft, How

THIN = 200
"""Characters on a page of text, at least; pages with less are pictures."""
_SMALL = 10
"""Pages of a document all of which are searched for tables."""


def main() -> None:
    answer(_answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["path"])
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as exc:
        is_locked = exc.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        return {"error": "encrypted" if is_locked else "broken"}
    try:
        if len(document) == 0:
            return {"error": "broken"}
        if request["act"] == "figure":
            return figures.draw(document, request)
        if request["act"] == "picture":
            return figures.draw_page(document, request)
        return _read(document, request)
    except pdfium.PdfiumError:
        return {"error": "broken"}
    finally:
        document.close()


def _read(document: pdfium.PdfDocument, request: dict[str, Any]) -> dict[str, Any]:
    count, first = len(document), request["first_page"]
    if first > count:
        return {"error": "no_page", "pages": count}
    last = min(count, first + request["most_pages"] - 1)
    draft = Draft()
    texts, broken = _pages(document, range(first, last + 1))
    if broken:
        draft.notes.append(f"Pages that could not be read: {_listed(broken)}.")
    if first > 1 or last < count:
        more = f" Read on with first_page={last + 1}." if last < count else ""
        draft.notes.append(f"It has {count} pages; these are pages {first} to {last}.{more}")
    how: How = "pdf"
    thin = [text for text in texts if text.characters < THIN]
    scans = [text.number for text in thin if text.has_pictures]
    if not texts:
        return {"error": "broken"}
    characters = sum(text.characters for text in texts)
    # Letters that are drawn as lines are no pictures, and no text either.
    if characters < THIN * len(texts) and (scans or not characters):
        if not request["ocr"]:
            return {"error": "scans", "pages": count}
        texts = pictures.read_pages(document, texts[: request["most_ocr_pages"]])
        if not any(text.characters for text in texts):
            return {"error": "empty", "pages": len(texts)}
        how = "ocr"
        _note_guessed(draft, texts, last)
    elif scans:
        draft.notes.append(
            f"Pages with a picture and almost no text, which were not read: {_listed(scans)}."
        )
    _write(document, draft, texts, request)
    if how == "pdf" and not request["is_whole"]:
        draft.notes.append("The file seems to be cut off: the end of a PDF is missing.")
    return whole(draft.document(request["url"], how))


def _pages(document: pdfium.PdfDocument, numbers: range) -> tuple[list[PageText], list[int]]:
    """The pages, and the numbers of those that are broken."""
    texts, broken = [], []
    for number in numbers:
        try:
            texts.append(read_page(document, number))
        except pdfium.PdfiumError:
            broken.append(number)
    return texts, broken


def _note_guessed(draft: Draft, texts: list[PageText], last: int) -> None:
    draft.notes.append(
        "There is no text in it: the characters were guessed from pictures of the pages (OCR), and "
        "some will be wrong. Look twice at numbers."
    )
    if texts and texts[-1].number < last:
        draft.notes.append(
            f"Only pages {texts[0].number} to {texts[-1].number} were read so; "
            f"read on with first_page={texts[-1].number + 1}."
        )


def _write(
    document: pdfium.PdfDocument, draft: Draft, texts: list[PageText], request: dict[str, Any]
) -> None:
    laid = [(text, lay_out(text.spans, text.number)) for text in texts]
    pages = [Page(text.number, text.height, page.lines) for text, page in laid]
    doubtful = [text.number for text, page in laid if page.is_doubtful]
    if doubtful:
        draft.notes.append(f"Columns may run into each other on pages {_listed(doubtful)}.")
    if hidden := sum(text.hidden for text in texts):
        draft.notes.append(f"{hidden:,} characters that people cannot see were left out.")
    wanted = [page.number for page in pages] if len(pages) <= _SMALL else caption_pages(pages)

    path = Path(request["path"])
    tables, left = find_tables(document, path, wanted, request["tables_s"])
    if left:
        draft.notes.append(
            f"Tables were not taken apart on {left} of the pages; their words are text."
        )
    drawn = {
        page.number: figures.regions(document, page.number, text.spans, captions)
        for text, page in zip(texts, pages, strict=True)
        if (captions := figure_captions(page))
    }
    structure(pages, tables, draft, drawn)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:20]))
    return f"{shown} and {len(numbers) - 20} more" if len(numbers) > 20 else shown
