"""A model's repository on the Hub itself: made, filled in one commit, and known again.

What is there already with the same content is the same publication, so doing it again is safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import InputError, OutsideError
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import Change
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.blobs import is_same, outgoing
from ml_intern.tools.hub.names import Repo
from ml_intern.tools.hub.reading import Info
from ml_intern.tools.protocol import ToolContext

NOBODY = "local"
"""The author of those who have not named one: it owns nothing on the Hub."""
_OWN = ".gitattributes"
"""The Hub writes it itself."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Where it stands now."""

    url: str
    commit: str


def hub_for(ctx: ToolContext) -> HubAbroad | None:
    """The Hub, where there is a token and an author; None: what is published stays here."""
    return None if ctx.place.author == NOBODY else ctx.place.connect_hub(ctx.cancelled)


def why_local(ctx: ToolContext) -> str:
    """Why it is not put on the Hub, for people."""
    if ctx.place.author == NOBODY:
        return "It is not on the Hub: the setting author names nobody there."
    return "It is not on the Hub: there is no token of it (HF_TOKEN), or HF_HUB_OFFLINE is set."


def is_foreign(repo_id: str, ctx: ToolContext) -> bool:
    """Whether the Hub has something of that name that this session has not published.

    False where the Hub cannot be asked now: `send` looks again.
    """
    if hub_for(ctx) is None or ctx.facts.latest("published", repo_id=repo_id) is not None:
        return False
    try:
        info = _found(repo_id, ctx)
        return info is not None and bool(_names(ctx, info))
    except OutsideError:
        return False


def send(
    repo_id: str,
    files: Mapping[str, Path],
    ctx: ToolContext,
    hub: HubAbroad,
    *,
    private: bool,
    overwrite: bool,
) -> Sent:
    """Let the repository hold exactly these files, by one commit.

    Raises InputError where it holds something else already and is not to be replaced, or where all
    may see what is to be private; OutsideError, HubError.
    """
    info = _found(repo_id, ctx)
    if info is None:
        hub.make("model", repo_id, private)
        info = reading.look(ctx, Repo(kind="model", id=repo_id), now=True)
    if private and info.said.get("private") is not True:
        raise InputError(f"{info.url} is public already, and this is to be private: {_another()}")
    held = _names(ctx, info)
    if held == set(files) and _is_same(ctx, info, files):
        return Sent(url=info.url, commit=info.sha)
    if held and not overwrite:
        raise InputError(f"{info.url} exists and holds something else: {_another()}")
    made = hub.change(
        Change(
            kind="model",
            repo_id=info.repo.id,
            branch="main",
            parent=info.sha,
            files=tuple(outgoing(name, at) for name, at in files.items()),
            deleted=tuple(sorted(held - set(files))),
            message="Publish the model",
        )
    )
    return Sent(url=info.url, commit=made.commit)


def _another() -> str:
    return "choose another repo_name, or ask for it to be replaced with overwrite=true."


def _found(repo_id: str, ctx: ToolContext) -> Info | None:
    """None where there is none. Raises OutsideError where that cannot be seen."""
    try:
        return reading.look(ctx, Repo(kind="model", id=repo_id), now=True)
    except OutsideError as exc:
        if exc.code != "RepoNotFound":
            raise
        return None


def _names(ctx: ToolContext, info: Info) -> set[str]:
    found = reading.listing(ctx, info, recursive=True)
    return {each.path for each in found.entries if not each.is_folder} - {_OWN}


def _is_same(ctx: ToolContext, info: Info, files: Mapping[str, Path]) -> bool:
    known = reading.hashes(ctx, info, list(files))
    return all(is_same(known.get(name), at) for name, at in files.items())
