"""A table, whatever its file format: rows by split, read as a stream as often as needed."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ml_intern.tools.data.stop import check

Split = Literal["all", "train", "validation", "test"]
"""`all`: the source has no splits of its own."""
Cells = dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One record and the line on which it starts; one with a `fault` has no cells."""

    line: int
    cells: Cells
    fault: str = ""


class Table(Protocol):
    """One file of records."""

    kind: str
    encoding: str | None
    delimiter: str | None
    typed: bool
    """The file says what is a number; else every cell is a string."""
    notes: tuple[str, ...]
    """What a person should know about how the file was read."""

    def rows(self) -> Iterator[Row]:
        """Every record in order. Raises InputError when the file cannot be read on."""
        ...


@dataclass(frozen=True)
class TableSet:
    """The tables of one source; files of the same split follow each other."""

    source: str
    kind: str
    fingerprint: str
    parts: tuple[tuple[Split, Table], ...]
    notes: tuple[str, ...] = field(default=())
    title: str | None = None
    """What its package calls it."""
    picture: str | None = None
    """The column of pictures, where the rows are known without them."""

    @property
    def typed(self) -> bool:
        """As in `Table`."""
        return all(table.typed for _, table in self.parts)

    def rows(
        self, cancelled: threading.Event, most: int | None = None
    ) -> Iterator[tuple[Split, Row]]:
        """Every record of every split; with `most`, a sample of each file as `in_sample` says.

        Raises Stopped, InputError.
        """
        for split, table in self.parts:
            for number, row in enumerate(table.rows()):
                if number % 256 == 0:
                    check(cancelled)
                if most is None or in_sample(number, most):
                    yield split, row


def in_sample(number: int, most: int) -> bool:
    """Whether a sample takes this row: the first `most` all, later ones ever more rarely.

    Files are often sorted by class, so that the first rows alone would tell of one class. The
    sample of a file a hundred times as long is little more than twice as large.
    """
    return number < most or number % (4 * (number // most)) == 0
