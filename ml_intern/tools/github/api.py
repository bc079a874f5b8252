"""What GitHub's API answers, as far as it is read: repositories, trees and files.

An entry of another shape than GitHub's is left out; an answer of another shape is an OutsideError.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.foreign import items, mapping, number, text
from ml_intern.tools.hub.names import check_path
from ml_intern.tools.missing import missing_is
from ml_intern.tools.protocol import ToolContext
from ml_intern.web import Page

MOST_BYTES = 4 << 20
"""Of a file that is read."""
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_REF = re.compile(r"[\w./+-]{1,200}")
_ADDRESS = re.compile(
    r"https?://github\.com/([^/\s]+)/([^/\s#?]+?)(?:\.git)?(?:/(?:blob|tree)/([^/\s]+)/?([^\s#?]*))?/?(?:[#?].*)?"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A repository, and perhaps a file in it."""

    owner: str
    name: str
    ref: str = ""
    """Branch, tag or commit; empty: the default branch."""
    path: str = ""

    @property
    def repository(self) -> str:
        """`OWNER/NAME`."""
        return f"{self.owner}/{self.name}"


def place_named(repository: str, path: str, ref: str) -> Place:
    """The place that `OWNER/NAME` or an address of github.com names. Raises InputError."""
    found = _ADDRESS.fullmatch(repository.strip())
    if found is not None:
        owner, name = found[1], found[2]
        ref, path = ref or found[3] or "", path or found[4] or ""
    else:
        owner, _, name = repository.strip().strip("/").partition("/")
    if not _REPOSITORY.fullmatch(name) or name in (".", ".."):
        raise InputError(
            f"{repository[:200]!r} is no repository of GitHub: give OWNER/NAME or its address."
        )
    if ref and (not _REF.fullmatch(ref) or ".." in ref):
        raise InputError(f"{ref[:200]!r} is no branch, tag or commit.")
    if path:
        check_path(path)
    return Place(owner=owner_named(owner), name=name, ref=ref, path=path)


def owner_named(owner: str) -> str:
    """The name of a person or an organisation. Raises InputError."""
    if not _OWNER.fullmatch(owner):
        raise InputError(f"{owner[:200]!r} is no person or organisation of GitHub.")
    return owner


@dataclass
class Api:
    """Asks for one call, and remembers what was read."""

    ctx: ToolContext
    pages: list[Page] = field(default_factory=list)

    @property
    def has_token(self) -> bool:
        """Whether GitHub is asked as somebody; else it answers 60 requests an hour."""
        return bool(self.ctx.place.web.service("github").secrets())

    @property
    def note(self) -> str:
        """What people should know of the answers."""
        old = [page for page in self.pages if page.is_old]
        age = f"GitHub is away; this is of {old[0].fetched:%Y-%m-%d %H:%M} UTC." if old else ""
        token = "" if self.has_token else self.ctx.place.web.service("github").without_secrets
        return " ".join(filter(None, (age, token)))

    @property
    def sources(self) -> tuple[str, ...]:
        """The addresses of all pages that were read, in order."""
        return tuple(page.url for page in self.pages)

    def get(
        self,
        path: str,
        params: Mapping[str, str | int | None] | None = None,
        accept: str = "application/vnd.github+json",
    ) -> Any:
        """The JSON at a path. Raises OutsideError."""
        page = self.ctx.place.web.get(
            "github",
            path,
            params,
            accept=accept,
            cancelled=self.ctx.cancelled,
        )
        self.pages.append(page)
        return page.json()

    def raw(self, place: Place) -> bytes:
        """The bytes of a file that is too large for the JSON answer. Raises OutsideError."""
        page = self.ctx.place.web.get(
            "github",
            contents_path(place),
            {"ref": place.ref or None},
            accept="application/vnd.github.raw+json",
            most_bytes=MOST_BYTES,
            cancelled=self.ctx.cancelled,
        )
        self.pages.append(page)
        return page.content


def contents_path(place: Place) -> str:
    """Of a file or folder, below the API's address."""
    return f"/repos/{place.repository}/contents/{quote(place.path, safe='/')}"


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a tree."""

    path: str
    size: int | None


def files(api: Api, place: Place) -> tuple[list[File], bool]:
    """All files of a repository, and whether those are all. Raises OutsideError."""
    ref = quote(place.ref or "HEAD", safe="")
    with missing_is(
        f"GitHub has no repository {place.repository}{_at(place)}, or it is private; "
        "operation=list_repositories finds those of an owner, or by words."
    ):
        tree = mapping(api.get(f"/repos/{place.repository}/git/trees/{ref}", {"recursive": 1}))
    if not isinstance(tree.get("tree"), list):
        raise OutsideError(
            f"GitHub did not list the files of {place.repository}.", trouble="broken"
        )
    return list(_files(tree["tree"])), tree.get("truncated") is not True


def _files(tree: list[Any]) -> Iterator[File]:
    for entry in map(mapping, tree):
        path = text(entry.get("path"), 1000)
        if path and entry.get("type") == "blob":
            yield File(path=path, size=number(entry.get("size")))


def content(api: Api, place: Place) -> bytes:
    """The bytes of a file. Raises OutsideError; InputError for what is no file."""
    with missing_is(
        f"There is no {place.path} in {place.repository}{_at(place)}, or the repository is "
        "private; operation=find_examples shows which files there are."
    ):
        found = api.get(contents_path(place), {"ref": place.ref or None})
    if isinstance(found, list):
        names = ", ".join(text(mapping(each).get("name"), 60) for each in items(found)[:30])
        raise InputError(f"{place.path or place.repository} is a folder. It holds: {names}.")
    entry = mapping(found)
    if entry.get("type") != "file":
        kind = text(entry.get("type"), 30) or "of unknown kind"
        raise InputError(f"{place.path} is no file but {kind}.")
    size = number(entry.get("size"))
    if size is not None and size > MOST_BYTES:
        raise InputError(
            f"{place.path} has {size:,} bytes; at most {MOST_BYTES:,} are read of a file. "
            f"Its address: {page_of(place)}"
        )
    if entry.get("encoding") != "base64":  # GitHub's way with more than 1 MB
        return api.raw(place)
    try:
        return base64.b64decode(str(entry.get("content")).encode("ascii"))
    except (binascii.Error, ValueError) as exc:
        raise OutsideError(
            f"GitHub's answer for {place.path} cannot be decoded.", trouble="broken"
        ) from exc


def _at(place: Place) -> str:
    return f" at {place.ref}" if place.ref else ""


def page_of(place: Place, lines: str = "") -> str:
    """Where people read it."""
    base = f"https://github.com/{place.repository}"
    if not place.path:
        return base
    return f"{base}/blob/{place.ref or 'HEAD'}/{quote(place.path, safe='/')}{lines}"
