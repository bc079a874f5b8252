"""Publish a model: on the Hub, or as a folder laid out exactly as its repository there would be.

What goes to the Hub lies in that folder, too: it is what was sent.
"""

import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator

from ml_intern.errors import HubError, InputError, MLInternError
from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.tools.hub.licences import USES, Ingredient, Use, listed, questions
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.tools.training import on_hub
from ml_intern.tools.training.card import entitled
from ml_intern.tools.training.dataset import split_sha256
from ml_intern.tools.training.jobs import job_of_model
from ml_intern.tools.training.made_of import made_of
from ml_intern.tools.training.model_folder import ModelFolder, open_model
from ml_intern.tools.training.repository import (
    BUNDLE,
    Repository,
    check_name,
    check_repo_id,
    lay_out,
    open_repository,
    put_in_place,
)

CARD = "README.md"
_DATA = f"{BUNDLE}/data/"


class PublishArguments(Arguments):
    """What to publish, and under which name."""

    model_dir: str = Field(min_length=1, description="Folder in the workspace with the weights.")
    repo_name: str = Field(min_length=1, description="Without the author: my-model.")
    private: bool = True
    overwrite: bool = Field(False, description="Replace a repository of that name.")
    conflicts: list[str] = Field([], description="Leave it out: it is filled in.")

    @field_validator("repo_name")
    @classmethod
    def _name_can_be_used(cls, name: str) -> str:
        try:
            return check_name(name)
        except InputError as exc:
            owner = " The owner is the setting `author`." if "/" in name else ""
            raise ValueError(f"{exc}{owner}") from exc


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What would be published now."""

    repo_id: str
    model: ModelFolder
    repository: Repository
    card: str
    """README.md, under the name of the repository."""
    evaluation: dict[str, Any]
    test: dict[str, Any] | None
    target: Path

    def file_count(self) -> int:
        """Of all files, also of `.gitattributes`, which is written when it is published."""
        return len(self.repository.files) + 1

    def data_files(self) -> list[str]:
        """Those that hold the rows: a file for each picture, else one for each split."""
        return _data_files(self.repository)


class Publish(Tool[PublishArguments]):
    """The repository appears whole or not at all, on the Hub and as a folder in `published`."""

    name: ClassVar[str] = "publish"
    description: ClassVar[str] = (
        "Publish a model that evaluate has measured and write_model_card has described, with all "
        "that belongs to it; on the Hugging Face Hub where there is a token and an author, else in "
        "a folder. A person is asked first."
    )
    arguments = PublishArguments
    effect: ClassVar[Effect] = "external"
    recovery: ClassVar[Recovery] = "keyed"
    timeout_s: ClassVar[float] = 3600.0
    operations: ClassVar[tuple[str, ...]] = (
        "create_private",
        "create_public",
        "replace_private",
        "replace_public",
    )

    def operation(self, args: PublishArguments) -> str:
        """Who may see it, and whether it may take the place of something."""
        act = "replace" if args.overwrite else "create"
        return f"{act}_{'private' if args.private else 'public'}"

    def repository(self, args: PublishArguments, ctx: ToolContext) -> str:
        """The one that would come to be, or be replaced."""
        return f"{ctx.place.author}/{args.repo_name}"

    def exhibits(self, args: PublishArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """The files, the card as it would stand there, and the licences of what it is made of."""
        model = open_model(ctx.place, args.model_dir)
        repository = open_repository(model.path)
        card = (repository.root / CARD).read_text(encoding="utf-8")
        files = "\n".join([".gitattributes", *_summarised(repository)])
        shown = (
            Exhibit(title="Files", kind="text", text=files),
            Exhibit(title="Model card", kind="markdown", text=entitled(card, args.repo_name)),
        )
        made = _made_of(ctx, model)
        return (
            (*shown, Exhibit(title="Licences", kind="text", text=listed(made))) if made else shown
        )

    def refusals(self, args: PublishArguments, ctx: ToolContext) -> dict[str, str]:
        """A model that cannot be published, a name that is taken, and conflicts of licences that
        come up only now, as by an edit that lets everybody see it.
        """
        found = {}
        if unasked := _unasked(args, _asked(args, ctx)):
            found["conflicts"] = (
                f"{' '.join(unasked)} That was not part of the question. Deny it, and say that it "
                "is to be published so: then you are asked about it."
            )
        try:
            _pack(args, ctx)
        except (MLInternError, OSError) as exc:
            found["model_dir"] = str(exc)
        if not args.overwrite and _is_foreign(args.repo_name, ctx):
            found["repo_name"] = (
                f"{ctx.place.author}/{args.repo_name} is taken by what this session has not "
                "published. Choose another name, or set overwrite to true."
            )
        return found

    def content_sha256(self, args: PublishArguments, ctx: ToolContext) -> str:
        """Of all files that would be published."""
        return open_repository(open_model(ctx.place, args.model_dir).path).sha256()

    def run(self, args: PublishArguments, ctx: ToolContext) -> ToolOutcome:
        parcel = _pack(args, ctx)
        if unasked := _unasked(args, _conflicts(args, ctx, parcel.model)):
            return fail(
                "Nobody was asked about conflicts of licences with this. Call publish again: the "
                "person will read them then.",
                conflicts=unasked,
            )
        partial = parcel.target.with_name(f".{parcel.target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        lay_out(parcel.repository, partial, {CARD: parcel.card})
        try:
            return _placed(args, parcel, partial, ctx)
        except HubError as exc:
            return fail(
                f"The Hub did not take {parcel.repo_id}: {exc}. Nothing is sent twice: call "
                "publish again when that is mended."
            )
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def recover(self, args: PublishArguments, ctx: ToolContext) -> ToolOutcome:
        """The same content at the same place is the same publication, so doing it again is safe."""
        return self.run(args, ctx)

    def settle(self, args: PublishArguments, ctx: ToolContext) -> PublishArguments:
        """Under a name that is free, or that this session itself has taken; with the conflicts of
        licences that a yes would answer.
        """
        settled = args.model_copy(update={"conflicts": _asked(args, ctx)})
        if args.overwrite or not _is_foreign(args.repo_name, ctx):
            return settled
        free = next(
            name
            for number in itertools.count(2)
            if not _is_foreign(name := f"{args.repo_name}-{number}", ctx)
        )
        return settled.model_copy(update={"repo_name": free})

    def asks_person(self, args: PublishArguments, ctx: ToolContext) -> bool:
        """A conflict of licences is a question that no rule can answer."""
        return bool(args.conflicts)

    def ask_reason(self, args: PublishArguments, ctx: ToolContext) -> str:
        try:
            parcel = _pack(args, ctx)
        except (MLInternError, OSError) as exc:
            return f"Publish {ctx.place.author}/{args.repo_name}. It would be refused now: {exc}"
        return _question(args, parcel) + _on_hub(args, ctx) + _why_numbered(args, ctx)


def _placed(args: PublishArguments, parcel: Parcel, partial: Path, ctx: ToolContext) -> ToolOutcome:
    """First on the Hub, then here: a crash in between is mended by doing it again.

    Raises InputError, OutsideError, HubError.
    """
    is_other = _is_taken(parcel.target) and split_sha256(parcel.target) != split_sha256(partial)
    if is_other and not args.overwrite:
        return fail(
            f"{parcel.repo_id} exists and holds something else. Choose another repo_name, or ask "
            "for it to be replaced with overwrite=true.",
            path=str(parcel.target),
        )
    sent, hub = None, on_hub.hub_for(ctx)
    if hub is not None:
        files = {name: partial / name for name in parcel.repository.files}
        with hub:
            sent = on_hub.send(
                parcel.repo_id, files, ctx, hub, private=args.private, overwrite=args.overwrite
            )
    put_in_place(partial, parcel.target)
    return _answer(parcel, sent, "" if sent else on_hub.why_local(ctx))


def _is_foreign(name: str, ctx: ToolContext) -> bool:
    """Whether something stands under this name that this session has not published."""
    target = _target(name, ctx)
    if _is_taken(target) and ctx.facts.latest("published", path=str(target)) is None:
        return True
    return on_hub.is_foreign(f"{ctx.place.author}/{name}", ctx)


def _on_hub(args: PublishArguments, ctx: ToolContext) -> str:
    """That it leaves this machine, and what its licences say to that."""
    if on_hub.hub_for(ctx) is None:
        return ""
    place = f" It goes to the Hub at {ctx.place.web.service('hub').base_url}."
    said = " ".join(args.conflicts) or "No licence of what it is made of stands against that."
    return f"{place} {said}"


def _unasked(args: PublishArguments, conflicts: Sequence[str]) -> list[str]:
    return [words for words in conflicts if words not in args.conflicts]


def _asked(args: PublishArguments, ctx: ToolContext) -> list[str]:
    """The conflicts as they stand; none where they cannot be told, as `run` refuses it then."""
    try:
        return _conflicts(args, ctx, open_model(ctx.place, args.model_dir))
    except (MLInternError, OSError):
        return []


def _conflicts(args: PublishArguments, ctx: ToolContext, model: ModelFolder) -> list[str]:
    """What a person must decide before it goes to the Hub, and has not decided yet.

    Raises InputError, OSError: what cannot be told is no "none".
    """
    if on_hub.hub_for(ctx) is None:
        return []
    found = questions(_made_of(ctx, model), _use(args, ctx), _under(ctx, model))
    agreed = {words for fact in ctx.facts.all("licences_checked") for words in fact["agreed"]}
    return [words for words in found if words not in agreed]


def _made_of(ctx: ToolContext, model: ModelFolder) -> list[Ingredient]:
    """Nothing of a model that no job has trained: it has no card either."""
    job = job_of_model(ctx, model.name)
    return [] if job is None else made_of(ctx, job)


def _under(ctx: ToolContext, model: ModelFolder) -> str:
    """The licence that the model's card states; empty where it states none."""
    card = ctx.facts.latest("card", model_dir=model.name) or {}
    return str(card.get("licence", ""))


