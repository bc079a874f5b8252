"""Stop a training job."""

from typing import ClassVar

from ml_intern.events import Effect, Recovery
from ml_intern.tools.protocol import Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.training.jobs import find_job, state
from ml_intern.tools.training.watch_job import JobArguments


class CancelJob(Tool[JobArguments]):
    """Stops the job and everything that it has started; returns when nothing is left."""

    name: ClassVar[str] = "cancel_job"
    description: ClassVar[str] = "Stop a training job. One that has ended stays as it ended."
    arguments = JobArguments
    effect: ClassVar[Effect] = "write"
    recovery: ClassVar[Recovery] = "keyed"

    def run(self, args: JobArguments, ctx: ToolContext) -> ToolOutcome:
        job = find_job(ctx, args.job_id)
        found = state(ctx, job)
        if found.status == "running":
            found = ctx.place.compute.cancel(job.handle)
        return succeed({"status": found.status})

    def recover(self, args: JobArguments, ctx: ToolContext) -> ToolOutcome:
        """A job can be stopped only once, so asking again is safe."""
        return self.run(args, ctx)
