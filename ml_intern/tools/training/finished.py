"""A model that a job of the session has trained and that we have measured.

What a model card and a reproduce bundle are made of.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.dataset import Dataset, prepared
from ml_intern.tools.training.hardware import survey
from ml_intern.tools.training.jobs import Job, job_of_model
from ml_intern.tools.training.model_folder import ModelFolder, open_model
from ml_intern.tools.training.recipe import parameters


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The model with its run, its data and its measurements."""

    model: ModelFolder
    job: Job
    dataset: Dataset
    validation: Mapping[str, Any]
    test: Mapping[str, Any] | None
    """None: the test split was spent on other weights."""


def find_finished(ctx: ToolContext, model_dir: str) -> Finished:
    """The model, its run and its measurements. Raises InputError with what is still to be done."""
    model = open_model(ctx.place, model_dir)
    job, dataset = job_of_model(ctx, model.name), prepared(ctx)
    if job is None or dataset is None:
        raise InputError(
            f"No job of this session has trained {model.name}; only what launch_training has "
            "trained can be described."
        )
    weights = model.weights_sha256()
    validation = ctx.facts.latest("evaluation", split="validation", weights_sha256=weights)
    if validation is None:
        raise InputError(f"These weights were not measured: call evaluate on {model.name} first.")
    test = ctx.facts.latest("evaluation", split="test", fingerprint=dataset.fingerprint)
    if test is None:
        raise InputError(
            f"The test split was not scored: call evaluate on {model.name} with split test first."
        )
    return Finished(
        model=model,
        job=job,
        dataset=dataset,
        validation=validation,
        test=test if test["weights_sha256"] == weights else None,
    )


def hardware_report(ctx: ToolContext) -> Mapping[str, Any]:
    """What survey_hardware found; without it, what can be seen without the training environment."""
    found = ctx.facts.latest("hardware")
    report: Mapping[str, Any] = found["report"] if found is not None else survey(ctx.place)
    return report


def done_of(finished: Finished) -> dict[str, Any]:
    """The done-marker of the run."""
    return read_json(finished, "done.json")


def arguments_of(finished: Finished) -> Mapping[str, Any]:
    """The arguments of the run: those that it recorded, else the defaults of its script."""
    recorded = done_of(finished).get("arguments")
    if isinstance(recorded, Mapping):
        return recorded
    source = finished.job.source().decode("utf-8", "replace")
    return {name: found.default for name, found in parameters(source).items()}


def read_json(finished: Finished, name: str) -> dict[str, Any]:
    """A small JSON file of the model's folder; empty when it is missing or is something else."""
    path = finished.model.path / name
    try:
        found = json.loads(path.read_bytes()) if not path.is_symlink() else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
