"""A long session stands in several files, its parts; whoever reads it reads all of them.

The first part bears the session's id. Each later one is a file of its own for programs that know
nothing of this: its name and `sessionId` are made of the session's id and its number, and its first
line, which says of what it is a part, bears `continues`.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_intern.transcript import reading
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import EXTRA
from ml_intern.transcript.problems import Problems

CONTINUES = "continues"
"""Key of our extra on the first line of a later part: `sessionId` of the session, and `number`."""
MAX_GAP = 20
"""So many parts in a row may be missing before the session is taken to end."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which part of which session a file is; numbers begin with 1."""

    session_id: str
    number: int


def part_id(session_id: str, number: int) -> str:
    """The name and `sessionId` of a part. Raises ValueError when `session_id` is no UUID."""
    whole = uuid.UUID(session_id)
    return str(whole if number == 1 else uuid.uuid5(whole, f"part {number}"))


def part_of(path: Path) -> Part:
    """What a file says of itself; the first part of its own where it says nothing.

    Raises OSError.
    """
    with path.open("rb") as file:
        head = file.readline(reading.MAX_LINE_BYTES)
    try:
        continues = json.loads(head)[EXTRA][CONTINUES]
        return Part(session_id=str(continues["sessionId"]), number=int(continues["number"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Part(session_id=path.stem, number=1)


def files(path: Path, problems: Problems | None = None) -> list[Path]:
    """The files of the session that `path` is a part of, in order; they stand in one folder.

    Missing ones are added to `problems`. Raises OSError.
    """
    try:
        found = numbered(path.parent, part_of(path).session_id)
    except ValueError:
        return [path]
    if problems is not None:
        for gap in sorted(set(range(1, max(found, default=0))) - set(found)):
            problems.add(0, f"part {gap} of the session is missing")
    return list(found.values()) or [path]


def numbered(folder: Path, session_id: str) -> dict[int, Path]:
    """The parts of a session that lie in a folder, by number, in order.

    Raises ValueError when `session_id` is no UUID.
    """
    found: dict[int, Path] = {}
    number = 1
    while number - max(found, default=0) <= MAX_GAP:
        path = folder / f"{part_id(session_id, number)}.jsonl"
        if path.is_file():
            found[number] = path
        number += 1
    return found


def read(path: Path, problems: Problems) -> Iterator[Record]:
    """The records of the whole session that the file is a part of, without the heads of parts.

    What cannot be read is added to `problems`, as is a later part that somebody removes meanwhile.
    Raises OSError.
    """
    first, *later = files(path, problems)
    problems.file = first.name if first != path else ""
    yield from _without_head(first, problems)
    for file in later:
        problems.file = file.name if file != path else ""
        try:
            yield from _without_head(file, problems)
        except FileNotFoundError:
            problems.add(0, "this part of the session was removed while it was read")


def _without_head(file: Path, problems: Problems) -> Iterator[Record]:
    return (one for one in reading.read(file, problems) if CONTINUES not in one.extra)
