"""Tables on a page: those with lines around their cells, and those with rules only.

The first are taken apart by pdfplumber. A table of the second kind ("booktabs") has rules above and
below and white space between columns: its columns are what no row writes across. pdfplumber knows
none of these, and takes a fifth of a second a page.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pdfplumber
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pdfminer.pdfexceptions import PDFException
from pdfminer.psexceptions import PSException
from pdfplumber.utils.exceptions import PdfminerException

from ml_intern.tools.papers.confined.spans import Span, read_cells
from ml_intern.tools.papers.confined.structure import FoundTable
from ml_intern.tools.papers.document import Box, Row, evened

_SAME = 4.0
"""Points by which two ends may differ and still be at one place."""
_LEAST_RULE = 40.0
_THIN = 3.0
_LEAST_SIDE = 8.0
"""Height of a line between two cells, at least."""
_TALLEST = 350.0
"""Points between two rules of one table, at most."""
_MOST_OBJECTS = 20_000
"""Lines and boxes on one page; a page with more is a drawing."""
_DAMAGED = (
    PdfminerException,
    PDFException,
    PSException,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)
"""pdfminer reads damaged files less kindly than pdfium, and says so in many ways."""


@dataclass(frozen=True)
class _Drawn:
    """What is drawn on a page that may belong to tables."""

    rules: list[Box]
    has_grid: bool


def find_tables(
    document: pdfium.PdfDocument, path: Path, pages: Sequence[int], budget_s: float
) -> tuple[list[FoundTable], int]:
    """Tables of these pages (from 1), and how many pages were left out: the time was over, or
    what is drawn there is damaged. `path`: of the same file.
    """
    found: list[FoundTable] = []
    with_grid: list[int] = []
    end = time.monotonic() + budget_s
    for done, number in enumerate(pages):
        if time.monotonic() > end:
            return found, len(pages) - done
        page = document[number - 1]  # it was read before
        drawn = _drawn(page)
        if drawn is not None and drawn.has_grid:
            with_grid.append(number)
        if drawn is not None:
            found.extend(_between_rules(page, number, drawn.rules))
        page.close()
    grids, left = _grids(path, with_grid, end)
    return [*grids, *(each for each in found if not any(_overlap(each, g) for g in grids))], left


def _drawn(page: pdfium.PdfPage) -> _Drawn | None:
    """None for a page with too much on it."""
    rules: list[Box] = []
    sides = 0
    paths = page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=3)
    for count, path in enumerate(paths):
        if count >= _MOST_OBJECTS:
            return None
        try:
            box: Box = path.get_bounds()
        except pdfium.PdfiumError:
            continue
        width, height = box[2] - box[0], box[3] - box[1]
        if height < _THIN and width >= _LEAST_RULE:
            rules.append(box)
        elif height >= _LEAST_SIDE:
            sides += 1
    return _Drawn(rules, has_grid=sides >= 2)


# Lines around cells


def _grids(path: Path, pages: Sequence[int], end: float) -> tuple[list[FoundTable], int]:
    """What pdfplumber finds, until `end` on the clock; and how many pages were left out."""
    found: list[FoundTable] = []
    if not pages:
        return found, 0
    try:
        with pdfplumber.open(path, pages=list(pages)) as document:
            for done, page in enumerate(document.pages):
                if time.monotonic() > end:
                    return found, len(pages) - done
                found += _in_grids(page)
                page.close()
    except _DAMAGED:
        return found, len(pages)
    return found, 0


def _in_grids(page: Any) -> Iterator[FoundTable]:
    height = float(page.height)
    for table in page.find_tables():
        rows = evened([[cell or "" for cell in row] for row in table.extract()])
        left, top, right, bottom = table.bbox  # counted from the top of the page
        if _is_table(rows) and _is_filled(rows):
            box = (left, height - bottom, right, height - top)
            yield FoundTable(page=page.page_number, box=box, rows=rows)


def _is_table(rows: Sequence[Row]) -> bool:
    return len(rows) > 1 and len(rows[0]) > 1


def _is_filled(rows: Sequence[Row]) -> bool:
    cells = [cell for row in rows for cell in row]
    return sum(bool(cell) for cell in cells) >= 0.3 * len(cells)


def _overlap(one: FoundTable, other: FoundTable) -> bool:
    if one.page != other.page:
        return False
    return (
        min(one.box[2], other.box[2]) - max(one.box[0], other.box[0]) > 0
        and min(one.box[3], other.box[3]) - max(one.box[1], other.box[1]) > 0
    )


# Rules above and below


def _between_rules(page: pdfium.PdfPage, number: int, rules: Sequence[Box]) -> Iterator[FoundTable]:
    """What stands between the first and the last of several rules of one length."""
    groups: list[list[Box]] = []
    for rule in sorted(rules):
        near = (
            group
            for group in groups
            if abs(group[0][0] - rule[0]) < _SAME and abs(group[0][2] - rule[2]) < _SAME
        )
        group = next(near, None)
        if group is None:
            groups.append([rule])
        else:
            group.append(rule)
    for group in groups:
        for low, high in _stacks(sorted({each[1] for each in group})):
            box = (group[0][0], low, group[0][2], high)
            rows = evened(cells_of(read_cells(page, box)))
            if _is_table(rows):
                yield FoundTable(page=number, box=box, rows=rows)


def _stacks(heights: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Lowest and highest rule of each table."""
    stack: list[float] = []
    for height in heights:
        if stack and height - stack[-1] > _TALLEST:
            if len(stack) > 1:
                yield stack[0], stack[-1]
            stack = []
        stack.append(height)
    if len(stack) > 1:
        yield stack[0], stack[-1]


def cells_of(pieces: Sequence[Span]) -> list[list[str]]:
    """Rows of cells, from what stands in them."""
    rows: list[list[Span]] = []
    for piece in sorted(pieces, key=lambda each: -(each.top + each.bottom)):
        middle = (piece.top + piece.bottom) / 2
        if rows and rows[-1][0].bottom <= middle <= rows[-1][0].top:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    columns = _columns(rows)
    return [_in_columns(sorted(row, key=lambda each: each.left), columns) for row in rows]


def _columns(rows: Sequence[Sequence[Span]]) -> list[tuple[float, float]]:
    """Where columns stand: of the fullest rows, whatever overlaps is one column."""
    most = max((len(row) for row in rows), default=0)
    spans = sorted(
        (each.left, each.right) for row in rows if len(row) >= max(2, most - 1) for each in row
    )
    columns: list[tuple[float, float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1] + 1:
            columns[-1] = (columns[-1][0], max(right, columns[-1][1]))
        else:
            columns.append((left, right))
    return columns


def _in_columns(row: Sequence[Span], columns: Sequence[tuple[float, float]]) -> list[str]:
    """One cell for each column; a piece over several columns stands in each of them."""
    cells = [""] * len(columns)
    for piece in row:
        over = [
            place
            for place, (west, east) in enumerate(columns)
            if min(piece.right, east) - max(piece.left, west) > 0
        ]
        if not over and columns:
            middle = (piece.left + piece.right) / 2
            over = [min(range(len(columns)), key=lambda at: abs(sum(columns[at]) / 2 - middle))]
        for place in over:
            cells[place] = f"{cells[place]} {piece.text}".strip()
    return cells
