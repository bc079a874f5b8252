"""Questions to the person: one at a time, precise, and not for ever."""

from ml_intern.llm.autopilot.answers import objects, text
from ml_intern.llm.autopilot.case import Case, Topic
from ml_intern.llm.autopilot.reading.target import NOT_MEASURED
from ml_intern.llm.autopilot.step import Action, Step
from ml_intern.llm.autopilot.words import (
    BRING_AN_LLM,
    OPENINGS,
    cannot_do,
    given_up,
    history,
    listed,
    missing_tools,
)

ESSENTIAL = (
    "inspect_dataset",
    "prepare_dataset",
    "write_recipe",
    "dummy_forward",
    "smoke_test",
    "launch_training",
    "watch_job",
    "evaluate",
)
MOST_STEPS = 150
"""Replies without a word from a person; no honest session needs as many."""
MOST_UNCLEAR = 2
_QUESTION_CHARS = 3500
_OFTEN = 8
_TWICE = 2


def refuse(case: Case) -> Step | None:
    """What cannot be done here is said at once, in plain words."""
    if not case.heard:
        return Step(cannot_do(None), failed=True)
    objective = case.objective
    if objective.beyond is not None:
        return Step(cannot_do(objective.beyond), failed=True)
    if not objective.training and objective.source is None:
        return Step(cannot_do(None), failed=True)
    missing = [name for name in ESSENTIAL if name not in case.offered]
    return Step(missing_tools(missing), failed=True) if missing else None


def stop(case: Case) -> Step | None:
    """The person's stop, and our own when a session runs in circles."""
    if case.stopped:
        return Step(given_up(case, "Stopped, as you said."))
    if case.steps >= MOST_STEPS:
        reason = f"I stop: {case.steps} steps without a word from you, and no end in sight."
        return Step(given_up(case, reason), failed=True)
    return None


def clarify(case: Case) -> Step | None:
    """Ask for what is needed before anything can start."""
    if case.objective.source is None:
        return ask(
            case,
            "dataset",
            f"{_of_the_paper(case)}Give the path of a CSV, TSV, JSON or JSON Lines file or of a "
            "folder of images, or the name of a dataset that an installed package carries.",
        )
    if case.objective.doubt is not None:
        doubt = case.objective.doubt
        other = f" {BRING_AN_LLM}" if NOT_MEASURED in doubt else ""
        return ask(
            case,
            "target",
            f"{doubt} Give a percentage such as 90 %, or say that there is none.{other}",
        )
    if case.objective.unread:
        said = ", ".join(f"'{piece}'" for piece in case.objective.unread)
        return ask(
            case,
            "setting",
            f"I cannot follow {said} here. Say it in other words (for example `learning rate "
            "0.0005` or `10 % for validation`), or say `go on` to leave it out.",
        )
    return None


def _of_the_paper(case: Case) -> str:
    """Which data the paper trains on, if it says so."""
    names = [text(each, "name") for each in objects(case.recipe or {}, "data")]
    return f"The paper trains on {listed(names, 4)}. " if names else ""


def ask(case: Case, topic: Topic, detail: str) -> Step:
    """The question, or an honest end where nobody answers."""
    asked = case.questions.get(topic, 0)
    if case.unanswered is not None:
        reason = f"{detail}\nI asked and got no answer: {case.unanswered}"
        return Step(given_up(case, reason), failed=True)
    if not case.offers("ask_person"):
        return Step(given_up(case, f"{OPENINGS[topic]} {detail}"), failed=True)
    if asked >= (_OFTEN if topic == "handover" else _TWICE) or case.unclear >= MOST_UNCLEAR:
        reason = f"{detail}\nI have asked and cannot use the answers."
        return Step(given_up(case, reason), failed=True)
    question = f"{OPENINGS[topic]} {detail}"
    return Step("I need a word from you.", (Action("ask_person", {"question": _cut(question)}),))


def hand_over(case: Case, reason: str, ways: str = "") -> Step:
    """Give the matter to the person, with everything that is known."""
    tried = history(case)
    choices = ways or (
        "Name a setting (for example `learning rate 0.0005` or `40 epochs`), or say `again` or "
        "`stop`."
    )
    return ask(
        case, "handover", "\n".join(filter(None, [reason, tried and f"So far:\n{tried}", choices]))
    )


def _cut(question: str) -> str:
    if len(question) <= _QUESTION_CHARS:
        return question
    return f"{question[:2200]}\n…\n{question[-1200:]}"
