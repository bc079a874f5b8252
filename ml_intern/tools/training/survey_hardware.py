"""Look at the machine: what training can use here, and what is missing."""

from typing import ClassVar

from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.protocol import NoArguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.training.environment import HOW_TO_INSTALL, probe
from ml_intern.tools.training.hardware import survey


class SurveyHardware(Tool[NoArguments]):
    """Asks the system and, for GPUs and packages, the environment that training runs in."""

    name: ClassVar[str] = "survey_hardware"
    description: ClassVar[str] = (
        "Survey processors, memory and its limits, GPUs, free disk, and the packages of the "
        "training environment."
    )
    arguments = NoArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: NoArguments, ctx: ToolContext) -> ToolOutcome:
        environment = probe(ctx)
        report = {
            **survey(ctx.place),
            "gpus": environment.gpus,
            "training_python": str(ctx.place.training_python),
            "python": environment.python,
            "packages": environment.packages,
        }
        if environment.missing:
            report |= {"missing": environment.missing, "how_to_install": HOW_TO_INSTALL}
        return succeed(report, Fact(kind="hardware", data={"report": report}))
