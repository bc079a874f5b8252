"""The output of one command in one file of bounded size: its first and its last part.

The middle is lost once there is too much; the command never notices, however much it prints. A full
disk loses output, too, but never stops the command. Standard library only.
"""

import contextlib
from pathlib import Path


def gap_note(left_out_bytes: int) -> str:
    """Stands where the middle was: in the file, and in texts made from it."""
    return f"\n[... {left_out_bytes} bytes left out ...]\n"


class Capture:
    """Writes `path`, at most `limit_bytes` and one note. For one thread."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.total_bytes = 0
        self._file = path.open("wb", buffering=0)
        self._head_room = limit_bytes // 2
        self._tail_limit = limit_bytes - self._head_room
        self._tail = bytearray()
        self._dropped_bytes = 0

    @property
    def truncated(self) -> bool:
        return self._dropped_bytes > 0

    def write(self, data: bytes) -> None:
        self.total_bytes += len(data)
        head, rest = data[: self._head_room], data[self._head_room :]
        self._head_room -= len(head)
        self._put(head)
        self._tail += rest
        if len(self._tail) > 2 * self._tail_limit:
            self._trim()

    def close(self) -> None:
        """Add the last part. Nothing can be written afterwards."""
        self._trim()
        if self.truncated:
            self._put(gap_note(self._dropped_bytes).encode())
        self._put(bytes(self._tail))
        self._file.close()

    def _trim(self) -> None:
        excess = max(0, len(self._tail) - self._tail_limit)
        del self._tail[:excess]
        self._dropped_bytes += excess

    def _put(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data:
                data = data[self._file.write(data) or 0 :]
