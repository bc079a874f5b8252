"""The model is decided: score test once, write the card and the bundle, publish, sum up."""

import re

from ml_intern.llm.autopilot.answers import text
from ml_intern.llm.autopilot.case import Case, Run
from ml_intern.llm.autopilot.step import Action, Step
from ml_intern.llm.autopilot.words import card_limitations, card_summary, last_words, source_name

_FINAL = re.compile(r"\balready\b|\bonce\b", re.IGNORECASE)


def score_test(case: Case) -> Step | None:
    """The one look at test, for the chosen weights."""
    run = case.chosen()
    if run is None or run.test is not None or _test_is_over(case):
        return None
    return Step(
        "The weights are chosen; test is scored now, and only once.",
        (Action("evaluate", {"model_dir": run.output_dir, "split": "test"}),),
    )


def _test_is_over(case: Case) -> bool:
    if case.test_refused is None:
        return False
    return case.failed("evaluate") >= 2 or _FINAL.search(case.test_refused) is not None


def write_card(case: Case) -> Step | None:
    """The model card, with both splits and what went wrong on the way."""
    run = case.chosen()
    if run is None or run.card is not None or not case.objective.card:
        return None
    if not case.offers("write_model_card") or case.failed("write_model_card") >= 2:
        return None
    arguments = {
        "model_dir": run.output_dir,
        "model_name": repo_name(case),
        "summary": card_summary(case, run),
        "limitations": card_limitations(case),
    }
    return Step("I write the model card.", (Action("write_model_card", arguments),))


def write_bundle(case: Case) -> Step | None:
    """Everything that it takes to train this model again."""
    run = case.chosen()
    if run is None or run.bundle is not None:
        return None
    if not case.offers("write_reproduce_bundle") or case.failed("write_reproduce_bundle") >= 2:
        return None
    return Step(
        "I write what it takes to reproduce this run.",
        (Action("write_reproduce_bundle", {"model_dir": run.output_dir}),),
    )


def publish(case: Case) -> Step | None:
    """Ask to publish, unless the person has said no. A name that is taken is made a new one."""
    run = case.chosen()
    if run is None or not case.offers("publish") or case.objective.publish is False:
        return None
    if case.not_published is not None or run.card is None or _is_published(case, run):
        return None
    if case.withholds(run):
        return None
    name = repo_name(case)
    if name in case.names_taken:
        name = f"{name}-{text(run.validation or {}, 'weights_sha256')[:8] or 'new'}"
    private = case.objective.private is not False
    arguments = {"model_dir": run.output_dir, "repo_name": name, "private": private}
    return Step(
        "All that is left is publishing; that needs your yes.", (Action("publish", arguments),)
    )


def _is_published(case: Case, run: Run) -> bool:
    return case.published is not None and case.published.get("model_dir") == run.output_dir


def finish(case: Case) -> Step | None:
    """The summary."""
    run = case.chosen()
    return Step(last_words(case, run)) if run is not None else None


def repo_name(case: Case) -> str:
    """As the person said, without an owner and without signs that no repository may have."""
    wanted = (case.objective.repo_name or "").rstrip("/").rsplit("/", 1)[-1]
    allowed = re.sub(r"-{2,}", "-", re.sub(r"[^\w.-]+", "-", wanted, flags=re.ASCII)).strip("-.")
    return allowed[:80] or _name_after_data(case)


def _name_after_data(case: Case) -> str:
    kind = "image" if case.family == "image-classification" else "text"
    stem = re.sub(r"\.\w{1,6}$", "", source_name(case))
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:60].strip("-")
    return f"{slug or 'my'}-{kind}-classifier"
