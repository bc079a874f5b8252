"""Wait for a job and sum up how it went."""

from typing import Any, ClassVar

from pydantic import Field

from ml_intern.compute.protocol import JobState
from ml_intern.events import Effect, Recovery
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, Waiting, succeed
from ml_intern.tools.tracebacks import last_words, traceback_tail
from ml_intern.tools.training.jobs import Job, Log, find_job, read_log, state
from ml_intern.tools.training.metrics import plain, thin
from ml_intern.tools.training.verdicts import judge

_MOST_EVALUATIONS = 60
_LARGEST_OWN_EXIT_CODE = 128
"""Above it a signal ended the process."""


class JobArguments(Arguments):
    """A job of this session."""

    job_id: str = Field(min_length=1)


class WatchJob(Tool[JobArguments]):
    """Waits without a thread; when the job has ended, reads its log once and judges it."""

    name: ClassVar[str] = "watch_job"
    description: ClassVar[str] = (
        "Wait for a training job to end; then its status, last metrics, evaluations, verdicts "
        "(nan, spike, plateau, diverged, out_of_memory) and the error with its traceback."
    )
    arguments = JobArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: JobArguments, ctx: ToolContext) -> ToolOutcome | Waiting:
        job = find_job(ctx, args.job_id)
        found = state(ctx, job)
        if found.status == "running":
            return Waiting(on=f"job:{job.job_id}")
        return succeed(_summary(job, found, read_log(ctx, job)))


def _summary(job: Job, found: JobState, log: Log) -> dict[str, Any]:
    failed = found.status != "succeeded"
    return {
        "job_id": job.job_id,
        "status": found.status,
        "exit_code": found.exit_code,
        "reason": found.reason,
        "done": plain(found.done) if found.done is not None else None,
        "last": plain(log.course.last),
        "evaluations": [
            evaluation.document() for evaluation in thin(log.course.evaluations, _MOST_EVALUATIONS)
        ],
        "verdicts": judge(log.course, failed=failed, output=log.tail),
        "error": _error(found, log.tail) if failed else None,
        "traceback": traceback_tail(log.tail) if failed else None,
        "output_dir": job.output_dir,
    }


def _error(found: JobState, tail: str) -> str | None:
    """The exception, else what its compute says of a killed job, else its last words."""
    killed = found.exit_code is None or not 0 <= found.exit_code <= _LARGEST_OWN_EXIT_CODE
    if killed and traceback_tail(tail) is None:
        return found.reason or last_words(tail)
    return last_words(tail) or found.reason or None
