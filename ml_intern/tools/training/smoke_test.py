"""A few real training steps and an evaluation on a few rows, before hours are spent."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.tools.protocol import Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.tools.training.dummy_forward import ScriptArguments
from ml_intern.tools.training.metrics import measured, number, plain
from ml_intern.tools.training.script import CHECK_TIMEOUT_S, check, read_script, threads_for

DIVERGED_TIMES = 100.0
"""A loss that grows so much in a few steps does not come down again by itself."""


class SmokeTest(Tool[ScriptArguments]):
    """Runs `python PATH --smoke`, confined."""

    name: ClassVar[str] = "smoke_test"
    description: ClassVar[str] = (
        "Run a few training steps and one evaluation of a training script on a few rows. "
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
        checked = check(ctx, script, "smoke", threads=threads_for(None, ctx.place))
        if isinstance(checked, ToolOutcome):
            return checked
        report = checked.report
        if not _is_sound(report):
            return fail(
                f"The smoke test of {script.name} ended, but a loss in it is not a finite number "
                "above zero: the learning rate, the precision or the data is wrong.",
                report=plain(report),
                traceback=None,
                exit_code=0,
            )
        if (course := _divergence(report)) is not None:
            return fail(
                f"The training of {script.name} has diverged within its first steps: loss "
                f"{course}. The learning rate is too high.",
                report=plain(report),
                traceback=None,
                exit_code=0,
            )
        fact = {"path": script.name, "sha256": script.sha256, "report": plain(report)}
        told = {"report": plain(report), **checked.told()}
        return succeed(told, Fact(kind="smoke", data=fact))


def _listed(report: Mapping[str, Any]) -> list[float | None]:
    several = report.get("losses")
    return [number(loss) for loss in several] if isinstance(several, list) else []


def _divergence(report: Mapping[str, Any]) -> str | None:
    """The losses of a run whose last is out of all proportion to its first; None for others."""
    losses = [loss for loss in _listed(report) if loss]
    if len(losses) < 2 or losses[-1] < DIVERGED_TIMES * losses[0]:
        return None
    return f"{losses[0]:.4g} → {losses[-1]:.4g}"


def _is_sound(report: Mapping[str, Any]) -> bool:
    """Whether every training loss is finite and above zero, and the evaluation's finite."""
    single = [measured(report, name) for name in ("loss", "train_loss") if name in report]
    losses = [math.nan if loss is None else loss for loss in (*single, *_listed(report))]
    held = measured(report, "eval_loss")
    return all(math.isfinite(loss) and loss != 0.0 for loss in losses) and (
        held is None or math.isfinite(held)
    )
