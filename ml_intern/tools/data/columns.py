"""What the columns of a table hold, from one pass over it.

Bounded: of a wide table the first columns are profiled, of a long one a sample of the rows. Rows
are counted to the end, ragged ones too.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ml_intern.tools.data.names import LABEL, TEXT, hint
from ml_intern.tools.data.table import Cells, Row, Split, in_sample
from ml_intern.tools.data.values import as_text, is_missing, kind_of

MAX_ROWS = 200_000
MAX_CELLS = 2_000_000
MAX_COLUMNS = 200
MAX_FEW = 1_000
"""A column with more different values than this is not one of classes."""
MAX_RAGGED_SHOWN = 10
MAX_NAME_CHARACTERS = 200
"""A value that is longer than this does not name a class."""
BATCH = 100
_NOTHING = 0xFFFF
_WORD = re.compile(r"[^\W\d_]{2,}")


class Column:
    """One column's values, summed up."""

    def __init__(self, name: str, rows_before: int, typed: bool) -> None:
        self.name = name
        self.present = 0
        self.characters = 0
        self.wordy = 0
        """Values that hold words: at least two, or one that is not ASCII."""
        self.blanks: Counter[str] = Counter()
        """How nothing is written, and how often."""
        self.kinds: set[str] = set()
        self.examples: list[str] = []
        self.ascending = True
        self.codes = array("H", [_NOTHING]) * rows_before
        """The value of each row as a small number; empty when there are too many different ones."""
        self._code_of: dict[str, int] | None = {}
        self._typed = typed
        self._hashes = array("q")
        self._last: int | None = None

    def add(self, values: Iterable[object]) -> None:
        """The values of the next rows, None where there is none."""
        for value in values:
            if not is_missing(value):
                self._add(value)
                continue
            self.blanks[value.strip() if isinstance(value, str) else "null"] += 1
            if self._code_of is not None:
                self.codes.append(_NOTHING)

    @property
    def kind(self) -> str:
        """The type that fits every value."""
        if self.kinds <= {"integer", "number"}:
            return "number" if "number" in self.kinds else "integer" if self.kinds else "string"
        return next(iter(self.kinds)) if len(self.kinds) == 1 else "string"

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(set(self._hashes))

    @property
    def mean_length(self) -> float:
        """Characters in a value, on average."""
        return self.characters / max(1, self.present)

    def counts(self) -> Counter[str]:
        """How often each value occurs; empty when there are too many different ones."""
        names = list(self._code_of or ())
        numbers = Counter(code for code in self.codes if code != _NOTHING)
        return Counter({names[code]: count for code, count in numbers.items()})

    def agrees_with(self, other: "Column") -> bool:
        """Whether each value here goes with one value there, and the other way round."""
        pairs = set(zip(self.codes, other.codes, strict=False))
        return 0 < len(pairs) == len(set(self.codes)) == len(set(other.codes))

    def _add(self, value: object) -> None:
        text = as_text(value).strip()
        kind = kind_of(value, self._typed)
        self.present += 1
        self.characters += len(text)
        self.kinds.add(kind)
        self._hashes.append(hash(text))
        self.wordy += kind == "string" and _is_wordy(text[:200])
        self.ascending = self.ascending and kind == "integer" and self._rises(int(text))
        self._encode(text)
        if len(self.examples) < 3 and text[:200] not in self.examples:
            self.examples.append(text[:200])

    def _rises(self, number: int) -> bool:
        before, self._last = self._last, number
        return before is None or number > before

    def _encode(self, text: str) -> None:
        if self._code_of is None:
            return
        if len(text) > MAX_NAME_CHARACTERS or len(self._code_of) > MAX_FEW:
            self._code_of, self.codes = None, array("H")
        else:
            self.codes.append(self._code_of.setdefault(text, len(self._code_of)))


def _is_wordy(text: str) -> bool:
    found = _WORD.findall(text)
    return len(found) > 1 or (len(found) == 1 and not text.isascii())


@dataclass
class Profile:
    """A whole table, summed up."""

    columns: dict[str, Column] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Of every column, profiled or not."""
    rows: Counter[Split] = field(default_factory=Counter)
    """Sound rows of each split."""
    profiled: int = 0
    ragged: list[tuple[Split, int, str]] = field(default_factory=list)
    """Split, line and fault of the first ragged rows."""
    ragged_rows: int = 0

    @property
    def total(self) -> int:
        """Sound rows of all splits."""
        return sum(self.rows.values())

    def missing(self, column: Column) -> int:
        """Profiled rows in which the column holds nothing."""
        return self.profiled - column.present


def profile(rows: Iterable[tuple[Split, Row]], typed: bool) -> Profile:
    """Read all rows once; `typed` as in `Table`. Raises what reading them raises."""
    found = Profile()
    batch: list[Cells] = []
    for split, row in rows:
        if row.fault:
            found.ragged_rows += 1
            if len(found.ragged) < MAX_RAGGED_SHOWN:
                found.ragged.append((split, row.line, row.fault))
            continue
        if in_sample(found.rows[split], _limit(found)):
            batch.append(row.cells)
        found.rows[split] += 1
        if len(batch) == BATCH:
            _add(found, batch, typed)
            batch = []
    _add(found, batch, typed)
    return found


def _limit(found: Profile) -> int:
    return min(MAX_ROWS, MAX_CELLS // max(1, len(found.columns)))


def _add(found: Profile, batch: Sequence[Cells], typed: bool) -> None:
    for name in dict.fromkeys(name for cells in batch for name in cells if name not in found.names):
        found.names.add(name)
        if len(found.columns) < MAX_COLUMNS or hint(name, TEXT) == 1 or hint(name, LABEL) == 1:
            found.columns[name] = Column(name, found.profiled, typed)
    for name, column in found.columns.items():
        column.add(cells.get(name) for cells in batch)
    found.profiled += len(batch)
