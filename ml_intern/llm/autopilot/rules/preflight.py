"""The two checks that every version of the script has to pass before it is launched."""

from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.rules.ask import hand_over
from ml_intern.llm.autopilot.step import Action, Step


def check_forward(case: Case) -> Step | None:
    """One step at full size."""
    script = case.script
    if script is None or script.forward_revision == script.revision:
        return None
    return _check(case, "dummy_forward", "Does one step at full size run and fit?")


def check_smoke(case: Case) -> Step | None:
    """A few steps and an evaluation."""
    script = case.script
    if script is None or script.smoke_revision == script.revision:
        return None
    return _check(case, "smoke_test", "Do a few steps and an evaluation work?")


def _check(case: Case, tool: str, why: str) -> Step:
    assert case.script is not None, "there is a script to check"
    if case.failed(tool) >= 2:
        return hand_over(case, f"{tool} fails again and again: {case.error_of(tool)}")
    return Step(why, (Action(tool, {"path": case.script.path}),))
