"""Reading a text file by lines."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ClassVar

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.files.beneath import open_beneath, open_plain
from ml_intern.tools.files.kinds import HEAD_BYTES, binary_kind
from ml_intern.tools.files.paths import usable
from ml_intern.tools.protocol import (
    Arguments,
    Tool,
    ToolContext,
    ToolOutcome,
    Workplace,
    fail,
    succeed,
)

LONGEST_LINE = 2_000
"""Characters of a line that are shown."""
MOST_CHARACTERS = 20_000
"""Of one answer."""
_MOST_ENTRIES = 200
_PIECE_BYTES = 1 << 16


class ReadArguments(Arguments):
    """Which lines of which file."""

    path: str = Field(min_length=1, description="In the workspace, or as the person named it.")
    offset: int = Field(1, ge=1, description="First line, counted from 1.")
    limit: int = Field(400, ge=1, le=5_000, description="Most lines to show.")


class Read(Tool[ReadArguments]):
    """Shows numbered lines of a text file."""

    name: ClassVar[str] = "read"
    description: ClassVar[str] = (
        "Read a text file, with line numbers. For long files use offset and limit. "
        "Tables and images are better looked at with inspect_dataset or bash."
    )
    arguments = ReadArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: ReadArguments, ctx: ToolContext) -> ToolOutcome:
        path = usable(ctx.place.readable, args.path)
        if path.is_dir():
            return fail(f"{args.path} is a folder.", entries=_entries(path))
        try:
            with _opened(ctx.place, path) as file:
                return _show(file, args, ctx)
        except FileNotFoundError:
            return fail(f"There is no file {args.path}.", beside_it=_beside(ctx.place, args.path))


def _opened(place: Workplace, path: Path) -> AbstractContextManager[BinaryIO]:
    if path.is_relative_to(place.workspace.resolve()):
        return open_beneath(place.workspace, path)
    return open_plain(path)


def _show(file: BinaryIO, args: ReadArguments, ctx: ToolContext) -> ToolOutcome:
    size = os.fstat(file.fileno()).st_size
    kind = binary_kind(file.read(HEAD_BYTES))
    if kind is not None:
        return fail(f"{args.path} is not text ({size} bytes): {kind}.", size_bytes=size)
    if size == 0:
        return succeed(f"[{args.path} is empty]")
    file.seek(0)
    shown: list[str] = []
    room, number = MOST_CHARACTERS, 0
    for number, line in _lines(file):
        if ctx.cancelled.is_set():
            return fail("Reading was interrupted.")
        if number < args.offset:
            continue
        room -= len(line) + 8
        if len(shown) == args.limit or (shown and room < 0):
            shown.append(f"[more; read on with offset={number}]")
            return succeed("\n".join(shown))
        shown.append(f"{number:6}  {line}")
    if not shown:
        return fail(f"{args.path} has {number} lines; offset {args.offset} lies behind its end.")
    return succeed("\n".join(shown))


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Number and text of each line; long ones are cut and never held in memory whole."""
    number = 0
    while piece := file.readline(_PIECE_BYTES):
        number += 1
        length, last = len(piece), piece
        while not last.endswith(b"\n") and (last := file.readline(_PIECE_BYTES)):
            length += len(last)
        yield number, _cut(piece, length)


def _cut(piece: bytes, length: int) -> str:
    text = piece.decode("utf-8", errors="replace").rstrip("\r\n")
    if length > len(piece):
        return f"{text[:LONGEST_LINE]} [line cut: it has {length} bytes]"
    if len(text) > LONGEST_LINE:
        return f"{text[:LONGEST_LINE]} [{len(text) - LONGEST_LINE} characters cut]"
    return text


def _beside(place: Workplace, path: str) -> list[str]:
    """What lies where a missing file was looked for, if the session may know."""
    for folder in ((place.workspace / path).parent, (place.started_in / path).parent):
        try:
            found = place.readable(str(folder))
        except InputError:
            continue
        if entries := _entries(found):
            return entries
    return []


def _entries(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    entries = islice(folder.iterdir(), _MOST_ENTRIES)
    return sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
