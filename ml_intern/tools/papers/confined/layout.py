"""Pieces of text on a page, put into the order in which people read them: column after column.

A page has two columns where an upright strip near its middle is crossed by little text while long
lines end on both sides of it. Text that crosses the strip (a title, a wide caption) parts what is
above it from what is below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ml_intern.tools.papers.confined.spans import Span

_STEP = 2.0
_MOST_CROSSED = 0.35
"""Share of the text that may cross the strip between columns."""
_LEAST_SIDE = 0.12
"""Share of the text that stands on either side of it, at least."""
_LONG = 0.5
"""Of the width of a column: such a line is running text, not a cell."""


@dataclass(slots=True)
class Line:
    """A whole line of one column."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    is_bold: bool
    page: int
    column: int
    """0: across the page, or the only one; 1: left; 2: right."""

    @property
    def width(self) -> float:
        return self.right - self.left


@dataclass(frozen=True)
class Laid:
    """A page in reading order."""

    lines: list[Line]
    is_doubtful: bool
    """Columns were seen that could not be told apart."""


def lay_out(spans: Sequence[Span], page: int) -> Laid:
    """The lines of page `page`."""
    gutter = find_gutter(spans)
    if gutter is None:
        lines = _lines(spans, page, 0)
        return Laid(lines, _looks_interleaved(spans, lines))
    laid: list[Line] = []
    left: list[Span] = []
    right: list[Span] = []

    def close_band() -> None:
        laid.extend([*_lines(left, page, 1), *_lines(right, page, 2)])
        left.clear()
        right.clear()

    for span in sorted(spans, key=lambda each: -each.top):
        is_between = not left and not right
        if is_between and laid and _ends(laid[-1], span) and not _has_right(spans, span, gutter):
            laid.extend(_lines([span], page, 0))
        elif span.right <= gutter + 2:
            left.append(span)
        elif span.left >= gutter - 2:
            right.append(span)
        else:
            if not (laid and laid[-1].column == 0 and not left and not right):
                close_band()
            laid.extend(_lines([span], page, 0))
    close_band()
    return Laid(laid, is_doubtful=False)


def _ends(above: Line, span: Span) -> bool:
    """Whether a piece is the short last line of a paragraph that goes across the page."""
    gap = above.bottom - span.top
    return (
        above.column == 0
        and abs(span.left - above.left) < 2
        and abs(span.size - above.size) < 0.3
        and -0.5 * span.size < gap < 0.8 * span.size
    )


def _has_right(spans: Sequence[Span], span: Span, gutter: float) -> bool:
    """Whether a column goes on at the height of a piece, right of the gutter."""
    return any(
        each.left >= gutter - 2 and each.bottom < span.top and each.top > span.bottom
        for each in spans
    )


def find_gutter(spans: Sequence[Span]) -> float | None:
    """The middle of the strip between two columns; None where there is one column."""
    if len(spans) < 8:
        return None
    lefts, rights = sorted(each.left for each in spans), sorted(each.right for each in spans)
    west, east = lefts[len(lefts) // 50], rights[-1 - len(rights) // 50]
    width = east - west
    total = sum(each.width for each in spans)
    if width < 100 or total <= 0:
        return None
    clear = [
        (crossed, at)
        for step in range(int(0.3 * width / _STEP))
        if (crossed := _crossed(spans, at := west + 0.35 * width + step * _STEP)) is not None
    ]
    if not clear:
        return None
    least = min(crossed for crossed, _ in clear)
    # Of all strips that are as clear as the clearest, the middle one.
    at = median([place for crossed, place in clear if crossed <= least + 0.02 * total])
    beside = [[s for s in spans if s.right <= at + 2], [s for s in spans if s.left >= at - 2]]
    if least > _MOST_CROSSED * total:
        return None
    for side, column in zip(beside, (at - west, east - at), strict=True):
        running = sum(each.width for each in side if each.width >= _LONG * column)
        if running < _LEAST_SIDE * total or running < 0.5 * sum(each.width for each in side):
            return None
    return at


def _crossed(spans: Sequence[Span], at: float) -> float:
    return sum(each.width for each in spans if each.left < at - 1 and each.right > at + 1)


def _lines(spans: Sequence[Span], page: int, column: int) -> list[Line]:
    """Pieces at one height are a line; lines from the top."""
    rows: list[list[Span]] = []
    for span in sorted(spans, key=lambda each: -(each.top + each.bottom)):
        row = rows[-1] if rows else None
        if row is not None and _is_beside(span, row):
            row.append(span)
        else:
            rows.append([span])
    return [_line(sorted(row, key=lambda each: each.left), page, column) for row in rows]


def _is_beside(span: Span, row: Sequence[Span]) -> bool:
    """Whether it stands at the height of the row, and not over one of its pieces."""
    low, high = min(each.bottom for each in row), max(each.top for each in row)
    shared = min(span.top, high) - max(span.bottom, low)
    if shared < 0.5 * min(span.height, high - low):
        return False
    return all(min(span.right, e.right) - max(span.left, e.left) < 0.5 * e.size for e in row)


def _line(row: Sequence[Span], page: int, column: int) -> Line:
    longest = max(row, key=lambda each: len(each.text))
    bold = sum(len(each.text) for each in row if each.is_bold)
    return Line(
        text=" ".join(each.text for each in row),
        left=row[0].left,
        bottom=min(each.bottom for each in row),
        right=max(each.right for each in row),
        top=max(each.top for each in row),
        size=longest.size,
        is_bold=bold > 0.6 * sum(len(each.text) for each in row),
        page=page,
        column=column,
    )


def _looks_interleaved(spans: Sequence[Span], lines: Sequence[Line]) -> bool:
    """Whether many lines have a gap at one place with running text on both sides of it."""
    if len(lines) < 10:
        return False
    long = [each for each in spans if len(each.text) >= 25]
    starts = [round(each.left / 6) for each in long]
    rows = sum(
        1
        for line in lines
        if sum(line.bottom <= (s.top + s.bottom) / 2 <= line.top for s in long) > 1
    )
    return rows >= max(8, 0.3 * len(lines)) and len(set(starts)) < 0.5 * len(starts)
