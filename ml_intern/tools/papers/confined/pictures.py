"""Text of pages that are pictures, guessed letter by letter (OCR); needs the extra `ocr`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pypdfium2 as pdfium

from ml_intern.tools.papers.confined.spacing import with_spaces
from ml_intern.tools.papers.confined.spans import PageText, Span

Corners = Sequence[Sequence[float]]
SCALE = 150 / 72
"""Dots for each point: letters of 10 points are 20 dots high."""
_LEAST_SURE = 0.5
_UPRIGHT = 0.8
"""How sure lines are on the average, at least, on a page that stands upright."""


def read_pages(document: pdfium.PdfDocument, pages: Sequence[PageText]) -> list[PageText]:
    """The same pages with what is seen on them."""
    from rapidocr_onnxruntime import RapidOCR  # an optional extra

    # Its own look at which way up each line is turns some good lines over.
    engine = RapidOCR(use_cls=False)
    return [read_with(engine, document, page) for page in pages]


def read_with(engine: Any, document: pdfium.PdfDocument, page: PageText) -> PageText:
    """The page as `engine` sees it: from a picture to corners, text and certainty of each line, and
    where it can, corners of each letter, and the letters.
    """
    drawn = document[page.number - 1].render(scale=SCALE, rev_byteorder=True).to_numpy()
    picture, found = _upright(engine, drawn[..., :3])
    spans = [
        _span(corners, _spaced(str(text), corners, letters, picture), page.height)
        for corners, text, sure, *letters in found
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


def _upright(engine: Any, picture: Any) -> tuple[Any, Sequence[Any]]:
    """The picture and its lines; turned over where more is read so, as of a page that was scanned
    upside down.
    """
    found = engine(picture, return_word_box=True)[0] or ()
    if not found or _certainty(found) >= _UPRIGHT * len(found):
        return picture, found
    turned = np.ascontiguousarray(np.rot90(picture, 2))
    others = engine(turned, return_word_box=True)[0] or ()
    return (turned, others) if _certainty(others) > _certainty(found) else (picture, found)


def _certainty(found: Sequence[Any]) -> float:
    return sum(float(sure) for _, _, sure, *_ in found)


def _spaced(text: str, corners: Corners, letters: Sequence[Any], picture: Any) -> str:
    """With the spaces between words that are seen in the picture."""
    if len(letters) < 2:
        return text
    left, right = _range(corners, 0)
    top, bottom = _range(corners, 1)
    line = picture[max(0, top) : bottom, max(0, left) : right].mean(axis=2).astype("uint8")
    centres = [sum(float(x) for x, _ in each) / len(each) - left for each in letters[0]]
    return with_spaces(text, [str(letter) for letter in letters[1]], centres, line)


def _range(corners: Corners, axis: int) -> tuple[int, int]:
    places = [float(each[axis]) for each in corners]
    return int(min(places)), int(max(places))


def _span(corners: Corners, text: str, height: float) -> Span:
    """From four corners in dots, counted from the upper left corner of the page."""
    across = [float(x) / SCALE for x, _ in corners]
    down = [float(y) / SCALE for _, y in corners]
    top, bottom = height - min(down), height - max(down)
    # Heights of boxes differ with the letters in them; half a point tells headings all the same.
    size = round(2 * 0.8 * (top - bottom)) / 2
    return Span(text.strip(), min(across), bottom, max(across), top, size)
