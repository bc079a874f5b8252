"""What a model is made of, looked up on the Hub: a repository, and the licences that it names."""

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.licences import Ingredient, licence, licences_of
from ml_intern.tools.hub.names import Kind, Repo, repo_named
from ml_intern.tools.protocol import ToolContext


def read(
    name: str, kind: Kind, ctx: ToolContext, revision: str = "main"
) -> tuple[Ingredient, tuple[str, ...]]:
    """The repository at that revision, and its sources. Raises InputError, OutsideError."""
    return _read(_named(name, kind, ctx), ctx, revision)


def read_or_unknown(name: str, kind: Kind, ctx: ToolContext, revision: str = "main") -> Ingredient:
    """The same; where it cannot be read, nobody knows its licence, and `note` says why."""
    repo = None
    try:
        repo = _named(name, kind, ctx)
        return _read(repo, ctx, revision)[0]
    except (InputError, OutsideError) as exc:
        return Ingredient(
            role="dataset" if kind == "dataset" else "model",
            name=name if repo is None else repo.id,
            licences=(licence(""),),
            note=f"its card was not read: {exc}",
            repo=repo,
        )


def _named(name: str, kind: Kind, ctx: ToolContext) -> Repo:
    return repo_named(name, kind, ctx.place.web.service("hub").base_url)


def _read(repo: Repo, ctx: ToolContext, revision: str) -> tuple[Ingredient, tuple[str, ...]]:
    info = reading.look(ctx, repo, revision)
    made = Ingredient(
        role="dataset" if info.repo.kind == "dataset" else "model",
        name=info.repo.id,
        licences=licences_of(info),
        note=" ".join(filter(None, (f"commit {info.sha}", info.note))),
        repo=info.repo,
    )
    return made, info.sources
