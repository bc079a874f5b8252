"""The bytes of one session's file: whole lines, appended, never changed.

A line that was cut off by a crash is removed before the next one is written; nothing else ever is.
Each function holds the file's lock while it works, so two writers cannot mix their lines.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ml_intern.tracing.mark import Mark, read_mark

FILE_MODE = 0o600
FOLDER_MODE = 0o700
BLOCK_BYTES = 1 << 16


class Moved(Exception):
    """The file is not as long as its writer left it: it was removed, or somebody else wrote."""


class End(NamedTuple):
    """Where a file ends."""

    size_bytes: int
    mark: Mark | None
    """None: no whole line yet."""


def repair(path: Path) -> End:
    """Cut off what is no whole line, and say where the file ends; a missing file is an empty one.

    Raises OSError.
    """
    try:
        with _locked(path, os.O_RDWR) as file:
            return _repair(file)
    except FileNotFoundError:
        return End(0, None)


def append(path: Path, data: bytes, at_bytes: int) -> int:
    """Write `data`, whole lines, to the end of a file that is `at_bytes` long; its new length.

    All of it or nothing: what could not be written whole is taken back. Raises Moved, OSError.
    """
    _make_folders(path.parent)
    with _locked(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
        if os.fstat(file).st_size != at_bytes:
            raise Moved(f"{path} is not {at_bytes} bytes long")
        try:
            _write_all(file, data)
        except OSError:
            os.ftruncate(file, at_bytes)
            if at_bytes == 0:
                path.unlink()  # an empty file makes a whole dataset unreadable
            raise
    return at_bytes + len(data)


def make_durable(path: Path) -> None:
    """Return when the file is on the disk; a file that is gone needs nothing. Raises OSError."""
    try:
        with _locked(path, os.O_RDWR) as file:
            os.fsync(file)
    except FileNotFoundError:
        pass


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file, in one step. Raises OSError."""
    _make_folders(path.parent)
    fresh = path.with_suffix(".new")
    with _locked(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
        _write_all(file, data)
        os.fsync(file)
    fresh.replace(path)


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _make_folders(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _repair(file: int) -> End:
    size = os.fstat(file).st_size
    good, mark = 0, None
    for end, line in _lines_backwards(file, size):
        try:
            good, mark = end, read_mark(line)
        except ValueError:
            continue  # torn, or zeros that a power cut left
        break
    if good < size:
        os.ftruncate(file, good)
    return End(good, mark)


def _lines_backwards(file: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The lines that end with a newline, last first, each with the offset of its end."""
    start, rest = size, b""
    while start > 0:
        length = min(BLOCK_BYTES, start)
        start -= length
        rest = os.pread(file, length, start) + rest
        newline = rest.find(b"\n")
        if start > 0 and newline < 0:
            continue  # the beginning of this line lies further up
        first = newline + 1 if start > 0 else 0
        yield from _whole_lines(rest, first, start)
        rest = rest[:first]


def _whole_lines(data: bytes, first: int, offset: int) -> Iterator[tuple[int, bytes]]:
    end = data.rfind(b"\n") + 1
    while end > first:
        begin = max(data.rfind(b"\n", 0, end - 1) + 1, first)
        yield offset + end, data[begin:end]
        end = begin
