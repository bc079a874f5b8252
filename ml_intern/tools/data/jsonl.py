"""JSON Lines, and JSON arrays of objects, as a stream.

A field inside an object is a column of its own, `meta.author`; lists stay one cell. A line that is
no JSON object is marked with what is wrong in it; an array that breaks off cannot be read on.
"""

import json
import re
from collections.abc import Iterator

from ml_intern.errors import InputError
from ml_intern.tools.data.table import Cells, Row
from ml_intern.tools.data.text_file import TextFile

MAX_RECORD_CHARACTERS = 32 << 20
BLOCK_CHARACTERS = 1 << 16
MAX_DEPTH = 5
"""Objects that are nested deeper stay one cell."""
_BLANKS = re.compile(r"[ \t\r\n]*")


class JsonTable:
    """One file of JSON objects."""

    kind = "jsonl"
    typed = True
    delimiter: str | None = None
    notes: tuple[str, ...] = ()

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self.encoding: str | None = file.encoding
        self._is_array = self._starts_with_bracket()

    def rows(self) -> Iterator[Row]:
        """Every object in order. Raises InputError when an array is broken."""
        if self._is_array:
            yield from _Array(self._file).rows()
            return
        for number, line in enumerate(self._file.lines(newline="\n"), 1):
            if not line.isspace():
                yield _row(number, line)

    def _starts_with_bracket(self) -> bool:
        for line in self._file.lines(newline="\n"):
            if not line.isspace():
                return line.lstrip().startswith("[")
        return False


def _row(number: int, text: str) -> Row:
    try:
        return checked(number, json.loads(text.rstrip()))
    except json.JSONDecodeError as exc:
        return Row(number, {}, f"it is not JSON: {exc.msg} at character {exc.pos + 1}")
    except (ValueError, RecursionError) as exc:
        return Row(number, {}, f"it is not JSON that we can read: {exc}")


def checked(number: int, value: object) -> Row:
    """The value of a line as a row; with a fault where it is no object."""
    if not isinstance(value, dict):
        return Row(number, {}, f"it holds {_kind(value)} instead of an object")
    return Row(number, _printable(_flat(value)))


def _flat(cells: Cells, depth: int = 1) -> Cells:
    """Fields inside objects beside the others; a field that has such a name already keeps it."""
    if not any(isinstance(cell, dict) for cell in cells.values()):
        return cells
    flat: Cells = {}
    for key, cell in cells.items():
        if not (isinstance(cell, dict) and cell and depth < MAX_DEPTH):
            flat[key] = cell
            continue
        for inner, value in _flat(cell, depth + 1).items():
            name = f"{key}.{inner}"
            if name not in cells:
                flat[name] = value
    return flat


def _kind(value: object) -> str:
    names = {list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _printable(cells: Cells) -> Cells:
    """Without halves of surrogate pairs, which JSON may hold and UTF-8 may not."""
    return {
        _whole(key): _whole(cell) if isinstance(cell, str) else cell for key, cell in cells.items()
    }


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class _Array:
    """Reads a JSON array element by element; holds one block, or the longest element."""

    def __init__(self, file: TextFile) -> None:
        self._path = file.path
        self._encoding = file.encoding
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._line = 1

    def rows(self) -> Iterator[Row]:
        """Every element as a row. Raises InputError where the array is not JSON, or breaks off."""
        with self._path.open(encoding=self._encoding) as file:
            blocks = iter(lambda: file.read(max(BLOCK_CHARACTERS, len(self._buffer))), "")
            self._expect("[", blocks)
            while self._expect(",", blocks) != "]":
                yield self._element(blocks)

    def _expect(self, mark: str, blocks: Iterator[str]) -> str:
        """Go past blanks, at most one `mark`, and blanks; the character that stands there then."""
        while True:
            self._go_to(_blanks(self._buffer, self._at))
            if self._at == len(self._buffer):
                self._buffer, self._at = next(blocks, ""), 0
                if not self._buffer:
                    raise self._broken("the array is never closed")
            elif self._buffer[self._at] == mark:
                self._at, mark = self._at + 1, ""
            else:
                return self._buffer[self._at]

    def _element(self, blocks: Iterator[str]) -> Row:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as exc:
                self._buffer, self._at = self._buffer[self._at :], 0
                block = next(blocks, "") if len(self._buffer) < MAX_RECORD_CHARACTERS else ""
                if not block:
                    raise self._broken(str(exc)) from exc
                self._buffer += block
            else:
                row = checked(self._line, value)
                self._go_to(end)
                return row

    def _go_to(self, position: int) -> None:
        self._line += self._buffer.count("\n", self._at, position)
        self._at = position

    def _broken(self, reason: str) -> InputError:
        return InputError(
            f"{self._path}: the array cannot be read from line {self._line} on: {reason}. "
            "Repair it there, or write the data as JSON Lines."
        )


def _blanks(text: str, start: int) -> int:
    """Where the blanks that begin at `start` end."""
    found = _BLANKS.match(text, start)
    return found.end() if found else start
