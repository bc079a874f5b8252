"""Measure a model ourselves, on data that decides (validation) or that reports (test, once)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.atomic import write_whole
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.tools.training.certainty import caution, interval_95
from ml_intern.tools.training.dataset import Dataset, Split, prepared
from ml_intern.tools.training.jobs import job_id_of, job_of_model
from ml_intern.tools.training.metrics import plain
from ml_intern.tools.training.model_folder import ModelFolder, open_model
from ml_intern.tools.training.scorer import score
from ml_intern.tools.training.script import run_environment

_SCORES = "scores"
"""Folder below `held_out`: one file per evaluation, written before the answer is given."""


_MOST_CLASSES = 60
"""That the answer shows, the worst of them; the fact holds all."""


class EvaluateArguments(Arguments):
    """Which weights, on which split."""

    model_dir: str = Field(min_length=1, description="Folder in the workspace with the weights.")
    split: Split = "validation"


class Evaluate(Tool[EvaluateArguments]):
    """Scores with our scorer. The test split is scored once per dataset, after validation."""

    name: ClassVar[str] = "evaluate"
    description: ClassVar[str] = (
        "Measure accuracy, macro F1 and loss of saved weights with our own scorer. Use "
        "validation for every decision. test is held out and is scored once per dataset, for "
        "weights whose validation score is known: do it last."
    )
    arguments = EvaluateArguments
    effect: ClassVar[Effect] = "write"
    recovery: ClassVar[Recovery] = "keyed"
    timeout_s: ClassVar[float] = 3600.0
    operations: ClassVar[tuple[str, ...]] = ("validation", "test")

    def operation(self, args: EvaluateArguments) -> str:
        """Which split: test is scored once."""
        return args.split

    def content_sha256(self, args: EvaluateArguments, ctx: ToolContext) -> str:
        """Of the weights."""
        return open_model(ctx.place, args.model_dir).weights_sha256()

    def run(self, args: EvaluateArguments, ctx: ToolContext) -> ToolOutcome:
        model, dataset = open_model(ctx.place, args.model_dir), _dataset(ctx)
        _check_preparation(ctx, model, dataset)
        if args.split == "test" and (refusal := _refuse_test(ctx, model, dataset)) is not None:
            return refusal
        data = dataset.split(ctx.place, args.split)
        dataset.check_unchanged(ctx.place, args.split)
        report = score(ctx, model, data, _environment(ctx, model), timeout_s=self.timeout_s - 30)
        dataset.check_unchanged(ctx.place, args.split)
        result = _result(args.split, model, dataset, report)
        write_whole(_score_file(ctx), json.dumps(result).encode())
        return _answer(result)

    def recover(self, args: EvaluateArguments, ctx: ToolContext) -> ToolOutcome:
        """What was measured before a crash is not measured again."""
        path = _score_file(ctx)
        return _answer(json.loads(path.read_bytes())) if path.is_file() else self.run(args, ctx)


def _dataset(ctx: ToolContext) -> Dataset:
    dataset = prepared(ctx)
    if dataset is None:
        raise InputError("No dataset was prepared in this session; call prepare_dataset first.")
    return dataset


def _check_preparation(ctx: ToolContext, model: ModelFolder, dataset: Dataset) -> None:
    """Refuse weights that may have seen these rows: trained on another split, or nobody knows."""
    job = job_of_model(ctx, model.name)
    if job is None and (parent := ctx.facts.latest("forked")) is not None:
        raise InputError(
            f"No job of this session has trained {model.name}. The workspace was copied from "
            f"session {parent['session_id']}, which may have split the data otherwise, so these "
            "weights may have seen the rows that they would be measured on. Train them here, with "
            "launch_training, on the splits of prepare_dataset."
        )
    if job is not None and job.fact.get("dataset") != dataset.identity:
        raise InputError(
            f"{model.name} was trained before the data was prepared anew, so it may have seen the "
            "rows that it would be measured on. Train it again on the new splits."
        )


def _refuse_test(ctx: ToolContext, model: ModelFolder, dataset: Dataset) -> ToolOutcome | None:
    spent = ctx.facts.latest("evaluation", split="test", fingerprint=dataset.fingerprint)
    if spent is not None:
        return fail(
            "The test split of this dataset was scored already, and is scored once: a second look "
            "would make it a validation split. Report the earlier result.",
            earlier={
                key: spent[key]
                for key in ("model_dir", "weights_sha256", "metrics", "rows")
                if key in spent  # a parent of this session may not have come to its end with it
            },
        )
    if ctx.facts.latest("evaluation", split="validation", weights_sha256=model.weights_sha256()):
        return None
    return fail(
        f"Score {model.name} on validation first: test is for the weights that you have decided "
        "for, and these have no validation score."
    )


def _environment(ctx: ToolContext, model: ModelFolder) -> dict[str, str]:
    """As many threads as the training had, so that scores can be reproduced to the last digit."""
    job = job_of_model(ctx, model.name)
    recorded = job.fact.get("environment") if job is not None else None
    return dict(recorded) if recorded else run_environment(ctx.place, 1)


def _result(
    split: Split, model: ModelFolder, dataset: Dataset, report: Mapping[str, Any]
) -> dict[str, Any]:
    """The `evaluation` fact."""
    return {
        "split": split,
        "model_dir": model.name,
        "weights_sha256": report["weights_sha256"],
        "fingerprint": dataset.fingerprint,
        "rows": report["rows"],
        "metrics": {name: plain(report[name]) for name in ("accuracy", "macro_f1", "loss")},
        "accuracy_interval_95": list(interval_95(report["accuracy"], report["rows"])),
        "per_class": plain(report["per_class"]),
        "unknown_labels": report.get("unknown_labels", []),
    }


def _score_file(ctx: ToolContext) -> Path:
    return ctx.place.held_out / _SCORES / f"{job_id_of(ctx.call_id)}.json"


def _answer(result: dict[str, Any]) -> ToolOutcome:
    per_class = result["per_class"]
    worst = sorted(per_class, key=lambda label: per_class[label]["f1"])[:_MOST_CLASSES]
    document = {
        "split": result["split"],
        "rows": result["rows"],
        "metrics": result["metrics"],
        "accuracy_interval_95": result["accuracy_interval_95"],
        "per_class": {label: found for label, found in per_class.items() if label in worst},
        "weights_sha256": result["weights_sha256"],
    }
    if note := caution(result["rows"], *result["accuracy_interval_95"]):
        document["note"] = note
    if len(per_class) > _MOST_CLASSES:
        document["classes_not_shown"] = len(per_class) - _MOST_CLASSES
    if result["unknown_labels"]:
        document["unknown_labels"] = result["unknown_labels"]
    return succeed(document, Fact(kind="evaluation", data=result))
