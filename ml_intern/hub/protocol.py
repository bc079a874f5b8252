"""What is asked of the Hub, and what it answers: datasets of session files, and changes of any."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

CARD = "README.md"
OFFLINE = "HF_HUB_OFFLINE is set, so the Hub is not asked"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whose token it is."""

    user: str
    orgs: tuple[str, ...] = ()
    role: str = ""
    """`write`, `read` or `fineGrained`; empty: unknown."""

    def sees_all_of(self, repo_id: str) -> bool:
        """Whether a repository that this token cannot find is certainly not there."""
        owner = repo_id.partition("/")[0]
        return self.role in ("read", "write") and owner in (self.user, *self.orgs)


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A dataset as it stands."""

    id: str
    """`OWNER/NAME`: another one than was asked for when it was renamed."""
    head: str
    """The newest commit."""
    private: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file in a repository, by its hash: the sha256 of one in LFS, else that of the git blob."""

    path: str
    size: int
    oid: str
    in_lfs: bool = False


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """The first `size` bytes of a file of ours, and their place in the repository."""

    path: str
    source: Path
    size: int
    sha256: str
    """Of these bytes: what has changed meanwhile is not sent."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One commit to a repository of any kind, or a pull request with it."""

    kind: str
    """`model`, `dataset` or `space`."""
    repo_id: str
    branch: str
    parent: str
    """The commit that it is made on top of; where the branch is at another one it is not made."""
    files: tuple[Outgoing, ...] = ()
    """Each of them whole."""
    deleted: tuple[str, ...] = ()
    message: str
    as_pull_request: bool = False


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A commit that the Hub has made."""

    commit: str
    pull_request: str = ""
    """Its address, where there is one."""


@dataclass(frozen=True, kw_only=True)
class Ref:
    """A branch or a tag, to be made or removed."""

    act: Literal["create_branch", "delete_branch", "create_tag", "delete_tag"]
    kind: str
    repo_id: str
    name: str
    at: str = ""
    """The commit that a new one begins at."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file of a dataset, and how much of one is taken."""

    repo_id: str
    path: str
    revision: str
    cache: Path
    """Below which it is kept."""
    most_bytes: int

    def place(self, commit: str) -> Path:
        """Where it is kept; beside it the other files of that folder in that commit."""
        return self.cache / self.repo_id.replace("/", "--") / commit / self.path


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file of a dataset that is here."""

    path: Path
    commit: str
    """Of which it is."""
    size: int


class Hub(Protocol):
    """One Hub, with one token. All methods raise HubAway, HubRefused."""

    def who(self) -> Who:
        """Whose token it is."""
        ...

    def look(self, repo_id: str) -> Repository:
        """The dataset as it stands. HubRefused `missing` also where the token may not see it."""
        ...

    def files(self, repo_id: str, commit: str) -> Sequence[RemoteFile]:
        """All files of a commit."""
        ...

    def text(self, repo_id: str, commit: str, path: str) -> str:
        """A small file of a commit."""
        ...

    def create(self, repo_id: str) -> None:
        """A private dataset. Raises HubOvertaken when there is one."""
        ...

    def commit(
        self,
        repo_id: str,
        parent: str,
        files: Sequence[Outgoing],
        texts: Mapping[str, str],
        message: str,
    ) -> str:
        """One commit on top of `parent`; its id. `texts`: whole files by their paths.

        Raises HubOvertaken when the head is another, or a file of ours has changed.
        """
        ...

    def set_private(self, repo_id: str, private: bool) -> None:
        """Who may see the dataset: its owner, or everybody."""
        ...

    def download(self, wanted: Wanted, tell: Callable[[int], None]) -> Fetched:
        """A file of a dataset, kept here. `tell`: how many bytes of it are here so far.

        HubRefused `large` for one of more bytes than are wanted.
        """
        ...

    def make(self, kind: str, repo_id: str, private: bool) -> None:
        """A repository of any kind. Raises HubOvertaken when there is one."""
        ...

    def change(self, change: Change) -> Changed:
        """Raises HubOvertaken when the branch is elsewhere, or a file of ours has changed."""
        ...

    def mark(self, ref: Ref) -> None:
        """Make or remove a branch or a tag. Raises HubOvertaken when it is there already."""
        ...
