"""A repository: a line of commits, each with all of its files. Knows nothing of HTTP."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass

GIT_ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True)
class Blob:
    """The content of a file, and where it lies."""

    content: bytes
    in_lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git holds of a file in LFS."""
        size = len(self.content)
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {size}\n"
        ).encode()

    @property
    def oid(self) -> str:
        """Of the blob in git."""
        held = self.pointer if self.in_lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(held) + held).hexdigest()


@dataclass(frozen=True)
class Commit:
    """What it said, and what it left."""

    oid: str
    summary: str
    files: Mapping[str, Blob]
    changed: frozenset[str]
    """Paths; an empty commit is one that should not have been made."""


class Repository:
    """One branch, `main`. Its lock guards the commits: tests look on from their own thread."""

    def __init__(self, repo_id: str, *, private: bool) -> None:
        self.id = repo_id
        self.private = private
        self.gated = False
        self._lock = threading.Lock()
        first = {".gitattributes": Blob(GIT_ATTRIBUTES)}
        self._commits = [Commit(_oid(repo_id, 0), "initial commit", first, frozenset(first))]

    @property
    def head(self) -> str:
        return self.commits[-1].oid

    @property
    def commits(self) -> list[Commit]:
        """The first one is the Hub's own."""
        with self._lock:
            return list(self._commits)

    @property
    def files(self) -> Mapping[str, Blob]:
        """At the head."""
        return self.commits[-1].files

    def at(self, revision: str) -> Mapping[str, Blob] | None:
        """The files of a revision; None where there is none."""
        if revision == "main":
            return self.files
        return next((one.files for one in self.commits if one.oid == revision), None)

    def commit(
        self,
        summary: str,
        changes: Mapping[str, Blob | None],
        parent: str | None = None,
    ) -> Commit | None:
        """None of a path deletes it. Gives None when the head is not `parent`."""
        with self._lock:
            last = self._commits[-1]
            if parent is not None and not last.oid.startswith(parent):
                return None
            files = {**last.files, **changes}
            kept = {path: blob for path, blob in files.items() if blob is not None}
            changed = {path for path in changes if last.files.get(path) != kept.get(path)}
            oid = _oid(self.id, len(self._commits))
            made = Commit(oid, summary, kept, frozenset(changed))
            self._commits.append(made)
            return made

    # What a person does on the web page

    def edit(self, path: str, content: bytes) -> None:
        self.commit(f"Update {path}", {path: Blob(content)})

    def delete(self, path: str) -> None:
        self.commit(f"Delete {path}", {path: None})


def _oid(repo_id: str, number: int) -> str:
    return hashlib.sha1(f"{repo_id} {number}".encode()).hexdigest()
