"""What people call a repository, a revision and a file of the Hub, and what none can be called."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import quote, unquote, urlsplit

from ml_intern.errors import InputError

Kind = Literal["model", "dataset", "space"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COMMIT = re.compile("[0-9a-f]{40}")
_PART = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST_ID, _LONGEST_PATH, _LONGEST_REVISION = 96, 1000, 200


@dataclass(frozen=True, kw_only=True)
class Repo:
    """One repository."""

    kind: Kind
    id: str
    """`OWNER/NAME`, or one of the old names without an owner, such as `gpt2`."""

    @property
    def api(self) -> str:
        """Path of what the Hub's API says of it."""
        return f"/api/{self.kind}s/{quote(self.id)}"

    @property
    def page(self) -> str:
        """Path of its page; those of its files begin with it."""
        return f"/{quote(self.id)}" if self.kind == "model" else f"/{self.kind}s/{quote(self.id)}"

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def repo_named(words: str, kind: Kind, hub_url: str) -> Repo:
    """The repository that `words` are: an id, `hub:ID`, `hf://…`, or an address on this Hub.

    An address says which kind it is, whatever `kind` is. Raises InputError.
    """
    name = words.strip()
    if "://" in name:
        name = _path_of(name, hub_url)
        first, _, rest = name.partition("/")
        kind = next((each for each in KINDS if f"{each}s" == first), "model")
        parts = (rest if first == f"{kind}s" else name).split("/")
        return Repo(kind=kind, id=check_id("/".join(parts[:2])))
    return Repo(kind=kind, id=check_id(name.removeprefix("hub:")))


def _path_of(address: str, hub_url: str) -> str:
    """Without the slash before it."""
    try:
        found, hub = urlsplit(address), urlsplit(hub_url)
    except ValueError as exc:
        raise InputError(f"{address[:200]!r} is no address: {exc}.") from exc
    if found.scheme == "hf":
        return f"{found.netloc}{unquote(found.path)}".partition("@")[0]
    if found.netloc.lower() not in (hub.netloc.lower(), "huggingface.co", "hf.co"):
        raise InputError(f"{address[:200]} is no address of the Hub at {hub_url}.")
    return unquote(found.path).strip("/")


def check_id(name: str) -> str:
    """`name`, if it can be the id of a repository. Raises InputError."""
    parts = name.split("/")
    wrong = [
        part
        for part in parts
        if not _PART.fullmatch(part)
        or part[0] in "-."
        or part[-1] in "-."
        or "--" in part
        or ".." in part
        or part.endswith(".git")
    ]
    if wrong or len(parts) > 2 or len(name) > _LONGEST_ID:
        raise InputError(
            f"{seen(name[:200])!r} is no id of a repository: say OWNER/NAME, of letters, digits, "
            f"'-', '_' and '.', at most {_LONGEST_ID} characters. hub_search finds ids."
        )
    return name


def check_revision(name: str) -> str:
    """`name`, if it can be a branch, a tag or a commit. Raises InputError."""
    odd = _hidden(name) or any(char in "\\^:?*[~ " for char in name)
    if not name or odd or ".." in name or len(name) > _LONGEST_REVISION or name[0] in "-/":
        raise InputError(
            f"{seen(name[:200])!r} is no revision: say a branch, a tag or a commit, such as main."
        )
    return name


def check_path(path: str) -> str:
    """`path`, if it can be that of a file in a repository. Raises InputError.

    One that leads out of the repository is refused, and one that only looks like another: with
    characters that cannot be seen, or that look like the dots and slashes that lead out.
    """
    shown = seen(path[:200])
    if hidden := _hidden(path):
        raise InputError(
            f"The path {shown!r} holds {', '.join(hidden[:3])}, which cannot be seen; "
            "no such file is read or written here."
        )
    if not path or len(path) > _LONGEST_PATH or _leads_out(path) or _leads_out(_plain(path)):
        raise InputError(
            f"{shown!r} is no path in a repository: it begins at the top of the repository, "
            "without a slash before it, and without '.', '..' or empty parts."
        )
    return path


def _plain(path: str) -> str:
    return unquote(unicodedata.normalize("NFKC", unquote(path)))


def _leads_out(path: str) -> bool:
    return "\\" in path or any(part in ("", ".", "..") for part in path.split("/"))


def _hidden(text: str) -> list[str]:
    """The characters of it that show nothing, by their numbers."""
    return [f"U+{ord(char):04X}" for char in text if unicodedata.category(char)[0] == "C"]


def seen(text: str) -> str:
    """With characters that show nothing written as escapes, so that they can be seen."""
    return "".join(
        char.encode("ascii", "backslashreplace").decode() if _hidden(char) else char
        for char in text
    )
