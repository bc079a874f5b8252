"""The rules, in order: the first that has something to do decides the reply. Pure."""

from collections.abc import Callable

from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.plan import with_plan
from ml_intern.llm.autopilot.rules import (
    ask,
    data,
    deliver,
    improve,
    paper,
    preflight,
    repair,
    script,
    steer,
    training,
)
from ml_intern.llm.autopilot.step import Step
from ml_intern.llm.autopilot.words import given_up

Rule = Callable[[Case], Step | None]

RULES: tuple[Rule, ...] = (
    ask.refuse,
    ask.stop,
    paper.read,
    paper.extract,
    paper.refuse,
    ask.clarify,
    data.inspect,
    data.settle_columns,
    data.refuse_data,
    data.prepare,
    script.survey,
    paper.plan,
    script.estimate,
    script.write,
    steer.follow,
    training.watch,
    repair.repair,
    improve.improve,
    preflight.check_forward,
    preflight.check_smoke,
    training.launch,
    training.measure,
    deliver.score_test,
    deliver.write_card,
    deliver.write_bundle,
    deliver.publish,
    deliver.finish,
)


def decide(case: Case) -> Step:
    """What to say and to call next."""
    for rule in RULES:
        step = rule(case)
        if step is not None:
            return with_plan(case, step)
    return with_plan(
        case, Step(given_up(case, "I do not know how to go on from here."), failed=True)
    )
