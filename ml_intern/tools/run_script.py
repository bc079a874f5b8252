"""Run a Python script of the session in the training environment, confined, and wait for its end.

For the tools that need a script's answer at once (a dummy forward pass, a smoke test, an
evaluation). Training itself is a job: see `ml_intern/compute/protocol.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_intern.sandbox.run import Completed, run_confined
from ml_intern.tools.confinement import access_of, environment_of, output_of
from ml_intern.tools.protocol import ToolContext


def run_python(
    ctx: ToolContext,
    argv_after_python: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    extra_read: Sequence[Path] = (),
    extra_write: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run `training_python argv_after_python…` with the session's rights; returns when it has
    ended.

    `timeout_s` in seconds; the interruption of the session ends it earlier. Nothing that the script
    started is left running. `environment` is added to the scrubbed one. Raises SandboxError when
    the command cannot be confined.
    """
    place = ctx.place
    return run_confined(
        place.sandbox,
        [str(place.training_python), *argv_after_python],
        access=access_of(place, extra_read=extra_read, extra_write=extra_write),
        cwd=cwd,
        environment=environment_of(place, environment),
        timeout_s=timeout_s,
        cancelled=ctx.cancelled,
        output=output_of(ctx),
    )
