"""A figure of a PDF as a picture: what is drawn beside its caption, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ml_intern.tools.papers.confined.spans import Span, read_page
from ml_intern.tools.papers.document import Box

SCALE = 200 / 72
"""Dots for each point."""
_MOST_OBJECTS = 20_000
_NEAR = 40.0
"""Points between a figure and its caption, and between its parts, at most."""
_MARGIN = 4.0
_CLOSE = 8.0
"""Points between a drawing and the words that belong to it."""
_LONGEST_LABEL = 60
_DRAWN = (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING)
_FALLBACK = 250.0
"""Points above a caption that are shown where nothing drawn was found."""


def draw(document: pdfium.PdfDocument, request: dict[str, Any]) -> dict[str, Any]:
    """The figure above (else below) the caption at `box` on `page`, as PNG in `picture`."""
    number, caption = int(request["page"]), tuple(map(float, request["box"]))
    if number > len(document) or len(caption) != 4:
        return {"error": "no_page", "pages": len(document)}
    spans = read_page(document, number).spans
    page = document[number - 1]
    whole = page.get_bbox()
    region = _beside(list(_drawn(page)), caption, whole)
    is_guessed = region is None
    if region is None:
        region = (caption[0], caption[3], caption[2], min(whole[3], caption[3] + _FALLBACK))
    region = _with_labels(region, spans, caption)
    _save(page, whole, region, request["picture"])
    return {"picture": request["picture"], "is_guessed": is_guessed}


def regions(
    document: pdfium.PdfDocument, number: int, spans: Sequence[Span], captions: Sequence[Box]
) -> list[Box]:
    """Where the figures of these captions are on a page, with the words in them."""
    page = document[number - 1]
    drawn, whole = list(_drawn(page)), page.get_bbox()
    page.close()
    found = ((caption, _beside(drawn, caption, whole)) for caption in captions)
    return [_with_labels(region, spans, caption) for caption, region in found if region]


def _beside(drawn: Sequence[Box], caption: Box, page: Box) -> Box | None:
    """What is drawn above the caption, or else below it; None for nothing."""
    near = [box for box in drawn if _is_in_column(box, caption, page)]
    return grown(near, caption, is_above=True) or grown(near, caption, is_above=False)


def draw_page(document: pdfium.PdfDocument, request: dict[str, Any]) -> dict[str, Any]:
    """A whole page as PNG in `picture`: the figures of LaTeX sources are PDFs of one page."""
    page = document[0]
    _save(page, page.get_bbox(), page.get_bbox(), request["picture"])
    return {"picture": request["picture"], "is_guessed": False}


def grown(drawn: Sequence[Box], caption: Box, *, is_above: bool) -> Box | None:
    """From what is drawn next to the caption on one side, all that hangs together."""
    if is_above:
        beside = sorted((b for b in drawn if b[1] >= caption[3] - 6), key=lambda b: b[1])
    else:
        beside = sorted((b for b in drawn if b[3] <= caption[1] + 6), key=lambda b: -b[3])
    region: Box | None = None
    for box in beside:
        low, high = (region[1], region[3]) if region else (caption[1], caption[3])
        if max(box[1] - high, low - box[3]) > _NEAR:
            break
        region = box if region is None else _union(region, box)
    is_rule = region is not None and (region[3] - region[1] < 12 or region[2] - region[0] < 12)
    return None if is_rule else region


def _drawn(page: pdfium.PdfPage) -> Iterator[Box]:
    """Boxes of what is drawn on the page, but for backgrounds of the whole page."""
    left, bottom, right, top = page.get_bbox()
    for count, found in enumerate(page.get_objects(filter=list(_DRAWN), max_depth=4)):
        if count > _MOST_OBJECTS:
            return
        try:
            box = found.get_bounds()
        except pdfium.PdfiumError:
            continue
        if box[2] - box[0] < 0.95 * (right - left) or box[3] - box[1] < 0.8 * (top - bottom):
            yield box


def _is_in_column(box: Box, caption: Box, page: Box) -> bool:
    middle = (page[0] + page[2]) / 2
    if caption[0] < middle - 10 and caption[2] > middle + 10:
        return True
    centre = (box[0] + box[2]) / 2
    return (centre < middle) == ((caption[0] + caption[2]) / 2 < middle)


def _with_labels(region: Box, spans: Sequence[Span], caption: Box) -> Box:
    """With short words that reach into it or stand close by: marks of an axis, then its name."""
    boxes = [
        (each.left, each.bottom, each.right, each.top)
        for each in spans
        if len(each.text) < _LONGEST_LABEL
        and each.width < 0.6 * (region[2] - region[0])
        and not (each.bottom < caption[3] and each.top > caption[1])
    ]
    for _ in range(2):
        for box in boxes:
            if (
                min(box[2], region[2]) - max(box[0], region[0]) > -_CLOSE
                and min(box[3], region[3]) - max(box[1], region[1]) > -_CLOSE
            ):
                region = _union(region, box)
    return region


def _union(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _save(page: pdfium.PdfPage, whole: Box, region: Box, path: str) -> None:
    crop = (
        max(0.0, region[0] - whole[0] - _MARGIN),
        max(0.0, region[1] - whole[1] - _MARGIN),
        max(0.0, whole[2] - region[2] - _MARGIN),
        max(0.0, whole[3] - region[3] - _MARGIN),
    )
    longest = max(whole[2] - whole[0], whole[3] - whole[1], 1.0)
    scale = min(SCALE, 3_000 / longest)
    page.render(scale=scale, crop=crop).to_pil().save(path, "PNG")
