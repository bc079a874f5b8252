"""What the Hub says of a repository and of its files: asked through `Web`, parsed once, here.

A branch is looked up first, and everything else is read at the commit that it is at: so all that is
said of a repository is said of one state of it, and that state can be named again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from ml_intern.errors import OutsideError
from ml_intern.tools.foreign import items, mapping, number, text
from ml_intern.tools.hub.failures import explained
from ml_intern.tools.hub.names import COMMIT, Repo, check_id, check_path, check_revision
from ml_intern.tools.protocol import ToolContext
from ml_intern.web import Page
from ml_intern.wording import size_words

FRESH_S = 60.0
"""For so long a branch is taken to be where it was."""
FIXED_S = 30 * 86_400.0
"""What stands in a commit does not change."""
MOST_TEXT_BYTES = 2 << 20
"""Of a file that is read here."""
MOST_ENTRIES = 5_000
"""Of a folder that are listed."""
MOST_ASKED = 500
"""Paths in one question."""
_NEXT = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')


@dataclass(frozen=True, kw_only=True)
class Info:
    """A repository as it stands at one commit."""

    repo: Repo
    """Under the name that the Hub knows it by."""
    sha: str
    said: dict[str, Any]
    """All that the Hub says of it, unchecked."""
    url: str
    """Of its page, for people."""
    sources: tuple[str, ...]
    note: str = ""
    """Where it is not quite what was asked for."""

    def file_url(self, path: str) -> str:
        """Of a file's page, at this commit."""
        return f"{self.url}/blob/{self.sha}/{quote(path)}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, or a folder, of a repository."""

    path: str
    size: int | None
    is_folder: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What lies in a folder."""

    entries: tuple[Entry, ...]
    is_whole: bool
    """Else there is more than is listed here."""
    sources: tuple[str, ...] = field(default=())


def look(ctx: ToolContext, repo: Repo, revision: str = "main", *, now: bool = False) -> Info:
    """The repository at a revision; with `now` not as the cache knows it, also where the Hub is
    away: what is to be changed is looked at first. Raises InputError, OutsideError.
    """
    at = "" if revision == "main" else f"/revision/{quote(check_revision(revision), safe='')}"
    web = ctx.place.web
    with explained(web, repo, revision):
        page = web.get(
            "hub",
            repo.api + at,
            fresh_s=0.0 if now else FRESH_S,
            or_old=not now,
            cancelled=ctx.cancelled,
        )
        said = mapping(page.json())
    sha = said.get("sha")
    if not isinstance(sha, str) or not COMMIT.fullmatch(sha):
        raise OutsideError(
            f"{page.url} does not say at which commit the {repo} is.", trouble="broken"
        )
    known = Repo(kind=repo.kind, id=check_id(text(said.get("id")) or repo.id))
    return Info(
        repo=known,
        sha=sha,
        said=said,
        url=web.service("hub").base_url + known.page,
        sources=(page.url,),
        note=" ".join(filter(None, (_renamed(repo, known), age_note(page, ctx)))),
    )


def _renamed(asked: Repo, known: Repo) -> str:
    if asked.id == known.id:
        return ""
    return f"{asked.id} is called {known.id} on the Hub now; that is what was read."


def age_note(page: Page, ctx: ToolContext) -> str:
    """That this is what was said earlier, where it is."""
    if not page.is_old:
        return ""
    hours = (ctx.place.clock.now() - page.fetched).total_seconds() / 3600
    return f"The Hub is away; this is what it said {hours:.0f} hours ago."


def listing(ctx: ToolContext, info: Info, folder: str = "", *, recursive: bool = False) -> Listing:
    """What lies in a folder, or anywhere below it. Raises InputError, OutsideError."""
    inside = f"/{quote(check_path(folder))}" if folder else ""
    found: list[Entry] = []
    sources: list[str] = []
    with explained(ctx.place.web, info.repo, info.sha, folder):
        for page in _pages(ctx, f"{info.repo.api}/tree/{info.sha}{inside}", recursive):
            sources.append(page.url)
            found += [each for each in map(_entry, items(page.json())) if each is not None]
            if len(found) > MOST_ENTRIES:
                return Listing(
                    entries=tuple(found[:MOST_ENTRIES]), is_whole=False, sources=(sources[0],)
                )
    return Listing(entries=tuple(found), is_whole=True, sources=tuple(sources[:1]))


def _pages(ctx: ToolContext, path: str, recursive: bool) -> Iterator[Page]:
    cursor: str | None = None
    while True:
        params = {"recursive": "true" if recursive else "false", "cursor": cursor}
        page = ctx.place.web.get("hub", path, params, fresh_s=FIXED_S, cancelled=ctx.cancelled)
        yield page
        before, cursor = cursor, next_cursor(page)
        if cursor is None or cursor == before:
            return


def next_cursor(page: Page) -> str | None:
    """With which the next page is asked for; None on the last one.

    Only that is taken of the address which the answer names: it may lead anywhere.
    """
    found = _NEXT.search(page.headers.get("link", ""))
    try:
        given = parse_qs(urlsplit(found[1]).query).get("cursor") if found else None
    except ValueError:
        return None
    return given[0] if given else None


def _entry(said: object) -> Entry | None:
    known = mapping(said)
    path = known.get("path")
    if not isinstance(path, str) or not path:
        return None
    is_folder = known.get("type") == "directory"
    return Entry(
        path=path, size=None if is_folder else number(known.get("size")), is_folder=is_folder
    )


def entry(ctx: ToolContext, info: Info, path: str) -> Entry:
    """What lies at this path. Raises InputError, OutsideError: `missing` where nothing does."""
    where = f"{info.repo.api}/paths-info/{info.sha}"
    asked = {"paths": [check_path(path)], "expand": False}
    with explained(ctx.place.web, info.repo, info.sha, path):
        page = ctx.place.web.post("hub", where, asked, cancelled=ctx.cancelled)
        found = [each for each in map(_entry, items(page.json())) if each and each.path == path]
        if not found:
            raise OutsideError("", trouble="missing", code="EntryNotFound")
    return found[0]


def hashes(ctx: ToolContext, info: Info, paths: Sequence[str]) -> dict[str, str]:
    """Of those files that are there: the sha256 of one in LFS, else that of the git blob."""
    where = f"{info.repo.api}/paths-info/{info.sha}"
    found: list[dict[str, Any]] = []
    with explained(ctx.place.web, info.repo, info.sha):
        for begin in range(0, len(paths), MOST_ASKED):
            some = list(map(check_path, paths[begin : begin + MOST_ASKED]))
            asked = {"paths": some, "expand": False}
            page = ctx.place.web.post("hub", where, asked, cancelled=ctx.cancelled)
            found += map(mapping, items(page.json()))
    return {
        text(each.get("path"), 1000): text(mapping(each.get("lfs")).get("oid") or each.get("oid"))
        for each in found
    }


def content(ctx: ToolContext, info: Info, path: str, *, most_bytes: int = MOST_TEXT_BYTES) -> Page:
    """A file of the commit. Raises InputError, OutsideError: `large` where it has more bytes."""
    at = f"{info.repo.page}/resolve/{info.sha}/{quote(check_path(path))}"
    with explained(ctx.place.web, info.repo, info.sha, path):
        return ctx.place.web.get(
            "hub", at, accept="*/*", fresh_s=FIXED_S, most_bytes=most_bytes, cancelled=ctx.cancelled
        )


def part(ctx: ToolContext, info: Info, path: str, first: int, size_bytes: int) -> bytes:
    """So many bytes of a file of the commit, from `first` on. Raises InputError, OutsideError."""
    at = f"{info.repo.page}/resolve/{info.sha}/{quote(check_path(path))}"
    with explained(ctx.place.web, info.repo, info.sha, path):
        return ctx.place.web.part("hub", at, first, size_bytes, cancelled=ctx.cancelled)


def large(info: Info, found: Entry) -> str:
    """That a file is not read here."""
    size = "of unknown size" if found.size is None else f"of {size_words(found.size)}"
    return (
        f"{found.path} is a file {size}; at most {size_words(MOST_TEXT_BYTES)} are read here. Let "
        "a script of yours read it, where the sandbox may use the network, or for a dataset's rows "
        f"inspect_dataset. Its page: {info.file_url(found.path)}"
    )
