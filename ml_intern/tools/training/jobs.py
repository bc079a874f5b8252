"""The session's jobs: what the journal knows of each, joined with what its compute says now."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ml_intern.compute.protocol import Compute, JobState
from ml_intern.errors import InputError
from ml_intern.messages import CallId, JobId
from ml_intern.tools.event_lines import parse_line
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.metrics import Course

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_TAIL_LINES = 400
_TAIL_CHARS = 64_000


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that this session has launched."""

    job_id: JobId
    script: str
    """Path of the script in the workspace."""
    sha256: str
    """Of the script as it was launched."""
    output_dir: str
    folder: Path
    handle: dict[str, Any] = field(hash=False)
    fact: Mapping[str, Any] = field(hash=False)

    def source(self) -> bytes:
        """The script that it runs, whatever has become of the file in the workspace."""
        return copied_script(self.folder, self.script).read_bytes()


@dataclass(frozen=True, kw_only=True)
class Log:
    """A job's whole log, read once: the metrics in it, and its end in plain text."""

    course: Course
    tail: str


def job_id_of(call_id: CallId) -> JobId:
    """The id of the job that a call launches: its own, or its hash where that is no file name."""
    if _SAFE.fullmatch(call_id):
        return JobId(call_id)
    return JobId(sha256(call_id.encode()).hexdigest()[:32])


def copied_script(folder: Path, script: str) -> Path:
    """Where a job keeps its copy of the script, in a folder of its own that the job may read."""
    return folder / "script" / Path(script).name


def all_jobs(ctx: ToolContext) -> Iterator[Job]:
    """Every job of the session that its compute still knows, oldest first."""
    for fact in ctx.facts.all("job"):
        job = _look_up(ctx, fact)
        if job is not None:
            yield job


def find_job(ctx: ToolContext, job_id: str) -> Job:
    """The job of that id. Raises InputError, with the known ids, when this session has none."""
    fact = ctx.facts.latest("job", job_id=job_id)
    job = _look_up(ctx, fact) if fact is not None else None
    if job is None:
        known = ", ".join(str(fact["job_id"]) for fact in ctx.facts.all("job"))
        raise InputError(
            f"This session has no job {job_id}. "
            + (
                f"Its jobs are: {known}."
                if known
                else "It has launched none; call launch_training."
            )
        )
    return job


def job_of_model(ctx: ToolContext, model_dir: str) -> Job | None:
    """The job that wrote a model folder, or a checkpoint in it."""
    found = None
    for job in all_jobs(ctx):
        if f"{model_dir}/".startswith(f"{job.output_dir}/"):
            found = job
    return found


def state(ctx: ToolContext, job: Job) -> JobState:
    """What its compute says of it now."""
    return ctx.place.compute.state(job.handle)


def read_log(ctx: ToolContext, job: Job) -> Log:
    """Read all of a job's log."""
    course = Course()
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    for line in _lines(ctx.place.compute, job.handle):
        event = parse_line(line)
        if event is None:
            tail.append(line)
        else:
            course.take(event)
    return Log(course=course, tail="\n".join(tail)[-_TAIL_CHARS:])


def _lines(compute: Compute, handle: Mapping[str, Any]) -> Iterator[str]:
    offset = 0
    while True:
        chunk = compute.log(handle, offset)
        if chunk.next_offset == offset:
            return
        yield from chunk.text.splitlines()
        offset = chunk.next_offset


def _look_up(ctx: ToolContext, fact: Mapping[str, Any]) -> Job | None:
    job_id = JobId(fact["job_id"])
    folder = ctx.place.jobs / job_id
    handle = ctx.place.compute.find(job_id, folder)
    if handle is None:
        return None
    return Job(
        job_id=job_id,
        script=fact["path"],
        sha256=fact["sha256"],
        output_dir=fact["output_dir"],
        folder=folder,
        handle=handle,
        fact=fact,
    )
