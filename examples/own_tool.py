"""Give ml-intern a task and a tool of your own, and read what came of it."""

from ml_intern import MLIntern, tool


@tool(effect="read")
def gpu_hours_left(team: str) -> float:
    """Look up how many GPU hours a team may still use this month.

    Args:
        team: Its short name, e.g. `vision`.
    """
    return {"vision": 12.5, "speech": 3.0}.get(team, 0.0)


result = MLIntern(tools=[gpu_hours_left], yes=True).run(
    "Train a small image classifier from scratch on the handwritten digits dataset for 10 epochs."
)
print(result.status, result.metrics.get("test"), result.artefacts.get("weights"))
