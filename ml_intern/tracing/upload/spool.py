"""The session files of this state directory, and what becomes of each."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ml_intern.hub.protocol import RemoteFile
from ml_intern.tracing.redaction.scan import Eyes
from ml_intern.tracing.upload.ledger import Known, Sent
from ml_intern.tracing.upload.origin import Origins
from ml_intern.tracing.upload.snapshot import (
    Look,
    Reader,
    Snapshot,
    git_blob,
    look_at_whole,
    snapshot_of,
)
from ml_intern.transcript.parts import part_of

State = Literal["sent", "pending", "growing", "held", "changed", "deleted"]
_PATTERNS = ("sessions/*/*.jsonl", "sessions/*/*/subagents/agent-*.jsonl")
_BESIDE = "sessions/*/*/subagents/agent-*.meta.json"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file, and how it stands with the repository."""

    path: str
    """In the repository, and below our folder of traces."""
    source: Path
    session_id: str
    """Of which it is, or a part of which, or a sub-agent of which."""
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


class _Stands(NamedTuple):
    """How a file stands: see `Item`."""

    state: State
    reason: str = ""
    snapshot: Snapshot | None = None


class Spool:
    """Remembers what it has read of each file. Belongs to one thread."""

    def __init__(self, traces: Path, eyes: Eyes) -> None:
        """`eyes` look for secrets that are left."""
        self._traces = traces
        self._eyes = eyes
        self._readers: dict[str, Reader] = {}
        self._sessions: dict[Path, str] = {}
        self._origins = Origins(traces)
        self._looks: dict[str, tuple[_Stamp, Look]] = {}

    def items(self, known: Known) -> Iterator[Item]:
        """Every file, the oldest day first. One that cannot be read is held."""
        unwanted = {self._session_of(self._traces / path) for path in known.deleted}
        for source in self._sources():
            path = source.relative_to(self._traces).as_posix()
            session_id = self._session_of(source)
            if path in known.changed:
                stands = _Stands("changed", CHANGED)
            elif session_id in unwanted and path not in known.files:
                stands = _Stands("deleted", DELETED)
            else:
                stands = self._stands(path, source, known)
            if (
                stands.state == "pending"
                and session_id not in known.released
                and self._origins.is_elsewhere(session_id, self._traces / Path(path).parents[-3])
            ):
                stands = _Stands("held", ELSEWHERE)
            elif stands.state == "pending" and (words := _refused(path, stands, known)):
                stands = _Stands("held", words)
            yield Item(path=path, source=source, session_id=session_id, **stands._asdict())

    def is_ours(self, remote: RemoteFile) -> bool:
        """Whether the Hub's file is a beginning of ours, which is one of `paths`."""
        try:
            with (self._traces / remote.path).open("rb") as file:
                if not 0 < remote.size <= os.fstat(file.fileno()).st_size:
                    return False
                data = file.read(remote.size)
        except OSError:
            return False
        if remote.in_lfs:
            return hashlib.sha256(data).hexdigest() == remote.oid
        return git_blob(data) == remote.oid

    def paths(self) -> list[str]:
        """The places of our files. Only these are ever looked for among those of a Hub."""
        return [source.relative_to(self._traces).as_posix() for source in self._sources()]

    def session_of(self, path: str) -> str:
        """The session that a file of ours at this place belongs to, or once did."""
        return self._session_of(self._traces / path)

    def beginning(self, path: str, size: int) -> Snapshot:
        """Of the first bytes of a file. Raises OSError."""
        with (self._traces / path).open("rb") as file:
            return snapshot_of(file.read(size))

    def _sources(self) -> list[Path]:
        found = {path for pattern in (*_PATTERNS, _BESIDE) for path in self._traces.glob(pattern)}
        # We make plain files alone: a link could lead anywhere, and a pipe has no end.
        return sorted(path for path in found if path.is_file() and not path.is_symlink())

    def _stands(self, path: str, source: Path, known: Known) -> _Stands:
        sent = known.files.get(path)
        try:
            look = self._look(path, source, sent)
        except OSError as exc:
            return _Stands("held", f"{exc.strerror}")
        if look.problem:
            return _Stands("held", look.problem)
        if look.snapshot is None:
            return _Stands("growing", GROWING)
        is_sent = sent is not None and sent.snapshot == look.snapshot
        return _Stands("sent" if is_sent else "pending", "", look.snapshot)

    def _session_of(self, source: Path) -> str:
        """Of the folder, for a sub-agent; else what the file says, which never says another."""
        if source.parent.name == "subagents":
            return source.parent.parent.name
        if source not in self._sessions:
            try:
                if source.stat().st_size == 0:
                    return source.stem  # it has said nothing yet
                self._sessions[source] = part_of(source).session_id
            except OSError:
                return source.stem
        return self._sessions[source]

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
            look = look_at_whole(source.read_bytes(), self._eyes)
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


def _refused(path: str, stands: _Stands, known: Known) -> str:
    """Why the Hub does not take the file as it stands; empty: it may."""
    refused, snapshot = known.refused.get(path), stands.snapshot
    if refused is None or snapshot is None or refused.sha256 != snapshot.sha256:
        return ""
    return f"the Hub does not take it: {refused.words}"


DELETED = "somebody deleted it on the Hub; to send it again: ml-intern traces release ID"
CHANGED = (
    "somebody changed it on the Hub, and it is left as it is there; to send ours in its place: "
    "ml-intern traces release ID"
)
ELSEWHERE = (
    "it holds a conversation that came from elsewhere; to send it all the same: ml-intern traces "
    "release ID"
)
RELEASABLE = frozenset((DELETED, CHANGED, ELSEWHERE))
GROWING = "it has no answer of a model yet whose calls are all answered"
