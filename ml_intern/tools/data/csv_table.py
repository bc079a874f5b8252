"""CSV and TSV: the delimiter is found, quoted newlines are kept, ragged rows are marked.

Cells are bounded, so that a quote which is never closed cannot swallow a whole file into memory.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Literal

from ml_intern.errors import InputError
from ml_intern.tools.data.table import Row
from ml_intern.tools.data.text_file import TextFile

if TYPE_CHECKING:
    from _csv import Reader

MAX_CELL_CHARACTERS = 32 << 20
SAMPLE_CHARACTERS = 1 << 20
SAMPLE_LINES = 500
_DELIMITERS = (",", "\t", ";", "|")
_ONE_COLUMN = "\x1f"
"""A separator that no text holds: every line is one cell."""


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quoting: Literal[0, 3]
    """QUOTE_MINIMAL or QUOTE_NONE."""


class _Lines:
    """Lines for a CSV reader, which asks for one more than there are only inside an open quote."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.ended = True
            raise


class CsvTable:
    """One CSV or TSV file. Cells are strings."""

    kind = "csv"
    typed = False

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self._dialect, sample = _sniff(file)
        self._has_header = _has_header(sample)
        self.columns = _names(sample[0], self._has_header)
        self.encoding: str | None = file.encoding
        self.delimiter = None if self._dialect.delimiter == _ONE_COLUMN else self._dialect.delimiter
        self.notes = tuple(self._observe(sample[0]))

    def rows(self) -> Iterator[Row]:
        """Every record after the header. Raises InputError for a cell beyond all measure."""
        lines = _Lines(self._file.lines(newline=""))
        reader = _reader(lines, self._dialect)
        line, in_header = 1, self._has_header
        try:
            for record in reader:
                if lines.ended:
                    yield Row(line, {}, "it opens a quote that is never closed")
                elif record and not in_header:
                    yield self._row(line, record)
                in_header = in_header and not record
                line = reader.line_num + 1
        except csv.Error as exc:
            raise InputError(f"{self._file.path}, record from line {line} on: {exc}.") from exc

    def _row(self, line: int, record: list[str]) -> Row:
        width = len(self.columns)
        if len(record) == width or (len(record) > width and not any(record[width:])):
            return Row(line, dict(zip(self.columns, record, strict=False)))
        return Row(line, {}, f"{len(record)} cells instead of {width}")

    def _observe(self, first: Sequence[str]) -> Iterator[str]:
        if not self._has_header:
            yield (
                "The first line looks like data, not like a header: columns are called "
                f"{self.columns[0]!r} and so on."
            )
        twice = [name for name, times in Counter(first).items() if name and times > 1]
        if self._has_header and twice:
            names = ", ".join(map(repr, twice[:5]))
            yield f"Columns share a name ({names}); later ones got a number."


def _reader(lines: Iterator[str], dialect: _Dialect) -> "Reader":
    csv.field_size_limit(MAX_CELL_CHARACTERS)  # the module's own 128 kB is less than a long text
    return csv.reader(lines, delimiter=dialect.delimiter, quoting=dialect.quoting)


def _sniff(file: TextFile) -> tuple[_Dialect, list[list[str]]]:
    """The dialect under which most records are as wide as the header, and the first records.

    Of equals, the one that finds more records: a stray quote joins lines to one.
    """
    lines = list(_sample(file))
    dialect, records = _Dialect(_ONE_COLUMN, csv.QUOTE_MINIMAL), [[""]]
    best = (0.0, 0, 0)
    for found in _dialects():
        read = _records(lines, found)
        fit = _fit(read)
        if fit > best and not (found.quoting == csv.QUOTE_NONE and _has_quoted(read)):
            best, dialect, records = fit, found, read
    return dialect, records if best[0] else _records(lines, dialect)


def _dialects() -> Iterator[_Dialect]:
    for delimiter in _DELIMITERS:
        yield _Dialect(delimiter, csv.QUOTE_MINIMAL)
        yield _Dialect(delimiter, csv.QUOTE_NONE)


def _fit(records: Sequence[Sequence[str]]) -> tuple[float, int, int]:
    widths = [len(record) for record in records]
    if widths[0] < 2:
        return 0.0, 0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0], len(widths)


def _has_quoted(records: Sequence[Sequence[str]]) -> bool:
    """Whether, read without quoting, there are cells in quotes: then quotes were meant as such."""
    return any(
        len(cell) > 1 and cell[0] == cell[-1] == '"' for record in records for cell in record
    )


def _sample(file: TextFile) -> Iterator[str]:
    """The first lines, but never a part of one."""
    seen = 0
    for line in islice(file.lines(newline=""), SAMPLE_LINES):
        yield line
        seen += len(line)
        if seen > SAMPLE_CHARACTERS:
            return


def _records(lines: Sequence[str], dialect: _Dialect) -> list[list[str]]:
    """The records of the sample, as far as they can be read; the sample may cut the last one."""
    try:
        records = list(filter(None, _reader(iter(lines), dialect)))
    except csv.Error:
        return [[""]]
    return records[:-1] if len(records) > SAMPLE_LINES // 2 else records or [[""]]


def _has_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns rather than being data itself.

    It is data when one of its cells comes back below it, or is a number like all cells below it;
    names that merely count the columns (0, 1, 2...) are names.
    """
    first, below = sample[0], sample[1:]
    if len(below) < 2 or [cell.strip() for cell in first] == [str(n) for n in range(len(first))]:
        return True
    for index, cell in enumerate(first):
        column = [record[index].strip() for record in below if index < len(record)]
        if cell.strip() and (column.count(cell.strip()) > 1 or _all_numbers([cell, *column])):
            return False
    return True


def _all_numbers(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and all(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _names(first: Sequence[str], has_header: bool) -> tuple[str, ...]:
    """One name for each column, all different; nameless ones are called as pandas does."""
    if not has_header:
        return tuple(f"column {number}" for number in range(1, len(first) + 1))
    names: list[str] = []
    taken: set[str] = set()
    for index, cell in enumerate(first):
        wanted = cell.strip() or f"Unnamed: {index}"
        numbered = (f"{wanted}.{number}" for number in count(1))
        name = wanted if wanted not in taken else next(n for n in numbered if n not in taken)
        names.append(name)
        taken.add(name)
    return tuple(names)
