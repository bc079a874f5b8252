"""The session files of this state directory, and what becomes of each."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ml_intern.tracing.redaction.scan import Eyes
from ml_intern.tracing.upload.hub import RemoteFile
from ml_intern.tracing.upload.ledger import Known, Sent
from ml_intern.tracing.upload.snapshot import Look, Reader, Snapshot, git_blob, snapshot_of

State = Literal["sent", "pending", "growing", "held", "changed", "deleted"]
_PATTERNS = ("sessions/*/*.jsonl", "sessions/*/*/subagents/agent-*.jsonl")
_BESIDE = "sessions/*/*/subagents/agent-*.meta.json"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file, and how it stands with the repository."""

    path: str
    """In the repository, and below our folder of traces."""
    source: Path
    state: State
    """`growing`: nothing of it can be sent yet. `held`: see `reason`."""
    reason: str = ""
    snapshot: Snapshot | None = None
    """What of it may be sent; there is one where it is `pending` or `sent`."""


class _Stamp(NamedTuple):
    """By which it is seen that a file has not changed."""

    size: int
    mtime_ns: int
    inode: int


class Spool:
    """Remembers what it has read of each file. Belongs to one thread."""

    def __init__(self, traces: Path, eyes: Eyes) -> None:
        """`eyes` look for secrets that are left."""
        self._traces = traces
        self._eyes = eyes
        self._readers: dict[str, Reader] = {}
        self._looks: dict[str, tuple[_Stamp, Look]] = {}

    def items(self, known: Known) -> Iterator[Item]:
        """Every file, the oldest day first. One that cannot be read is held."""
        for source in self._sources():
            yield self._item(source, known)

    def is_ours(self, remote: RemoteFile) -> bool:
        """Whether the Hub's file is a beginning of ours of that name."""
        try:
            with (self._traces / remote.path).open("rb") as file:
                data = file.read(remote.size)
        except OSError:
            return False
        if remote.in_lfs:
            return hashlib.sha256(data).hexdigest() == remote.oid
        return git_blob(data) == remote.oid

    def has(self, path: str) -> bool:
        """Whether there is a file of ours at this place."""
        return (self._traces / path).is_file()

    def beginning(self, path: str, size: int) -> Snapshot:
        """Of the first bytes of a file. Raises OSError."""
        with (self._traces / path).open("rb") as file:
            return snapshot_of(file.read(size))

    def _sources(self) -> list[Path]:
        found = {path for pattern in (*_PATTERNS, _BESIDE) for path in self._traces.glob(pattern)}
        return sorted(found)

    def _item(self, source: Path, known: Known) -> Item:
        path = source.relative_to(self._traces).as_posix()
        if path in known.deleted:
            return Item(path=path, source=source, state="deleted", reason=DELETED)
        if path in known.changed:
            return Item(path=path, source=source, state="changed", reason=CHANGED)
        sent = known.files.get(path)
        try:
            look = self._look(path, source, sent)
        except OSError as exc:
            return Item(path=path, source=source, state="held", reason=f"{exc.strerror}")
        if look.problem:
            return Item(path=path, source=source, state="held", reason=look.problem)
        if look.snapshot is None:
            return Item(path=path, source=source, state="growing", reason=GROWING)
        is_sent = sent is not None and sent.snapshot == look.snapshot
        state: State = "sent" if is_sent else "pending"
        return Item(path=path, source=source, state=state, snapshot=look.snapshot)

    def _look(self, path: str, source: Path, sent: Sent | None) -> Look:
        """Raises OSError."""
        status = source.stat()
        stamp = _Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
        before = self._looks.get(path)
        if before is not None and before[0] == stamp:
            return before[1]
        if sent is not None and path not in self._readers and self._is_whole(source, sent, stamp):
            look = Look(snapshot=sent.snapshot)
        elif source.suffix == ".json":
            look = Look(snapshot=snapshot_of(source.read_bytes()))
        else:
            look = self._readers.setdefault(path, Reader(source, self._eyes)).look()
        self._looks[path] = (stamp, look)
        return look

    def _is_whole(self, source: Path, sent: Sent, stamp: _Stamp) -> bool:
        """Whether all of the file was sent: then nothing in it need be looked at.

        Raises OSError.
        """
        if stamp.size != sent.size:
            return False
        return hashlib.sha256(source.read_bytes()).hexdigest() == sent.sha256


DELETED = "somebody deleted it on the Hub"
CHANGED = "somebody changed it on the Hub; it is left as it is there"
GROWING = "it has no answer of a model yet whose calls are all answered"


def session_paths(remote: Iterator[str]) -> list[str]:
    """Those of files that hold a session or a part of one."""
    return [path for path in remote if path.startswith("sessions/") and path.count("/") == 2]
