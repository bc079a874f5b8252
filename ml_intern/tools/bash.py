"""Running a shell command in the session's sandbox."""

import shutil
from typing import ClassVar

from pydantic import Field

from ml_intern.events import Effect, Exhibit, Recovery
from ml_intern.sandbox.run import GRACE_S, Completed, run_confined
from ml_intern.tools.confinement import access_of, environment_of, output_of
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome

MOST_OUTPUT_BYTES = 256 * 1024
"""Kept of the output: first and last part. What is longer than an answer, the router puts in a
file.
"""


class BashArguments(Arguments):
    """A command and how long it may take."""

    command: str = Field(min_length=1, max_length=100_000)
    timeout_s: float = Field(120.0, gt=0, le=3600)


class Bash(Tool[BashArguments]):
    """One command, in a fresh shell, confined; nothing that it starts outlives it."""

    name: ClassVar[str] = "bash"
    description: ClassVar[str] = (
        "Run a shell command in the workspace and read its output and exit code. It may write only "
        "in the workspace. Background processes end with the command: start training with "
        "launch_training instead."
    )
    arguments = BashArguments
    effect: ClassVar[Effect] = "write"
    # Nobody can know what a shell command had done.
    recovery: ClassVar[Recovery] = "opaque"
    runs_code: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = ("command",)

    def time_limit_s(self, args: BashArguments) -> float:
        """The command's own time comes first, so that its output is not lost."""
        return args.timeout_s + 2 * GRACE_S

    def exhibits(self, args: BashArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """A command of several lines cannot be read as JSON."""
        if "\n" not in args.command:
            return ()
        return (Exhibit(title="The command", kind="text", text=args.command),)

    def run(self, args: BashArguments, ctx: ToolContext) -> ToolOutcome:
        shell = shutil.which("bash") or "/bin/sh"
        completed = run_confined(
            ctx.place.sandbox,
            [shell, "-c", args.command],
            access=access_of(ctx.place),
            cwd=ctx.place.workspace,
            environment=environment_of(ctx.place),
            timeout_s=args.timeout_s,
            cancelled=ctx.cancelled,
            output=output_of(ctx),
            limit_bytes=MOST_OUTPUT_BYTES,
        )
        return ToolOutcome(
            ok=completed.ok, output=f"{_output(completed)}{_last_line(completed, args)}"
        )


def _output(completed: Completed) -> str:
    text = completed.kept_text()
    completed.output_path.unlink(missing_ok=True)
    return text if not text or text.endswith("\n") else f"{text}\n"


def _last_line(completed: Completed, args: BashArguments) -> str:
    if completed.timed_out:
        return f"[timed out after {args.timeout_s:g} s; the process group was killed]"
    if completed.cancelled:
        return "[interrupted; the process group was killed]"
    if completed.too_many_processes:
        return "[ended because it ran too many processes at once; all of them were killed]"
    return f"[exit code {completed.exit_code}]"