def _use(args: PublishArguments, ctx: ToolContext) -> Use:
    """What it is for: as was said to check_licences, and at least what this call does."""
    checked = ctx.facts.latest("licences_checked")
    stated: Use = "private" if checked is None else checked["use"]
    return max(stated, "private" if args.private else "publish", key=USES.index)


def _why_numbered(args: PublishArguments, ctx: ToolContext) -> str:
    """Why the name is not the one that was asked for, where that is so."""
    numbered = re.fullmatch(r"(.+)-\d+", args.repo_name)
    if args.overwrite or numbered is None or not _is_foreign(numbered[1], ctx):
        return ""
    return (
        f" The name {numbered[1]} is taken by something else; to replace that, edit repo_name and "
        "set overwrite to true."
    )


def _target(name: str, ctx: ToolContext) -> Path:
    return ctx.place.published / ctx.place.author / name


def _pack(args: PublishArguments, ctx: ToolContext) -> Parcel:
    """Everything that is checked before anything is written. Raises InputError."""
    repo_id = check_repo_id(ctx.place.author, args.repo_name)
    model = open_model(ctx.place, args.model_dir)
    weights = model.weights_sha256()
    evaluation = ctx.facts.latest("evaluation", split="validation", weights_sha256=weights)
    if evaluation is None:
        raise InputError(f"These weights were not measured: call evaluate on {model.name} first.")
    card = _vouched_card(ctx, model, weights)
    _check_bundle(model, weights)
    return Parcel(
        repo_id=repo_id,
        model=model,
        repository=open_repository(model.path),
        card=entitled(card, args.repo_name),
        evaluation=evaluation,
        test=ctx.facts.latest("evaluation", split="test", weights_sha256=weights),
        target=_target(args.repo_name, ctx),
    )


