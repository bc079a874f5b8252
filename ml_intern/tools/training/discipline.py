"""What must have happened before a training job may start, and the words for what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.dataset import prepared
from ml_intern.tools.training.jobs import Job, all_jobs, state
from ml_intern.tools.training.script import Script, syntax_error


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One thing that is missing."""

    name: str
    sentence: str


def gaps(ctx: ToolContext, script: Script, output_dir: str) -> list[Gap]:
    """Everything that stands against launching `script` now; empty when it may start.

    Checks are looked up by the hash of the script's bytes: they hold for exactly this version.
    """
    return [
        *_dataset_gaps(ctx),
        *_script_gaps(ctx, script),
        *_output_gaps(ctx, script, output_dir),
        *_sweep_gaps(ctx, output_dir),
    ]


def _dataset_gaps(ctx: ToolContext) -> Iterator[Gap]:
    if ctx.facts.latest("dataset_inspected") is None:
        yield Gap(
            name="dataset_inspected",
            sentence="No dataset was inspected: call inspect_dataset with its source.",
        )
    if ctx.facts.latest("dataset_prepared") is None:
        yield Gap(
            name="dataset_prepared",
            sentence="No dataset was prepared: call prepare_dataset, which makes the three splits.",
        )


def _script_gaps(ctx: ToolContext, script: Script) -> Iterator[Gap]:
    error = syntax_error(script.source)
    if error is not None:
        yield Gap(name="script_parses", sentence=f"{script.name} does not parse: {error}.")
    forward = ctx.facts.latest("dummy_forward", sha256=script.sha256)
    if forward is None:
        yield _unchecked(ctx, script, "dummy_forward", "The dummy forward pass")
    elif not forward["fits"]:
        yield Gap(name="memory_fits", sentence=_too_large(forward))
    if ctx.facts.latest("smoke", sha256=script.sha256) is None:
        yield _unchecked(ctx, script, "smoke", "The smoke test")


def _unchecked(ctx: ToolContext, script: Script, kind: str, what: str) -> Gap:
    tool = {"dummy_forward": "dummy_forward", "smoke": "smoke_test"}[kind]
    earlier = ctx.facts.latest(kind, path=script.name) is not None
    why = (
        f"{what} passed for another version of {script.name}; editing a script voids its checks"
        if earlier
        else f"{what} has not passed for {script.name}"
    )
    return Gap(name=tool, sentence=f"{why}: call {tool}.")


def _too_large(forward: dict[str, Any]) -> str:
    memory = forward["memory"]
    most = memory["largest_batch_size_that_fits"]
    advice = (
        f"set per_device_train_batch_size to {most} or less and raise gradient_accumulation_steps "
        "so that the effective batch stays the same"
        if most
        else "not even a batch of one fits, so a smaller model is needed"
    )
    return (
        f"The step needs {memory['total_bytes']} bytes and {memory['available_bytes']} are "
        f"available: {advice}; then call dummy_forward again."
    )


def cut_short(ctx: ToolContext, script: Script, output_dir: str) -> Job | None:
    """The run of exactly this script and data that began in this folder and did not end there."""
    dataset = prepared(ctx)
    identity = dataset.identity if dataset is not None else None
    folder = ctx.place.writable(output_dir)
    before = [job for job in all_jobs(ctx) if ctx.place.writable(job.output_dir) == folder]
    if not before or before[-1].sha256 != script.sha256:
        return None
    job = before[-1]
    unended = state(ctx, job).status in ("lost", "failed", "cancelled")
    return job if unended and job.fact.get("dataset") == identity else None


def _output_gaps(ctx: ToolContext, script: Script, output_dir: str) -> Iterator[Gap]:
    reason = _unusable(ctx, script, output_dir)
    if reason is not None:
        yield Gap(name="output_dir", sentence=reason)


def _unusable(ctx: ToolContext, script: Script, output_dir: str) -> str | None:
    try:
        path = ctx.place.writable(output_dir)
    except InputError as exc:
        return str(exc)
    if path == ctx.place.workspace.resolve():
        return "output_dir is the workspace itself; name a new folder in it."
    if path.exists() and not path.is_dir():
        return f"output_dir {output_dir} is a file; name a new folder."
    if path.is_dir() and any(path.iterdir()) and not cut_short(ctx, script, output_dir):
        return f"output_dir {output_dir} is not empty; name a new folder, so that no run is lost."
    return None


def _sweep_gaps(ctx: ToolContext, output_dir: str) -> Iterator[Gap]:
    """One job before a sweep: jobs run side by side only once one of them has succeeded."""
    jobs = {job: state(ctx, job).status for job in all_jobs(ctx)}
    running = [job for job, status in jobs.items() if status == "running"]
    if running and "succeeded" not in jobs.values():
        yield Gap(
            name="one_job_first",
            sentence=f"Job {running[0].job_id} still runs and none has succeeded yet: wait for it "
            "with watch_job or stop it with cancel_job.",
        )
    for job in running:
        if Path(job.output_dir) == Path(output_dir):
            yield Gap(
                name="output_dir",
                sentence=f"Job {job.job_id} writes to {output_dir}; name a new folder.",
            )
