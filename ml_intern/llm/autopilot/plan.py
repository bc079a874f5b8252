"""The plan that the person sees: a few items, each closed by what has happened, never by intent."""

from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.step import Action, Step

Items = tuple[tuple[str, str], ...]


def items(case: Case) -> Items:
    """Every step with its status; the first open one is in progress."""
    return _with_status(list(zip(_steps(case), _done(case), strict=True)))


def _steps(case: Case) -> list[str]:
    objective = case.objective
    goal = f"; reach {objective.target.words()}" if objective.target is not None else ""
    steps = [
        f"Inspect {objective.source} and split it into train, validation and test",
        "Size the model for this machine and write the training script",
        "Check the script: dummy forward pass and smoke test",
        "Train, watch the run, repair what breaks",
        f"Measure on validation{goal}",
        "Score test once; write the model card and the reproduce bundle",
    ]
    if objective.paper is not None:
        steps.insert(0, f"Read {objective.paper} and take its recipe")
        steps[2] = f"Plan its experiment for this data and machine; {_lower(steps[2])}"
        steps[6] = f"{steps[6]}, with what the paper says beside it"
    return steps if objective.publish is False else [*steps, "Ask to publish"]


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _done(case: Case) -> list[bool]:
    run = case.chosen()
    scored = run is not None and (run.test is not None or case.test_refused is not None)
    written = scored and run is not None and _is_over(case, "write_reproduce_bundle", run.bundle)
    done = [
        case.prepared is not None,
        case.script is not None,
        bool(case.runs),
        any(found.trained for found in case.runs),
        run is not None,
        written,
    ]
    if case.objective.paper is not None:
        done.insert(0, case.recipe is not None)
    ended = (
        case.published is not None or case.not_published is not None or not case.offers("publish")
    )
    return done if case.objective.publish is False else [*done, written and ended]


def _is_over(case: Case, tool: str, made: object) -> bool:
    return made is not None or not case.offers(tool) or case.failed(tool) >= 2


def _with_status(found: list[tuple[str, bool]]) -> Items:
    first_open = next((index for index, (_, done) in enumerate(found) if not done), None)
    return tuple(
        (step, "done" if done else "in_progress" if index == first_open else "pending")
        for index, (step, done) in enumerate(found)
    )


def with_plan(case: Case, step: Step) -> Step:
    """`step`, together with the plan where an item was closed or the plan is new.

    Last words wait until the plan has no open item; those that will not be done are taken out.
    """
    if not case.offers("plan") or case.failed("plan") >= 2 or case.objective.source is None:
        return step
    if not step.actions:
        return _closed(case, step)
    now = items(case)
    if _essence(now) == _essence(case.plan):
        return step
    return Step(step.text, (_write(now), *step.actions))


def _closed(case: Case, step: Step) -> Step:
    if all(status == "done" for _, status in case.plan):
        return step
    now = items(case)
    done = tuple(item for item in now if item[1] == "done")
    if len(done) < len(now):
        done = (*done, ("Say honestly why the rest was not done", "done"))
    return Step("I close the plan.", (_write(done),))


def _essence(found: Items) -> Items:
    return tuple((step, status) for step, status in found if status == "done") + tuple(
        (step, "") for step, _ in found
    )


def _write(found: Items) -> Action:
    return Action(
        "plan", {"items": [{"step": step[:300], "status": status} for step, status in found]}
    )
