"""The text of a PDF's page as pieces of lines with their places, by pdfium.

A piece ends at the end of a line and at a wide gap, so that neither columns nor cells run into each
other. What people cannot see (white, transparent, tiny, beside the page) is counted, not taken.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ml_intern.tools.papers.document import Box

COLUMN_GAP, CELL_GAP = 0.95, 0.55
"""In heights of a letter: a wider gap parts columns, or cells of a table."""
_BACK = 1.5
"""In heights of a letter: a step back of this size begins another line."""
_SAMPLE = 200
"""Letters of a page that are looked at to see what most are."""
_TINY = 2.0
"""Points; nobody reads smaller letters on paper."""
_FLAT = 0.01
"""In heights of a letter; even a dot is wider."""
_WHITE = 250
_BOLD = ("bold", "black", "heavy", "cmbx", "-medi", "demi", "sfbx")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
)
_UNDRAWN = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
MOST_CHARACTERS = 60_000
"""Of one page; a page of a paper has about 5,000."""


@dataclass(slots=True)
class Span:
    """A piece of a line, in points from the lower left corner of the page."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    """Of its letters."""
    is_bold: bool = False

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def width(self) -> float:
        return self.right - self.left


@dataclass(slots=True)
class PageText:
    """What a page says."""

    number: int
    """From 1."""
    width: float
    height: float
    spans: list[Span]
    """In the order of the file."""
    hidden: int
    """Characters that people cannot see."""
    has_pictures: bool

    @property
    def characters(self) -> int:
        return sum(len(span.text) for span in self.spans)


def read_cells(page: pdfium.PdfPage, box: Box) -> list[Span]:
    """What stands within `box`, parted at gaps as narrow as those between cells."""
    text = page.get_textpage()
    try:
        spans = list(_PageReader(text.raw, page.get_bbox(), CELL_GAP).spans())
    finally:
        text.close()
    left, bottom, right, top = box
    return [
        each
        for each in spans
        if left - 2 <= each.left and each.right <= right + 2
        if bottom <= (each.bottom + each.top) / 2 <= top
    ]


def read_page(document: pdfium.PdfDocument, number: int) -> PageText:
    """Page `number`, from 1. Raises pypdfium2.PdfiumError for one that is broken."""
    page = document[number - 1]
    try:
        text = page.get_textpage()
        try:
            reader = _PageReader(text.raw, page.get_bbox())
            spans = list(reader.spans())
        finally:
            text.close()
        width, height = page.get_size()
        pictures = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
        return PageText(
            number=number,
            width=width,
            height=height,
            spans=spans,
            hidden=reader.hidden,
            has_pictures=next(iter(pictures), None) is not None,
        )
    finally:
        page.close()


class _PageReader:
    """One page of text, letter by letter; calls of the library are dear, so few are made."""

    def __init__(self, text: object, page: Box, gap: float = COLUMN_GAP) -> None:
        self._gap = gap
        self._text = text
        self._page = page
        self._count = max(0, raw.FPDFText_CountChars(text))
        self._numbers = [ctypes.c_double() for _ in range(4)]
        self._at = [ctypes.byref(number) for number in self._numbers]
        self.hidden = 0
        self._is_scan: bool | None = None

    def spans(self) -> Iterator[Span]:
        span: Span | None = None
        is_seen, has_gap = True, True
        for place in range(min(self._count, MOST_CHARACTERS)):
            letter = _letter(raw.FPDFText_GetUnicode(self._text, place))
            if letter in "\r\n":
                if span is not None:
                    yield span
                span, has_gap = None, True
                continue
            if letter == " ":
                has_gap = True
                continue
            left, bottom, right, top = self._box(place)
            if has_gap:
                is_seen = self._is_seen(place, left, bottom, right)
            if not is_seen:
                self.hidden += 1
                has_gap = False
                continue
            if span is not None and _is_apart(span, left, bottom, top, self._gap):
                yield span
                span = None
            if span is None:
                size, is_bold = self._font(place)
                span = Span("", left, bottom, right, top, size or (top - bottom), is_bold)
            elif has_gap:
                span.text += " "
            span.text += letter
            span.right = max(span.right, right)
            span.bottom, span.top = min(span.bottom, bottom), max(span.top, top)
            has_gap = False
        if span is not None:
            yield span

    def _box(self, place: int) -> tuple[float, float, float, float]:
        left, right, bottom, top = self._at
        raw.FPDFText_GetCharBox(self._text, place, left, right, bottom, top)
        left_v, right_v, bottom_v, top_v = self._numbers
        return left_v.value, bottom_v.value, right_v.value, top_v.value

    def _is_seen(self, place: int, left: float, bottom: float, right: float) -> bool:
        """Asked at the beginning of each word."""
        west, south, east, north = self._page
        if not (west - 1 <= left <= east + 1 and south - 1 <= bottom <= north + 1):
            return False
        if abs(raw.FPDFText_GetCharAngle(self._text, place)) > 0.1:
            return True  # written upwards: along an axis, or the stamp of an archive
        parts = [ctypes.c_uint() for _ in range(4)]
        if raw.FPDFText_GetFillColor(self._text, place, *map(ctypes.byref, parts)):
            red, green, blue, opacity = (part.value for part in parts)
            if opacity == 0 or min(red, green, blue) >= _WHITE:
                return False
        if self._is_invisible(place) and not self._is_read_from_a_scan():
            return False
        size = self._size(place)
        return size >= _TINY and right - left >= _FLAT * size

    def _is_invisible(self, place: int) -> bool:
        """By its rendering mode: neither filled nor drawn."""
        drawn = raw.FPDFText_GetTextObject(self._text, place)
        return bool(drawn) and raw.FPDFTextObj_GetTextRenderMode(drawn) in _UNDRAWN

    def _is_read_from_a_scan(self) -> bool:
        """Whether most letters are invisible, as where they lie behind a picture of the page."""
        if self._is_scan is None:
            places = range(0, self._count, max(1, self._count // _SAMPLE))
            invisible = sum(map(self._is_invisible, places))
            self._is_scan = 2 * invisible > len(places)
        return self._is_scan

    def _size(self, place: int) -> float:
        size = raw.FPDFText_GetFontSize(self._text, place)
        matrix = raw.FS_MATRIX()
        if raw.FPDFText_GetMatrix(self._text, place, ctypes.byref(matrix)):
            size *= (matrix.c**2 + matrix.d**2) ** 0.5
        return float(abs(size))

    def _font(self, place: int) -> tuple[float, bool]:
        name = ctypes.create_string_buffer(128)
        flags = ctypes.c_int()
        raw.FPDFText_GetFontInfo(self._text, place, name, 128, ctypes.byref(flags))
        called = name.value.decode("utf-8", "replace").lower()
        weight = raw.FPDFText_GetFontWeight(self._text, place)
        is_bold = weight >= 600 or any(word in called for word in _BOLD)
        return self._size(place), is_bold


def _letter(code: int) -> str:
    if code in (10, 13):
        return "\n"
    if code in (2, 0xAD):  # pdfium's mark for a hyphen at the end of a line
        return "-"
    if code < 33 or code in (0xA0, 0x2009, 0x202F, 0xFFFE, 0xFFFF) or 0xD800 <= code < 0xE000:
        return " "
    return chr(code).translate(_LIGATURES)


def _is_apart(span: Span, left: float, bottom: float, top: float, gap: float) -> bool:
    """Whether a letter at this place belongs to another piece than the one before it."""
    size = span.size
    if left - span.right > gap * size or span.right - left > _BACK * size:
        return True
    return bottom > span.top + 0.1 * size or top < span.bottom - 0.1 * size
