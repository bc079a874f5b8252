"""The plan: what the model means to do, kept in front of it and of the person."""

from typing import ClassVar, Literal

from pydantic import Field

from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed


class PlanItem(Arguments):
    """One step."""

    step: str = Field(min_length=1, max_length=300)
    status: Literal["pending", "in_progress", "done"] = "pending"


class PlanArguments(Arguments):
    """The whole plan, every time: the newest one replaces what was there."""

    items: list[PlanItem] = Field(min_length=1, max_length=40)


class Plan(Tool[PlanArguments]):
    """Writes the plan down as a fact."""

    name: ClassVar[str] = "plan"
    description: ClassVar[str] = (
        "Write down or update the plan: all steps, in order, each with its status. "
        "Call it before the first step and whenever a step is done."
    )
    arguments = PlanArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: PlanArguments, ctx: ToolContext) -> ToolOutcome:
        items = [item.model_dump() for item in args.items]
        done = sum(item.status == "done" for item in args.items)
        return succeed(
            {"done": done, "open": len(items) - done}, Fact(kind="plan", data={"items": items})
        )
