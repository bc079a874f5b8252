"""One step of a script at full size: does it run, and does it fit?"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.tools.training.hardware import available_bytes
from ml_intern.tools.training.memory import from_report, judge
from ml_intern.tools.training.metrics import plain
from ml_intern.tools.training.script import (
    CHECK_TIMEOUT_S,
    check,
    read_script,
    threads_for,
)


class ScriptArguments(Arguments):
    """A script in the workspace."""

    path: str = Field(min_length=1, description="Of the script, in the workspace.")


class DummyForward(Tool[ScriptArguments]):
    """Runs `python PATH --dummy_forward`, confined, and judges the memory that its shapes need."""

    name: ClassVar[str] = "dummy_forward"
    description: ClassVar[str] = (
        "Run one forward, backward and optimizer step of a training script at its real shapes. "
        "A launch needs this passed for exactly this version of the script."
    )
    arguments = ScriptArguments
    effect: ClassVar[Effect] = "write"
    # A check leaves nothing behind, so it may run again.
    recovery: ClassVar[Recovery] = "pure"
    timeout_s: ClassVar[float] = CHECK_TIMEOUT_S + 30
    runs_code: ClassVar[bool] = True

    def exhibits(self, args: ScriptArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """The script that would run."""
        return (read_script(ctx.place, args.path).exhibit(),)

    def content_sha256(self, args: ScriptArguments, ctx: ToolContext) -> str:
        """Of the script."""
        return read_script(ctx.place, args.path).sha256

    def run(self, args: ScriptArguments, ctx: ToolContext) -> ToolOutcome:
        script = read_script(ctx.place, args.path)
        checked = check(ctx, script, self.name, threads=threads_for(None, ctx.place))
        if isinstance(checked, ToolOutcome):
            return checked
        report = checked.report
        memory = _memory(report, ctx)
        if memory is None:
            return fail(
                f"The dummy_forward line of {script.name} says too little to judge its memory: "
                "report parameters, per_device_train_batch_size, hidden_size, num_hidden_layers, "
                "num_attention_heads and sequence_length, or peak_memory_bytes.",
                traceback=None,
                exit_code=0,
            )
        document = {"report": plain(report), "memory": memory, "fits": memory["fits"]}
        fact = {"path": script.name, "sha256": script.sha256, **document}
        return succeed({**document, **checked.told()}, Fact(kind="dummy_forward", data=fact))


def _memory(report: Mapping[str, Any], ctx: ToolContext) -> dict[str, Any] | None:
    """The estimate from the reported shapes, or else what the step itself was seen to use."""
    available, gpu = available_bytes(ctx.place, ctx.facts)
    load = from_report(report)
    if load is not None:
        return judge(load, available, gpu=gpu)
    peak, batch = report.get("peak_memory_bytes"), report.get("per_device_train_batch_size")
    if not isinstance(peak, int) or not isinstance(batch, int):
        return None
    fits = peak <= available
    return {
        "total_bytes": peak,
        "available_bytes": available,
        "fits": fits,
        "largest_batch_size_that_fits": batch if fits else batch // 2,
    }
