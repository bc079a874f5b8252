"""Tables whose head takes two rows: `Accuracy` over `dev` and `test`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ml_intern.tools.papers.document import Row, Table

_NUMBER = re.compile(r"\W*\d[\d.,]*\s*(?:%|[kKmMbB]|±.*|\(.*)?\W*")


def with_one_head(table: Table) -> Table:
    """The same with its head in one row; as it is, if it has one."""
    if len(table.rows) < 3 or not _is_head(table.rows[0], table.rows[1]):
        return table
    above = list(_spread(table.rows[0]))
    head = tuple(
        one if one == other or not other else f"{one} {other}".strip()
        for one, other in zip(above, table.rows[1], strict=True)
    )
    return replace(table, rows=(head, *table.rows[2:]))


def _is_head(first: Row, second: Row) -> bool:
    """Whether the second row goes on with the head: no label of its own, and no numbers."""
    has_label = (
        bool(second[0].strip()) and second[0] != first[0] and not _names_methods(first, second)
    )
    return not has_label and any(second[1:]) and not any(map(_NUMBER.fullmatch, second[1:]))


def _names_methods(first: Row, second: Row) -> bool:
    """Whether only the lower row says that the first column has methods."""
    return not first[0].strip() and second[0].strip(" *").lower() in (
        "model",
        "method",
        "methods",
        "models",
    )


def _spread(cells: Sequence[str]) -> Iterator[str]:
    """A cell that spans columns stands above each of them."""
    last = ""
    for place, cell in enumerate(cells):
        last = cell or (last if place > 1 else "")
        yield last
