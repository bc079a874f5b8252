"""What the person asked for is changed only after their yes."""

from typing import Any

from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.step import Action, Step


def is_theirs(case: Case, name: str) -> bool:
    """Whether the person gave this setting."""
    return name in case.objective.asked


def consent(case: Case, name: str, becomes: Any) -> bool | None:
    """Their answer to this very change; None while they were not asked."""
    return case.consents.get((name, as_text(becomes)))


def propose(case: Case, name: str, becomes: Any, why: str) -> Step | None:
    """Ask for the yes; None where there is no way to ask."""
    if not case.offers("propose_change"):
        return None
    arguments = {
        "what": name,
        "was": as_text(case.objective.asked.get(name)),
        "becomes": as_text(becomes),
        "why": why,
    }
    return Step(
        f"You asked for {name} {arguments['was']}; I would like to change it.",
        (Action("propose_change", arguments),),
    )


def as_text(value: Any) -> str:
    """A value as it stands in a proposal: the same value gives the same text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
