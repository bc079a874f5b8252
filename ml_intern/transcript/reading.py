"""Session files in the format of Claude Code, read: from bytes to records.

Reads what it can, of ours and of any other program's files, and names by its line what it cannot:
a broken line costs that line alone. Streams: a file may be larger than memory. Nothing here
repairs or links; `conversation.py` makes messages and turns of records.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from ml_intern.transcript import decoding
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import MAX_DEPTH, JsonObject, plain
from ml_intern.transcript.links import Links
from ml_intern.transcript.problems import Problems

MAX_LINE_BYTES = 64 << 20
"""A longer line is named and skipped; no program that writes sessions makes one."""

SPREAD = (
    "Its JSON objects go over several lines, where a .jsonl file has each on one. "
    "`jq -c . FILE > NEW.jsonl` writes them so."
)
_HALF_SURROGATE = re.compile(
    r"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|[c-fC-F](?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD].))"
)
"""Half of a pair without the other, as JSON writes it; no UTF-8 can hold one."""


def is_spread(path: Path) -> bool:
    """Whether the file begins with a JSON object that is laid out over several lines: its first
    line is a brace alone. Raises OSError.
    """
    with path.open("rb") as file:
        line = file.readline(16).removeprefix(codecs.BOM_UTF8)
    return line.endswith(b"\n") and line.strip() == b"{"


def read(path: Path, problems: Problems) -> Iterator[Record]:
    """The records of a file, in its order, one line in memory at a time.

    What cannot be read is added to `problems`. Raises OSError.
    """
    with path.open("rb") as file:
        try:
            yield from read_stream(file, problems)
        except OSError as exc:  # which does not say of which file
            exc.filename = str(path)
            raise


def read_stream(file: BinaryIO, problems: Problems) -> Iterator[Record]:
    """As `read`, from an open file that can seek."""
    links = Links(problems)
    for number, line in lines(file, problems):
        fields = _fields(number, line, problems)
        if fields is None:
            continue
        links.take(number, fields)
        yield from decoding.records(number, fields, problems)
    links.end()


# From bytes to objects


def lines(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, str]]:
    """The lines that hold anything, each with its number, of an open file that can seek.

    What is no UTF-8 and what is too long is added to `problems`.
    """
    number = 0
    whole = True
    file = _as_utf8(file, problems)
    while line := file.readline(MAX_LINE_BYTES):
        begins, whole = whole, line.endswith(b"\n")
        number += begins
        if begins and not whole and len(line) == MAX_LINE_BYTES:
            problems.add(number, f"longer than {MAX_LINE_BYTES >> 20} MiB, skipped")
        elif begins and line.strip():
            yield number, _text(number, line, problems)


def _as_utf8(file: BinaryIO, problems: Problems) -> BinaryIO:
    """The file behind its byte order mark."""
    head = file.read(len(codecs.BOM_UTF8))
    file.seek(len(codecs.BOM_UTF8) if head == codecs.BOM_UTF8 else 0)
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return file
    problems.add(0, "The file is UTF-16 and is read as such; readers of the format want UTF-8.")
    return cast("BinaryIO", codecs.EncodedFile(file, "utf-8", "utf-16", errors="replace"))


def _text(number: int, line: bytes, problems: Problems) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as exc:
        problems.add(number, f"not UTF-8 at byte {exc.start}; such bytes are read as \ufffd")
        return line.decode(errors="replace")


def _fields(number: int, line: str, problems: Problems) -> JsonObject | None:
    try:
        value = json.loads(line)
        if _may_hold_halves(line):
            value = plain(value)
    except (ValueError, RecursionError) as exc:
        torn = "" if line.endswith("\n") else ", and the file ends here: the line was cut off"
        problems.add(number, f"no JSON ({_short(exc)}){torn}")
        return None
    if not isinstance(value, dict):
        problems.add(number, f"a JSON {type(value).__name__}, where an object belongs")
        return None
    if _is_deep(line, value):
        problems.add(number, f"nested more than {MAX_DEPTH} deep, skipped")
        return None
    return value


def _may_hold_halves(line: str) -> bool:
    """Whether half surrogates may stand in it, which seldom is so and takes a walk to mend."""
    if r"\ud" not in line and r"\uD" not in line:
        return False
    # Behind an escaped backslash, what looks like half of a pair is plain text.
    return r"\\u" in line or _HALF_SURROGATE.search(line) is not None


def _is_deep(line: str, value: JsonObject) -> bool:
    """Whether it is deeper than we write ourselves: whoever walks over it would fail."""
    if line.count("[") + line.count("{") <= MAX_DEPTH:
        return False  # which is seen far sooner
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [item for one in level for item in _items(one) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(value: JsonObject | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _short(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg.removesuffix(' at').removesuffix(' starting')}, column {exc.colno}"
    return str(exc) if isinstance(exc, ValueError) else "nested too deep"
