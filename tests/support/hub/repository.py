"""A repository: a line of commits, each with all of its files. Knows nothing of HTTP."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.hub.people import Bearer

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
    """Branches, each a line of commits. Its lock guards them: tests look on from their thread."""

    def __init__(self, repo_id: str, *, private: bool) -> None:
        self.id = repo_id
        self.private = private
        self.gated: bool | str = False
        self.let_in: set[str] = set()
        """Users who may see the files of a gated one."""
        self.about: dict[str, Any] = {}
        """What else the Hub says of it."""
        self.tags: dict[str, str] = {}
        self._lock = threading.Lock()
        first = {".gitattributes": Blob(GIT_ATTRIBUTES)}
        made = Commit(_oid(repo_id, 0), "initial commit", first, frozenset(first))
        self._branches = {"main": [made]}
        self._made = 1

    def lets_in(self, who: Bearer | None) -> bool:
        return who is not None and who.user in self.let_in

    @property
    def head(self) -> str:
        return self.commits[-1].oid

    @property
    def commits(self) -> list[Commit]:
        """Of `main`; the first one is the Hub's own."""
        with self._lock:
            return list(self._branches["main"])

    @property
    def branches(self) -> dict[str, str]:
        """With the head of each."""
        with self._lock:
            return {
                name: commits[-1].oid
                for name, commits in self._branches.items()
                if not name.startswith("refs/")
            }

    @property
    def files(self) -> Mapping[str, Blob]:
        """At the head."""
        return self.commits[-1].files

    def at(self, revision: str) -> Mapping[str, Blob] | None:
        """The files of a revision; None where there is none."""
        found = self._found(revision)
        return None if found is None else found.files

    def commit_of(self, revision: str) -> str:
        """At which it is."""
        found = self._found(revision)
        assert found is not None
        return found.oid

    def _found(self, revision: str) -> Commit | None:
        with self._lock:
            if revision in self._branches:
                return self._branches[revision][-1]
            oid = self.tags.get(revision, revision)
            every = (one for commits in self._branches.values() for one in commits)
            return next((one for one in every if one.oid == oid), None)

    def branch(self, name: str, start: str) -> bool:
        """Whether there is such a start."""
        found = self._found(start)
        if found is None:
            return False
        with self._lock:
            self._branches[name] = [found]
        return True

    def remove_branch(self, name: str) -> bool:
        """Whether there was one."""
        with self._lock:
            return name != "main" and self._branches.pop(name, None) is not None

    def open_pull_request(self, parent: str | None) -> str:
        """The branch of it."""
        numbers = [int(name.rpartition("/")[2]) for name in self._branches if "refs/pr/" in name]
        name = f"refs/pr/{max(numbers, default=0) + 1}"
        self.branch(name, parent or "main")
        return name

    def commit(
        self,
        summary: str,
        changes: Mapping[str, Blob | None],
        parent: str | None = None,
        branch: str = "main",
    ) -> Commit | None:
        """None of a path deletes it. Gives None when the head is not `parent`."""
        with self._lock:
            commits = self._branches[branch]
            last = commits[-1]
            if parent is not None and not last.oid.startswith(parent):
                return None
            files = {**last.files, **changes}
            kept = {path: blob for path, blob in files.items() if blob is not None}
            changed = {path for path in changes if last.files.get(path) != kept.get(path)}
            made = Commit(_oid(self.id, self._made), summary, kept, frozenset(changed))
            self._made += 1
            commits.append(made)
            return made

    # What a person does on the web page

    def edit(self, path: str, content: bytes) -> None:
        self.commit(f"Update {path}", {path: Blob(content)})

    def delete(self, path: str) -> None:
        self.commit(f"Delete {path}", {path: None})


def _oid(repo_id: str, number: int) -> str:
    return hashlib.sha1(f"{repo_id} {number}".encode()).hexdigest()
