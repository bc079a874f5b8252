"""Text of pages that are pictures, guessed letter by letter (OCR); needs the extra `ocr`."""

from collections.abc import Sequence
from typing import Any

import pypdfium2 as pdfium

from ml_intern.tools.papers.confined.spans import PageText, Span

SCALE = 150 / 72
"""Dots for each point: letters of 10 points are 20 dots high."""
_LEAST_SURE = 0.5


def read_pages(document: pdfium.PdfDocument, pages: Sequence[PageText]) -> list[PageText]:
    """The same pages with what is seen on them."""
    from rapidocr_onnxruntime import RapidOCR  # an optional extra

    engine = RapidOCR()
    return [read_with(engine, document, page) for page in pages]


def read_with(engine: Any, document: pdfium.PdfDocument, page: PageText) -> PageText:
    """The page as `engine` sees it: from a picture to corners, text and certainty of each line."""
    picture = document[page.number - 1].render(scale=SCALE, rev_byteorder=True).to_numpy()
    found, _times = engine(picture[..., :3])
    spans = [
        _span(corners, str(text), page.height)
        for corners, text, sure in found or ()
        if float(sure) >= _LEAST_SURE and str(text).strip()
    ]
    return PageText(
        number=page.number,
        width=page.width,
        height=page.height,
        spans=spans,
        hidden=0,
        has_pictures=True,
    )


def _span(corners: Sequence[Sequence[float]], text: str, height: float) -> Span:
    """From four corners in dots, counted from the upper left corner of the page."""
    across = [float(x) / SCALE for x, _ in corners]
    down = [float(y) / SCALE for _, y in corners]
    top, bottom = height - min(down), height - max(down)
    # Heights of boxes differ with the letters in them; half a point tells headings all the same.
    size = round(2 * 0.8 * (top - bottom)) / 2
    return Span(text.strip(), min(across), bottom, max(across), top, size)
