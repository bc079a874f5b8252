"""What is known of a repository, kept over restarts: which of our files are there for certain.

Nothing is noted here as sent that the Hub has not said to have. Written by the uploader alone,
`uploads.json`; what people decided about sharing stands in `sharing.json`, which commands write.
Each repository of each Hub has its own entry, since another token is another person's.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ml_intern.tracing import trace_file
from ml_intern.tracing.upload.snapshot import Snapshot

UPLOADS, SHARING = "uploads.json", "sharing.json"
RELEASED = "released"
"""Key in `sharing.json`, beside those of repositories."""


class Sent(BaseModel):
    """A beginning of a file of ours that the Hub has."""

    model_config = ConfigDict(frozen=True)

    size: int
    git: str
    sha256: str
    at: str = ""
    """When; empty: found there."""

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(size=self.size, git=self.git, sha256=self.sha256)


class Refused(BaseModel):
    """A beginning of a file of ours that the Hub does not take, by itself neither."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    words: str
    """Why."""


class Known(BaseModel):
    """What is known of one repository."""

    head: str = ""
    """The commit that all below is as of; empty: nothing is known yet."""
    ours: bool = False
    """We have committed to it."""
    private: bool | None = None
    """As it was seen last."""
    files: dict[str, Sent] = {}
    """By path: what is certainly there."""
    deleted: list[str] = []
    """Files that were there, and that somebody deleted; they are not sent again."""
    changed: list[str] = []
    """Files that are there with a content that is not ours; they are left alone."""
    theirs: dict[str, str] = {}
    """Of these, by path: the hash of that content, see `RemoteFile`."""
    replaceable: dict[str, str] = {}
    """Such contents, by path and hash, in whose place ours may be sent."""
    tried: dict[str, Sent] = {}
    """By path: what was in a commit whose answer never came."""
    refused: dict[str, Refused] = {}
    """By path; it is tried again when it has changed."""
    released: dict[str, str] = {}
    """By session: which word of a person (see `released`) was taken up here."""
    moved_to: str = ""
    """The dataset's name by now, where somebody renamed it."""
    has_card: bool = False
    has_subagents: bool = False
    """The card was given its second configuration once."""
    tried_at: str = ""
    """When a commit was last sent, whatever became of it."""
    looked_at: str = ""


class Sharing(BaseModel):
    """What people decided about one repository."""

    public: bool = False
    """Send on although everybody can read it."""
    foreign: bool = False
    """Send although it was not made by us."""
    anew_after: str = ""
    """The head of the repository that is gone, and in whose place a new one may be made."""
    moved_to: str = ""
    """The name of another owner under which it may be sent to."""

    def is_anew_after(self, head: str) -> bool:
        """Whether the repository that had this head may be made and filled again."""
        return bool(head) and self.anew_after == head


@dataclass
class Ledger:
    """`uploads.json`, in memory."""

    path: Path
    now: str = ""
    """The entry that is in use, see `key_of`."""
    trouble: str = ""
    """Why nothing is sent; empty: it is."""
    retry_at: str = ""
    """When it is tried again; empty: it waits for a person, or there is no trouble."""
    repositories: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def load(cls, traces: Path) -> "Ledger":
        """As it was left; a new one where there is none, or none that can be read.

        Then all is compared with the Hub again.
        """
        path = traces / UPLOADS
        found = _document(path)
        try:
            entries = {k: Known.model_validate(v) for k, v in found["repositories"].items()}
            now, trouble, retry_at = (str(found[key]) for key in ("now", "trouble", "retry_at"))
        except (KeyError, AttributeError, ValidationError):
            return cls(path)
        return cls(path, now, trouble, retry_at, entries)

    def save(self) -> None:
        """Raises OSError."""
        document = {
            "now": self.now,
            "trouble": self.trouble,
            "retry_at": self.retry_at,
            "repositories": {key: one.model_dump() for key, one in self.repositories.items()},
        }
        trace_file.replace(self.path, json.dumps(document, separators=(",", ":")).encode())

    def of(self, key: str) -> Known:
        """What is known of a repository, to be changed in place."""
        return self.repositories.setdefault(key, Known())

    @property
    def known(self) -> Known:
        """Of the repository in use; nothing where there is none."""
        return self.repositories.get(self.now, Known())


def key_of(endpoint: str, repo_id: str) -> str:
    """Of an entry: a repository of a Hub, as an address for people."""
    return f"{endpoint}/datasets/{repo_id}"


def sharing(traces: Path, key: str) -> Sharing:
    """What people decided about a repository; nothing where that cannot be read."""
    try:
        return Sharing.model_validate(_document(traces / SHARING).get(key, {}))
    except ValidationError:
        return Sharing()


def decide(traces: Path, key: str, **changes: object) -> None:
    """Keep what a person decided about a repository; the rest stays. Raises OSError."""
    with _decisions(traces) as document:
        decided = sharing(traces, key).model_copy(update=changes)
        document[key] = decided.model_dump()


def release(traces: Path, session_id: str, at: str) -> None:
    """Keep that a person wants this session sent, whatever held it back. Raises OSError."""
    with _decisions(traces) as document:
        document[RELEASED] = {**released(traces), session_id: at}


def released(traces: Path) -> dict[str, str]:
    """The sessions that people released, and when; nothing where that cannot be read."""
    found = _document(traces / SHARING).get(RELEASED)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


@contextmanager
def _decisions(traces: Path) -> Iterator[dict[str, Any]]:
    """What is kept, to be changed in place; one process after the other. Raises OSError."""
    traces.mkdir(mode=trace_file.FOLDER_MODE, parents=True, exist_ok=True)
    with (traces / f".{SHARING}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        document = _document(traces / SHARING)
        yield document
        trace_file.replace(traces / SHARING, json.dumps(document, indent=1).encode())


def decided_at(traces: Path) -> int:
    """Another number when a person has decided something else."""
    try:
        return (traces / SHARING).stat().st_mtime_ns
    except OSError:
        return 0


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
