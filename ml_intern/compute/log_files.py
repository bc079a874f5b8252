"""The output of a job in files of bounded size, addressed by the byte of the output.

`log.txt` holds the first part and is never shortened. What comes after it goes to `log.N.txt`,
where N is the offset of its first byte; only the newest two of these are kept. So a job that prints
without end loses its middle, its newest lines can always be followed, and an offset means the same
byte for ever. Standard library only.
"""

import codecs
import os
from pathlib import Path
from typing import NamedTuple

FIRST = "log.txt"
FIRST_BYTES = 16 << 20
LATER_BYTES = 8 << 20
_LATER_KEPT = 2
_TAIL_BYTES = 4096


class LogWriter:
    """Takes the output as it comes. A full disk loses output, but never stops the job."""

    def __init__(
        self, folder: Path, *, first_bytes: int = FIRST_BYTES, later_bytes: int = LATER_BYTES
    ) -> None:
        self.total_bytes = 0
        self._folder = folder
        self._later_bytes = later_bytes
        self._room = first_bytes
        self._torn = False
        self._fresh = True
        self._at_line_start = True
        self._tail = b""
        self._file = (folder / FIRST).open("wb", buffering=0)

    @property
    def last_line(self) -> str:
        """The last line with something in it: what went wrong, when something did."""
        lines = self._tail.replace(b"\r", b"\n").split(b"\n")
        return next((line.decode(errors="replace") for line in reversed(lines) if line.strip()), "")

    def write(self, data: bytes) -> None:
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        while len(data) > self._room:
            cut = self._cut(data)
            self._put(data[:cut])
            data = data[cut:]
            if not self._roll():
                break
        self._put(data)

    def close(self) -> None:
        self._file.close()

    def _cut(self, data: bytes) -> int:
        """How much still goes to this file: it ends with a line where it can."""
        lines = data.rfind(b"\n", 0, max(0, self._room)) + 1
        if lines or (self._at_line_start and not self._fresh):
            return lines
        return data.find(b"\n") + 1 or len(data)

    def _put(self, data: bytes) -> None:
        # In a file that lacks bytes, what follows would stand at a wrong offset.
        lost = not data or (self._torn and not self._roll())
        self.total_bytes += len(data)
        if lost:
            return
        self._room -= len(data)
        self._fresh, self._at_line_start = False, data.endswith(b"\n")
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError:
            self._torn = True

    def _roll(self) -> bool:
        """Go on in a new file and forget the oldest of the later ones; false when that failed."""
        try:
            file = (self._folder / f"log.{self.total_bytes}.txt").open("wb", buffering=0)
        except OSError:
            return False  # a full disk: the next piece tries again
        self._file.close()
        self._file = file
        self._room = self._later_bytes
        self._torn, self._fresh = False, True
        for part in _parts(self._folder)[1:-_LATER_KEPT]:
            part.path.unlink(missing_ok=True)
        return True


class _Part(NamedTuple):
    start: int
    path: Path


def read_log(folder: Path, offset: int, limit_bytes: int, *, ended: bool) -> tuple[str, int]:
    """Complete lines from `offset` on, and the offset after them.

    Once the job has `ended`, a last line without its end counts as complete; so does a longer one
    than `limit_bytes`. Where output was left out a note stands in its place.
    """
    parts = _parts(folder)
    at = max((n for n, part in enumerate(parts) if part.start <= offset), default=None)
    if at is None:
        return "", offset
    is_last = at == len(parts) - 1
    try:
        data = _read(parts[at], offset, limit_bytes)
    except FileNotFoundError:  # removed since we looked
        return "", offset
    if data:
        return _lines(data, offset, final=ended or not is_last, full=len(data) == limit_bytes)
    if is_last:
        return "", offset
    following = parts[at + 1].start
    if following > offset:
        return f"[{following - offset} bytes of output were left out here]\n", following
    return "", offset


def _parts(folder: Path) -> list[_Part]:
    found = []
    for name in os.listdir(folder):  # noqa: PTH208  # read twice per second and job
        if name == FIRST:
            found.append(_Part(0, folder / name))
        elif name.startswith("log.") and name.split(".")[1].isdigit():
            found.append(_Part(int(name.split(".")[1]), folder / name))
    return sorted(found)


def _read(part: _Part, offset: int, limit_bytes: int) -> bytes:
    with part.path.open("rb") as file:
        file.seek(offset - part.start)
        return file.read(limit_bytes)


def _lines(data: bytes, offset: int, *, final: bool, full: bool) -> tuple[str, int]:
    complete = data.rfind(b"\n") + 1
    if final and not full:
        complete = len(data)
    elif full and not complete:
        complete = _whole_characters(data)
    text = data[:complete].decode(errors="replace").replace("\0", "\ufffd")
    return text, offset + complete


def _whole_characters(data: bytes) -> int:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    decoder.decode(data)
    pending = len(decoder.getstate()[0])
    return len(data) - pending or len(data)
