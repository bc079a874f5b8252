"""What a model is made of, by the records of its run: base models, datasets, code, with licences.

Nobody has to name them. Data are those that `prepare_dataset` has recorded; base models and further
datasets those that the script loads, as it was copied when it was launched. A model that was
trained in this session first is made of what that run was made of.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.hub.card import parted
from ml_intern.messages import JobId
from ml_intern.tools.files.beneath import read_beneath
from ml_intern.tools.hub.ingredients import read_or_unknown
from ml_intern.tools.hub.licences import Ingredient, Licence, licence, licences_in
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.dataset import Dataset, preparations
from ml_intern.tools.training.jobs import Job, job_of_model
from ml_intern.tools.training.loads import Load, loads
from ml_intern.tools.training.recipe import source_of

RECIPE_LICENCE = "apache-2.0"
"""Of the recipes, as of all of ml-intern."""
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([\w.+-]+)", re.ASCII)
_IS_CODE = re.compile(r"github\.com|\.(?:py|ipynb)\b", re.IGNORECASE)
_MOST_OF = 0.8
"""Of its lines: a script that has so much in common with a recipe is one that was changed."""
_PATH = ("/", ".", "~")
_HEAD_BYTES = 64 << 10
_NOBODY_KNOWS = (Licence(id=""),)


def made_of(ctx: ToolContext, job: Job) -> list[Ingredient]:
    """Everything once. What cannot be read is named with a licence that nobody knows."""
    return list({(each.role, each.name): each for each in _of_run(ctx, job, set())}.values())


def _of_run(ctx: ToolContext, job: Job, seen: set[JobId]) -> Iterator[Ingredient]:
    """`seen`: the runs that were told already; one may lead to another in many ways."""
    seen.add(job.job_id)
    data = _data(ctx, job)
    for load in _unknown_to_recipes(ctx, job):
        if load.name is None:
            yield _unread(load, job)
        elif load.kind == "model":
            yield from _model(ctx, load.name, load.revision, seen)
        elif not _is_prepared(ctx, load.name, data):
            yield _loaded_data(ctx, load.name, load.revision)
    yield from (_prepared_data(ctx, each) for each in data)
    yield _code(ctx, job)


# What the script loads


def _unknown_to_recipes(ctx: ToolContext, job: Job) -> list[Load]:
    """What the script loads, without the lines of a recipe that load what the run has made."""
    source = job.source()
    lines, shipped = source.decode("utf-8", "replace").splitlines(), _shipped(ctx, job)
    return [
        load
        for load in loads(source)
        if load.name is not None or not load.line or lines[load.line - 1].strip() not in shipped
    ]


def _unread(load: Load, job: Job) -> Ingredient:
    where = f"line {load.line} of {job.script}" if load.line else job.script
    return Ingredient(
        role=load.kind,
        name=f"of {where}",
        licences=_NOBODY_KNOWS,
        note="only running it tells which that is",
    )


def _model(ctx: ToolContext, name: str, revision: str, seen: set[JobId]) -> Iterator[Ingredient]:
    folder = _folder(ctx, name)
    own = job_of_model(ctx, folder) if folder is not None else None
    if own is not None:
        yield from _of_run(ctx, own, seen) if own.job_id not in seen else ()
    elif folder is not None or name.startswith(_PATH):
        yield _local_model(ctx, folder, Path(name).name)
    else:
        yield read_or_unknown(name, "model", ctx, revision)


def _local_model(ctx: ToolContext, folder: str | None, name: str) -> Ingredient:
    """A model that the person had on disk, by the licence in its own card."""
    named = licences_in(_head(ctx, folder)) if folder is not None else ()
    note = "as its card here says" if named else "on this machine, without a card that says"
    return Ingredient(role="model", name=name, licences=named or _NOBODY_KNOWS, note=note)


def _loaded_data(ctx: ToolContext, name: str, revision: str) -> Ingredient:
    if _folder(ctx, name) is not None or name.startswith(_PATH):
        return _said(ctx, Path(name).name, name, "on this machine")
    return read_or_unknown(name, "dataset", ctx, revision)


def _folder(ctx: ToolContext, name: str) -> str | None:
    """What the name is in the workspace; None: nothing there."""
    workspace = ctx.place.workspace.resolve()
    try:
        found = (workspace / name).resolve()
        is_there = found.is_relative_to(workspace) and found.exists()
    except (OSError, ValueError, RuntimeError):  # a name too long, a NUL, a ring of links
        return None
    return found.relative_to(workspace).as_posix() if is_there else None


def _head(ctx: ToolContext, folder: str) -> dict[str, object]:
    """Of the card in a folder of the workspace, whatever the session's code has put there."""
    card = ctx.place.workspace.resolve() / folder / "README.md"
    try:
        text = read_beneath(ctx.place.workspace, card, _HEAD_BYTES) or b""
    except (OSError, InputError, ValueError):
        return {}
    found, _ = parted(text.decode("utf-8", "replace"))
    return found or {}


