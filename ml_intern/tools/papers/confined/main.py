"""The process that reads a paper: a request as JSON on its command line, the answer in a file.

The request: `path`, `answer` (where the answer goes), `act` and what that needs. Answers are
`{"document": …}`, `{"picture": PATH}` or `{"error": WORD, …}`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pydantic import TypeAdapter

from ml_intern.errors import InputError
from ml_intern.tools.papers.confined import figures, pictures
from ml_intern.tools.papers.confined.layout import lay_out
from ml_intern.tools.papers.confined.spans import PageText, read_page
from ml_intern.tools.papers.confined.structure import (
    Page,
    caption_pages,
    figure_captions,
    structure,
)
from ml_intern.tools.papers.confined.tables import find_tables
from ml_intern.tools.papers.document import Document, Draft, How
from ml_intern.tools.papers.latex import read_latex

THIN = 200
"""Characters on a page of text, at least; pages with less are pictures."""
_SMALL = 10
"""Pages of a document all of which are searched for tables."""


def main() -> None:
    """Answer, whatever the file does short of ending the process."""
    request = json.loads(sys.argv[-1])
    answer = _answer(request)
    Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["path"])
    if request["act"] == "latex":
        return _latex(path, request["url"])
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


def _latex(path: Path, url: str) -> dict[str, Any]:
    try:
        return _said(read_latex(path.read_bytes(), url))
    except InputError as exc:
        return {"error": "said", "message": str(exc)}


def _said(document: Document) -> dict[str, Any]:
    return {"document": TypeAdapter(Document).dump_python(document, mode="json")}


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
    if texts and sum(text.characters for text in texts) < THIN * len(texts):
        if not request["ocr"]:
            return {"error": "scans", "pages": count}
        texts = pictures.read_pages(document, texts[: request["most_ocr_pages"]])
        how = "ocr"
        _note_guessed(draft, texts, last)
    elif scans:
        draft.notes.append(
            f"Pages with a picture and almost no text, which were not read: {_listed(scans)}."
        )
    _write(document, draft, texts, request)
    if how == "pdf" and not request["is_whole"]:
        draft.notes.append("The file seems to be cut off: the end of a PDF is missing.")
    return _said(draft.document(request["url"], how))


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


if __name__ == "__main__":
    main()