def _vouched_card(ctx: ToolContext, model: ModelFolder, weights: str) -> str:
    """The text of the card, which must be the one that we wrote for these very weights."""
    path = model.path / CARD
    fact = ctx.facts.latest("card", model_dir=model.name, weights_sha256=weights)
    if fact is None or path.is_symlink() or not path.is_file():
        raise InputError(
            f"{model.name} has no model card for these weights: call write_model_card first."
        )
    text = path.read_bytes()
    if hashlib.sha256(text).hexdigest() != fact["sha256"]:
        raise InputError(
            f"{model.name}/{CARD} was changed after it was written; its numbers are no longer "
            "vouched for. Call write_model_card again with the words that you want."
        )
    return text.decode()


def _check_bundle(model: ModelFolder, weights: str) -> None:
    """The card promises a bundle, so there must be one, and of these weights."""
    path = model.path / BUNDLE / "metrics.json"
    try:
        bundled = json.loads(path.read_bytes())["weights_sha256"] if path.is_file() else None
    except (ValueError, KeyError, TypeError):
        bundled = None
    if bundled != weights:
        raise InputError(
            f"{model.name} has no {BUNDLE}/ for these weights: call write_reproduce_bundle first."
        )


def _is_taken(target: Path) -> bool:
    return target.exists() and (not target.is_dir() or any(target.iterdir()))