# Data


def _data(ctx: ToolContext, job: Job) -> Sequence[Dataset]:
    """What was prepared for this run; where that cannot be told, all that was ever prepared."""
    known = list(preparations(ctx))
    used = [each for each in known if each.identity == job.fact.get("dataset")]
    return used[-1:] or known


def _is_prepared(ctx: ToolContext, name: str, data: Sequence[Dataset]) -> bool:
    """Whether it is a file or folder that `prepare_dataset` has written."""
    found = _folder(ctx, name)
    return found is not None and any(
        Path(found).is_relative_to(Path(each.record["train"]).parent) for each in data
    )


def _prepared_data(ctx: ToolContext, data: Dataset) -> Ingredient:
    if (source := data.on_hub) is not None:
        return read_or_unknown(source.repo.id, "dataset", ctx, source.revision)
    return _said(ctx, data.source_name, str(data.record["source"]), "on this machine")


# Code


def _shipped(ctx: ToolContext, job: Job) -> frozenset[str]:
    """The lines of the recipe that the script came from; none where it came from none."""
    written = ctx.facts.latest("script_written", path=job.script)
    try:
        text = source_of(written["recipe"]) if written is not None else ""
    except InputError:  # another version of ours had it
        text = ""
    return frozenset(map(str.strip, text.splitlines()))


def _code(ctx: ToolContext, job: Job) -> Ingredient:
    source = job.source().decode("utf-8", "replace")
    if named := _SPDX.search(source):
        return _as_code(job, licence(named[1]), "as it says itself")
    lines, shipped = [line.strip() for line in source.splitlines()], _shipped(ctx, job)
    if sum(line in shipped for line in lines) >= _MOST_OF * len(lines):
        return _as_code(job, licence(RECIPE_LICENCE), "a recipe of ml-intern")
    read = [url for fact in ctx.facts.all("read_outside") for url in fact["sources"]]
    code = list(dict.fromkeys(url for url in read if _IS_CODE.search(url)))
    if code:
        return _said(ctx, job.script, job.script, f"written after reading {', '.join(code[:5])}")
    note = "written in this session, which has read no code of others"
    return Ingredient(role="code or data", name=job.script, licences=(), note=note)


def _as_code(job: Job, one: Licence, note: str) -> Ingredient:
    return Ingredient(role="code or data", name=job.script, licences=(one,), note=note)


def _said(ctx: ToolContext, name: str, source: str, where: str) -> Ingredient:
    """By the word that check_licences was given; else nobody knows."""
    told = [
        one
        for checked in ctx.facts.all("licences_checked")
        for one in checked["licences"]
        if one["role"] == "code or data" and one["name"] in (name, source)
    ]
    licences = tuple(licence(each["id"]) for each in told[-1]["licences"]) if told else ()
    return Ingredient(
        role="code or data",
        name=name,
        licences=licences or _NOBODY_KNOWS,
        note="as check_licences was told" if told else where,
    )
