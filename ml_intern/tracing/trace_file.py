"""The bytes of one file of a session: whole lines, appended, never changed.

What was cut off by a crash (a torn line, the first of two that belong together) is removed before
the next line is written; nothing else ever is, unless the file as a whole is replaced. Each
function holds the file's lock while it works, so two writers cannot mix their lines.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ml_intern.tracing.chain import NOTHING, Tail
from ml_intern.tracing.mark import START, Mark, Place, read_mark

FILE_MODE = 0o600
FOLDER_MODE = 0o700
BLOCK_BYTES = 1 << 16
FRESH = ".new"
"""Ends the name of what is about to take the place of a file."""


class Moved(Exception):
    """The file is not as its writer left it: it was removed or replaced, or somebody else wrote."""


class End(NamedTuple):
    """Where a file ends."""

    size_bytes: int
    place: Place
    """Of the last line; `START`: there is no whole line."""


def repair(path: Path) -> End:
    """Cut off what is no whole line, and say where the file ends; a missing file is an empty one.

    One without any whole line is taken away: an empty file makes a whole dataset unreadable.
    Raises OSError.
    """
    try:
        with _locked(path, os.O_RDWR) as file:
            end = _end(file)
            if end.size_bytes == 0:
                path.unlink()
            elif end.size_bytes < os.fstat(file).st_size:
                os.ftruncate(file, end.size_bytes)
            return end
    except FileNotFoundError:
        return End(0, START)


def tail(path: Path) -> Tail:
    """Where the chain of a file's lines ends; reads the lines since it last began. Raises OSError.

    A missing file is an empty one.
    """
    marks: list[Mark] = []
    try:
        with _locked(path, os.O_RDONLY) as file:
            for _, mark in _marks_backwards(file):
                marks.append(mark)
                if mark.uuid is not None and mark.parent is None:
                    break
    except FileNotFoundError:
        pass
    links = [mark for mark in marks if mark.uuid is not None]
    if not links:
        return Tail(place=marks[0].place) if marks else NOTHING
    return Tail(place=marks[0].place, uuid=links[0].uuid, at=links[0].at, links=len(links))


def first(path: Path) -> Mark | None:
    """The first line; None where there is none of ours. Raises OSError."""
    with path.open("rb") as file:
        try:
            return read_mark(file.readline())
        except ValueError:
            return None


def append(path: Path, data: bytes, at_bytes: int, *, goes_on_in: Path | None = None) -> int:
    """Write `data`, whole lines, to the end of a file that is `at_bytes` long; its new length.

    `goes_on_in`: must not exist, else the file has ended. All of it or nothing: what could not be
    written whole is taken back. Raises Moved, OSError.
    """
    make_folders(path.parent)
    with _as_left(path, at_bytes) as file:
        if goes_on_in is not None and goes_on_in.exists():
            raise Moved(f"{path} goes on in {goes_on_in}")
        return _write(file, path, data, at_bytes)


def go_on(path: Path, data: bytes, *, behind: Path, at_bytes: int) -> int:
    """Write `data` as a new file that goes on where another, `at_bytes` long, ends; its length.

    Raises Moved, OSError.
    """
    with _as_left(behind, at_bytes):
        return append(path, data, 0)


def make_durable(path: Path) -> None:
    """Return when the file is on the disk; a file that is gone needs nothing. Raises OSError."""
    try:
        with _locked(path, os.O_RDWR) as file:
            os.fsync(file)
    except FileNotFoundError:
        pass


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file, in one step; of several at once, one after another.

    Its folder is made. Raises OSError.
    """
    make_folders(path.parent)
    with replacing(path, path.with_suffix(FRESH)) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, fresh: Path) -> Iterator[BinaryIO]:
    """A file to write, under the name `fresh`, that takes the place of `path` when the block ends.

    It does not when the block raises, or wrote nothing. Others who name the same `fresh` wait.
    Raises OSError.
    """
    with _fresh(fresh) as number:
        try:
            os.ftruncate(number, 0)  # of one that died
            with open(number, "wb", closefd=False) as file:
                yield file
            if os.fstat(number).st_size:
                os.fsync(number)
                fresh.replace(path)
            else:
                fresh.unlink()
        except BaseException:  # whatever cut it short, half a file is none
            fresh.unlink(missing_ok=True)
            raise


@contextmanager
def _fresh(fresh: Path) -> Iterator[int]:
    while True:
        with _locked(fresh, os.O_WRONLY | os.O_CREAT) as file:
            if _is_at(file, fresh):
                yield file
                return  # else whoever had it before put it in its place


def remove_left(fresh: Path) -> None:
    """Remove what somebody who died has written to put it in the place of a file.

    Not of one who still writes. Raises OSError.
    """
    with (
        suppress(BlockingIOError, FileNotFoundError),
        _locked(fresh, os.O_WRONLY, fcntl.LOCK_NB) as file,
    ):
        if _is_at(file, fresh):
            fresh.unlink()


def replace_whole(path: Path, data: bytes, at_bytes: int) -> None:
    """As `replace`, of a file that is `at_bytes` long and to which others may append meanwhile.

    Raises Moved, OSError.
    """
    with _as_left(path, at_bytes):
        replace(path, data)


@contextmanager
def folder_of_one(folder: Path) -> Iterator[None]:
    """Nobody else who asks for the same folder is in it meanwhile; it is made. Raises OSError."""
    make_folders(folder)
    with _locked(folder, os.O_RDONLY | os.O_DIRECTORY):
        yield


@contextmanager
def _as_left(path: Path, at_bytes: int) -> Iterator[int]:
    """The file, locked, to append to; made where it has no bytes yet. Raises Moved, OSError."""
    create = 0 if at_bytes else os.O_CREAT
    try:
        with _locked(path, os.O_RDWR | os.O_APPEND | create) as file:
            if os.fstat(file).st_size != at_bytes or not _is_at(file, path):
                raise Moved(f"{path} is not the file of {at_bytes} bytes that it was")
            yield file
    except FileNotFoundError as exc:
        raise Moved(f"{path} is gone") from exc


def _is_at(file: int, path: Path) -> bool:
    """Whether it is this open file that stands there."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False


def _write(file: int, path: Path, data: bytes, at_bytes: int) -> int:
    try:
        _write_all(file, data)
    except OSError:
        os.ftruncate(file, at_bytes)
        if at_bytes == 0:
            path.unlink()
        raise
    return at_bytes + len(data)


@contextmanager
def _locked(path: Path, flags: int, how: int = 0) -> Iterator[int]:
    file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | how)
        yield file
    finally:
        os.close(file)


def make_folders(folder: Path) -> None:
    """Make the folder, and what is missing above it, for their owner alone. Raises OSError."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    try:
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    except FileExistsError:
        words = os.strerror(errno.ENOTDIR)
        raise NotADirectoryError(errno.ENOTDIR, words, str(folder)) from None


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _end(file: int) -> End:
    for end, mark in _marks_backwards(file):
        if not mark.is_half:
            return End(end, mark.place)
    return End(0, START)


def _marks_backwards(file: int) -> Iterator[tuple[int, Mark]]:
    """Every whole line of ours, last first, with the offset of its end."""
    for end, line in _lines_backwards(file, os.fstat(file).st_size):
        try:
            yield end, read_mark(line)
        except ValueError:
            continue  # torn, or zeros that a power cut left


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