def _answer(parcel: Parcel, sent: on_hub.Sent | None, why_local: str) -> ToolOutcome:
    where = {"url": sent.url, "commit": sent.commit} if sent else {}
    document: dict[str, Any] = {
        "repo_id": parcel.repo_id,
        **where,
        "path": str(parcel.target),
        "files": [".gitattributes", *_summarised(parcel.repository)],
        "file_count": parcel.file_count(),
        "data_file_count": len(parcel.data_files()),
    }
    if parcel.repository.left_out:
        document["left_out"] = list(parcel.repository.left_out)
    if why_local:
        document["note"] = why_local
    fact = {
        **where,
        "repo_id": parcel.repo_id,
        "path": str(parcel.target),
        "model_dir": parcel.model.name,
        "weights_sha256": parcel.evaluation["weights_sha256"],
    }
    return succeed(document, Fact(kind="published", data=fact))


def _data_files(repository: Repository) -> list[str]:
    return [name for name in repository.files if name.startswith(_DATA)]


def _summarised(repository: Repository) -> list[str]:
    """The files by name, the data of the bundle as one entry: it may be thousands of pictures."""
    data = _data_files(repository)
    others = [name for name in repository.files if not name.startswith(_DATA)]
    return [*others, f"{_DATA} ({len(data)} files)"] if data else others


def _data_words(parcel: Parcel) -> str:
    """Publishing a bundle with its data publishes the data."""
    if not (data := parcel.data_files()):
        return ""
    many = f"{len(data):,} of the files are" if len(data) > 1 else "One of the files is"
    return f" {many} the data itself: the rows of all splits ({_DATA.rstrip('/')})."


def _question(args: PublishArguments, parcel: Parcel) -> str:
    size_mb = parcel.repository.size_bytes() / 1e6
    found = [evaluation for evaluation in (parcel.evaluation, parcel.test) if evaluation]
    scores = [f"{e['split']} accuracy {e['metrics']['accuracy']:.2%}" for e in found]
    kind = "private" if args.private else "public"
    replacing = ""
    if _is_taken(parcel.target):
        replacing = " It replaces what is there." if args.overwrite else " That name is taken."
    return (
        f"Publish {parcel.repo_id} ({kind}): {parcel.file_count():,} files, "
        f"{size_mb:.1f} MB, {', '.join(scores)}.{_data_words(parcel)}{replacing}"
    )
