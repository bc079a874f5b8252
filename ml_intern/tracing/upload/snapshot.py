"""How much of a session file may be sent: what stands there up to a moment when no call was open.

A file grows, so looking at it goes on where the last look ended, as long as what was there is
unchanged; each line is decoded once, and looked at a second time for secrets.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from ml_intern.hub.protocol import RemoteFile
from ml_intern.tracing.redaction.scan import Eyes
from ml_intern.transcript.line import JsonObject
from ml_intern.transcript.links import blocks_of

LARGEST_BYTES = 64 << 20
"""A larger file is not sent; none of ours since sessions go on in parts."""
MOST_FINDINGS = 5


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The beginning of a file, by its hashes as the Hub counts them."""

    size: int
    git: str
    """Of the blob that git makes of it."""
    sha256: str

    def is_on(self, remote: RemoteFile) -> bool:
        """Whether the Hub's file is the same."""
        return remote.oid == (self.sha256 if remote.in_lfs else self.git)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found in a file."""

    snapshot: Snapshot | None
    """None: nothing of it can be sent yet."""
    problem: str = ""
    """Why none of it may be sent until somebody acts."""


@dataclass
class _Read:
    """What the lines so far say."""

    end: int = 0
    """Bytes that were read."""
    sha256: str = field(default_factory=lambda: hashlib.sha256().hexdigest())
    """Of these."""
    lines: int = 0
    users: int = 0
    assistants: int = 0
    open_calls: set[str] = field(default_factory=set)
    cut: int = 0
    """Bytes up to the last line after which no call was open, and both sides had spoken."""
    problems: list[str] = field(default_factory=list)


class Reader:
    """Looks at one file, again and again. Belongs to one thread."""

    def __init__(self, path: Path, eyes: Eyes) -> None:
        """`eyes` look for secrets that are left."""
        self._path = path
        self._eyes = eyes
        self._read = _Read()

    def look(self) -> Look:
        """What may be sent now. Raises OSError."""
        size = self._path.stat().st_size
        if size > LARGEST_BYTES:
            return Look(snapshot=None, problem=f"it is too large to be sent ({size >> 20} MiB)")
        data = self._path.read_bytes()
        if hashlib.sha256(data[: self._read.end]).hexdigest() != self._read.sha256:
            self._read = _Read()  # it was written anew
        self._go_on(data)
        read = self._read
        if read.problems:
            more = len(read.problems) - MOST_FINDINGS
            words = ", ".join(read.problems[:MOST_FINDINGS])
            return Look(snapshot=None, problem=words + (f" and {more} more" if more > 0 else ""))
        if not read.cut:
            return Look(snapshot=None)
        return Look(snapshot=snapshot_of(data[: read.cut]))

    def _go_on(self, data: bytes) -> None:
        """With whole lines; the last one may be half written."""
        read = self._read
        end = data.rfind(b"\n") + 1
        for line in data[read.end : end].split(b"\n")[:-1]:
            read.lines += 1
            read.end += len(line) + 1
            self._take(line)
        read.sha256 = hashlib.sha256(data[: read.end]).hexdigest()

    def _take(self, line: bytes) -> None:
        read = self._read
        try:
            fields = json.loads(line)
            found = list(self._eyes.in_value(fields))
        except (ValueError, RecursionError):
            read.problems.append(f"line {read.lines} cannot be read")
            return
        if not isinstance(fields, dict):
            read.problems.append(f"line {read.lines} is no JSON object")
            return
        read.problems += (
            f"line {read.lines} may hold a secret ({kind} in {where})" for kind, where in found
        )
        self._count(fields)

    def _count(self, fields: JsonObject) -> None:
        read = self._read
        read.users += fields.get("type") == "user"
        read.assistants += fields.get("type") == "assistant"
        for block in blocks_of(fields):
            if block.get("type") == "tool_use":
                read.open_calls.add(str(block.get("id")))
            elif block.get("type") == "tool_result":
                read.open_calls.discard(str(block.get("tool_use_id")))
        if read.users and read.assistants and not read.open_calls:
            read.cut = read.end


def look_at_whole(data: bytes, eyes: Eyes) -> Look:
    """A file that is one JSON value, and is written at once."""
    try:
        found = [f"{kind} in {where}" for kind, where in eyes.in_value(json.loads(data))]
    except (ValueError, RecursionError):
        return Look(snapshot=None, problem="it cannot be read")
    if found:
        return Look(snapshot=None, problem=f"it may hold a secret ({found[0]})")
    return Look(snapshot=snapshot_of(data))


def snapshot_of(data: bytes) -> Snapshot:
    """The hashes of these bytes."""
    return Snapshot(size=len(data), git=git_blob(data), sha256=hashlib.sha256(data).hexdigest())


def git_blob(data: bytes) -> str:
    """What git calls a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
