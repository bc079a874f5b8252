"""Start a training job, once everything that should come before has come before."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.compute.protocol import JobSpec
from ml_intern.errors import InputError
from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.messages import JobId
from ml_intern.tools.atomic import write_whole
from ml_intern.tools.confinement import access_of, home_of
from ml_intern.tools.protocol import (
    Arguments,
    LaunchedJob,
    Tool,
    ToolContext,
    ToolOutcome,
    fail,
)
from ml_intern.tools.training.dataset import prepared
from ml_intern.tools.training.discipline import cut_short, gaps
from ml_intern.tools.training.jobs import copied_script, job_id_of
from ml_intern.tools.training.script import (
    Script,
    read_script,
    relative,
    run_environment,
    threads_for,
)

LOCAL = "local"
"""Name of the compute that is this machine."""
RECORD = "launch.json"
"""Written to the job's folder before the job starts; what it holds becomes the `job` fact."""


class LaunchArguments(Arguments):
    """What to run and where its weights go."""

    path: str = Field(min_length=1, description="Of the script, in the workspace.")
    output_dir: str = Field(
        min_length=1,
        description="Folder in the workspace for the weights.",
    )
    timeout_s: float | None = Field(None, gt=0, description="Null: as the settings say.")


class LaunchTraining(Tool[LaunchArguments]):
    """Runs a copy of the script as a job named after this call, so that a crash cannot lose it."""

    name: ClassVar[str] = "launch_training"
    description: ClassVar[str] = (
        "Start a training script as a job: `python PATH --output_dir DIR` in the workspace. "
        "Refused until a dataset was inspected and prepared, dummy_forward and smoke_test passed "
        "for exactly this version of the script, its memory fits, and the folder is new or empty. "
        "A run that was lost, failed or cancelled goes on when the same script is launched in its "
        "folder again. One job must succeed before several run side by side. Then call watch_job."
    )
    arguments = LaunchArguments
    effect: ClassVar[Effect] = "write"
    recovery: ClassVar[Recovery] = "detached"
    runs_code: ClassVar[bool] = True

    def worst_cost_micro_usd(self, args: LaunchArguments, ctx: ToolContext) -> int | None:
        """Only this machine is known to be free."""
        return 0 if ctx.place.compute.name == LOCAL else None

    def exhibits(self, args: LaunchArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """The script that would run."""
        return (read_script(ctx.place, args.path).exhibit(),)

    def refusals(self, args: LaunchArguments, ctx: ToolContext) -> dict[str, str]:
        """What is missing before it may start."""
        try:
            script = read_script(ctx.place, args.path)
            missing = gaps(ctx, script, args.output_dir)
        except InputError as exc:
            return {"path": str(exc)}
        found = {"": " ".join(gap.sentence for gap in missing)} if missing else {}
        try:
            _check_time(args, ctx)
        except InputError as exc:
            found["timeout_s"] = str(exc)
        return found

    def content_sha256(self, args: LaunchArguments, ctx: ToolContext) -> str:
        """Of the script."""
        return read_script(ctx.place, args.path).sha256

    def run(self, args: LaunchArguments, ctx: ToolContext) -> ToolOutcome:
        script = read_script(ctx.place, args.path)
        _check_time(args, ctx)
        missing = gaps(ctx, script, args.output_dir)
        if missing:
            return fail(
                " ".join(gap.sentence for gap in missing), missing=[gap.name for gap in missing]
            )
        record = _record(args, ctx, script)
        before = cut_short(ctx, script, record["output_dir"])
        record["goes_on_from"] = before.job_id if before is not None else None
        folder = ctx.place.jobs / record["job_id"]
        write_whole(copied_script(folder, script.name), script.source)
        write_whole(folder / RECORD, json.dumps(record).encode())
        return _launched(ctx, record, ctx.place.compute.submit(_specify(ctx, record)))

    def recover(self, args: LaunchArguments, ctx: ToolContext) -> ToolOutcome:
        """Adopt the job if it was started; if it never was, start it now.

        Its runner may still have been on its way at the first look. What it has written since is
        then a reason to refuse another launch, and no reason to lose it.
        """
        job_id = job_id_of(ctx.call_id)
        folder = ctx.place.jobs / job_id
        handle = ctx.place.compute.find(job_id, folder)
        if handle is None:
            outcome = self.run(args, ctx)
            handle = None if outcome.ok else ctx.place.compute.find(job_id, folder)
            if handle is None:
                return outcome
        return _launched(ctx, json.loads((folder / RECORD).read_bytes()), handle)


def _check_time(args: LaunchArguments, ctx: ToolContext) -> None:
    if args.timeout_s is not None and args.timeout_s > ctx.place.job_timeout_s:
        raise InputError(
            f"The settings allow a job {ctx.place.job_timeout_s:.0f} s; leave timeout_s out or "
            "give less."
        )


def _record(args: LaunchArguments, ctx: ToolContext, script: Script) -> dict[str, Any]:
    """Everything that must be known to start the job, and later to repeat it: the `job` fact."""
    forward = ctx.facts.latest("dummy_forward", sha256=script.sha256) or {}
    parameters = forward.get("report", {}).get("parameters")
    dataset = prepared(ctx)
    return {
        "job_id": job_id_of(ctx.call_id),
        "path": script.name,
        "sha256": script.sha256,
        "output_dir": relative(ctx.place, ctx.place.writable(args.output_dir)),
        "environment": run_environment(ctx.place, threads_for(parameters, ctx.place)),
        "timeout_s": args.timeout_s or ctx.place.job_timeout_s,
        "dataset": dataset.identity if dataset is not None else None,
    }


def _specify(ctx: ToolContext, record: Mapping[str, Any]) -> JobSpec:
    place = ctx.place
    folder = place.jobs / record["job_id"]
    copy = copied_script(folder, record["path"])
    output = place.workspace / record["output_dir"]
    return JobSpec(
        job_id=JobId(record["job_id"]),
        label=record["path"],
        argv=(str(place.training_python), str(copy), "--output_dir", str(output)),
        cwd=place.workspace,
        folder=folder,
        done_marker=output / "done.json",
        access=access_of(place, extra_read=(copy.parent,)),
        environment=place.sandbox.environment(home_of(place), record["environment"]),
        timeout_s=record["timeout_s"],
    )


def _launched(ctx: ToolContext, record: Mapping[str, Any], handle: dict[str, Any]) -> ToolOutcome:
    """The same answer whether the job was just started or found again."""
    job_id = JobId(record["job_id"])
    compute = ctx.place.compute.name
    answer = {
        "job_id": job_id,
        "output_dir": record["output_dir"],
        **({"goes_on_from": before} if (before := record.get("goes_on_from")) else {}),
        "log": handle.get("log", str(ctx.place.jobs / job_id)),
    }
    return ToolOutcome(
        ok=True,
        output=json.dumps(answer),
        facts=(Fact(kind="job", data=dict(record)),),
        job=LaunchedJob(job_id=job_id, compute=compute, handle=handle, label=record["path"]),
    )
