"""Tables on a page, by pdfplumber: those with lines around their cells, and those with rules only.

A table of the second kind ("booktabs") has rules above and below and white space between columns:
its columns are what no row writes across.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pdfplumber
from pdfminer.pdfexceptions import PDFException

from ml_intern.tools.papers.confined.structure import FoundTable
from ml_intern.tools.papers.document import Row, evened

_SAME = 4.0
"""Points by which two ends may differ and still be at one place."""
_LEAST_RULE = 40.0
_MOST_OBJECTS = 20_000
"""Lines and boxes on one page; a page with more is a drawing."""
_CELL_GAP = 0.55
"""In heights of a letter."""
Words = Sequence[dict[str, Any]]


def find_tables(path: Path, pages: Sequence[int], budget_s: float) -> tuple[list[FoundTable], int]:
    """Tables of these pages (from 1), and how many pages were left out as the time was over."""
    if not pages:
        return [], 0
    found: list[FoundTable] = []
    end = time.monotonic() + budget_s
    try:
        with pdfplumber.open(path, pages=list(pages)) as document:
            for done, page in enumerate(document.pages):
                if time.monotonic() > end:
                    return found, len(pages) - done
                found.extend(_on(page))
                page.close()
    except (PDFException, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # pdfminer reads damaged files less kindly than pdfium, and says so in many ways.
        return found, len(pages)
    return found, 0


def _on(page: Any) -> Iterator[FoundTable]:
    if len(page.lines) + len(page.rects) + len(page.curves) > _MOST_OBJECTS:
        return
    taken: list[tuple[float, float, float, float]] = []
    for table in page.find_tables():
        rows = evened([[cell or "" for cell in row] for row in table.extract()])
        if len(rows) > 1 and len(rows[0]) > 1 and _is_filled(rows):
            taken.append(table.bbox)
            yield _found(page, table.bbox, rows)
    for box in _ruled(page):
        if not any(_overlap(box, other) for other in taken):
            words = page.crop(box, strict=False).extract_words(
                x_tolerance=1.5, y_tolerance=2, use_text_flow=False
            )
            rows = evened(cells_of(words))
            if len(rows) > 1 and len(rows[0]) > 1:
                taken.append(box)
                yield _found(page, box, rows)


def _found(page: Any, box: tuple[float, float, float, float], rows: tuple[Row, ...]) -> FoundTable:
    """pdfplumber counts from the top; we from the bottom, as PDF does."""
    left, top, right, bottom = box
    height = float(page.height)
    return FoundTable(
        page=page.page_number, box=(left, height - bottom, right, height - top), rows=rows
    )


def _is_filled(rows: Sequence[Row]) -> bool:
    cells = [cell for row in rows for cell in row]
    return sum(bool(cell) for cell in cells) >= 0.3 * len(cells)


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > 0
        and min(one[3], other[3]) - max(one[1], other[1]) > 0
    )


def _ruled(page: Any) -> Iterator[tuple[float, float, float, float]]:
    """Boxes between the first and the last of two or more rules of one length, from above."""
    rules = sorted(
        (float(each["x0"]), float(each["x1"]), float(each["top"]))
        for each in (*page.lines, *page.rects)
        if each["x1"] - each["x0"] >= _LEAST_RULE and abs(each["bottom"] - each["top"]) < 3
    )
    groups: list[list[tuple[float, float, float]]] = []
    for rule in rules:
        near = (
            g for g in groups if abs(g[0][0] - rule[0]) < _SAME and abs(g[0][1] - rule[1]) < _SAME
        )
        group = next(near, None)
        if group is None:
            groups.append([rule])
        else:
            group.append(rule)
    for group in groups:
        for tops in _stacks(sorted({top for _, _, top in group})):
            yield group[0][0] - 1, tops[0] - 1, group[0][1] + 1, tops[-1] + 1


def _stacks(tops: Sequence[float]) -> Iterator[list[float]]:
    """Rules of one table: a table has two or three, the last of which ends it."""
    stack: list[float] = []
    for top in tops:
        if stack and top - stack[-1] > 350:
            if len(stack) > 1:
                yield stack
            stack = []
        stack.append(top)
    if len(stack) > 1:
        yield stack


def cells_of(words: Words) -> list[list[str]]:
    """Rows of cells from words with their places (`x0`, `x1`, `top`, `bottom`, `text`)."""
    rows = [_pieces(row) for row in _rows(words)]
    columns = _columns(rows)
    return [_in_columns(row, columns) for row in rows]


def _rows(words: Words) -> list[list[dict[str, Any]]]:
    rows: list[list[dict[str, Any]]] = []
    for word in sorted(words, key=lambda each: (each["top"] + each["bottom"]) / 2):
        middle = (word["top"] + word["bottom"]) / 2
        if rows and rows[-1][0]["top"] <= middle <= rows[-1][0]["bottom"]:
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda each: each["x0"]) for row in rows]


def _pieces(row: Words) -> list[tuple[float, float, str]]:
    """Words that stand close together are one piece: left, right, text."""
    pieces: list[tuple[float, float, str]] = []
    for word in row:
        height = max(1.0, word["bottom"] - word["top"])
        if pieces and word["x0"] - pieces[-1][1] < _CELL_GAP * height:
            left, _, text = pieces[-1]
            pieces[-1] = (left, word["x1"], f"{text} {word['text']}")
        else:
            pieces.append((word["x0"], word["x1"], word["text"]))
    return pieces


def _columns(rows: Sequence[Sequence[tuple[float, float, str]]]) -> list[tuple[float, float]]:
    """Where columns stand: of the fullest rows, whatever overlaps is one column."""
    most = max((len(row) for row in rows), default=0)
    spans = sorted(
        (left, right) for row in rows if len(row) >= max(2, most - 1) for left, right, _ in row
    )
    columns: list[tuple[float, float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1] + 1:
            columns[-1] = (columns[-1][0], max(right, columns[-1][1]))
        else:
            columns.append((left, right))
    return columns


def _in_columns(
    row: Sequence[tuple[float, float, str]], columns: Sequence[tuple[float, float]]
) -> list[str]:
    """One cell for each column; a piece over several columns stands in each of them."""
    cells = [""] * len(columns)
    for left, right, text in row:
        over = [
            place
            for place, (west, east) in enumerate(columns)
            if min(right, east) - max(left, west) > 0
        ]
        if not over and columns:
            middle = (left + right) / 2
            over = [min(range(len(columns)), key=lambda at: abs(sum(columns[at]) / 2 - middle))]
        for place in over:
            cells[place] = f"{cells[place]} {text}".strip()
    return cells
