"""Follow what the person said on the way."""

from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.rules.editing import bring_about
from ml_intern.llm.autopilot.step import Step


def follow(case: Case) -> Step | None:
    """Bring settings into the script that were given after it was written."""
    if not case.steered or case.script is None or case.script.outdated:
        return None
    wanted = dict(case.steered)
    words = ", ".join(f"{name} {value}" for name, value in wanted.items())
    return bring_about(case, wanted, f"As you said: {words}.")
