"""The target is missed: change one justified thing, starting from the best run so far.

What is justified follows from the course of the run: it was still improving, it learned the
training rows by heart, it did not even learn those, or it learned nothing.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ml_intern.llm.autopilot.answers import mapping, number, objects
from ml_intern.llm.autopilot.case import Case, Run
from ml_intern.llm.autopilot.objective import METRIC_WORDS, percent
from ml_intern.llm.autopilot.rules.ask import hand_over
from ml_intern.llm.autopilot.rules.consent import consent, is_theirs, propose
from ml_intern.llm.autopilot.rules.editing import bring_about
from ml_intern.llm.autopilot.rules.script import base_rate
from ml_intern.llm.autopilot.step import Step
from ml_intern.llm.autopilot.words import baseline, score_words

Finding = Literal["nothing learned", "still improving", "overfitted", "underfitted"]
_WHY_LONGER: Mapping[str, str] = {"still improving": "It was still improving at the end"}
_MOST_EPOCHS = 400
_MOST_WIDTH = 512
_FEW_STEPS = 300
"""Optimizer steps below which more of them are the first thing to try."""
_CLEAR_GAP = 0.06
"""Accuracy on training rows minus accuracy on validation that counts as learned by heart."""


@dataclass(frozen=True)
class Idea:
    """One thing to change, and why."""

    values: Mapping[str, Any]
    why: str


def improve(case: Case) -> Step | None:
    """The next step towards the target; None when it is reached, given up or already under way."""
    base, run, script = case.best_as_asked(), case.last_run, case.script
    if script is None or base is None or run is None or case.chosen() is not None:
        return None
    if case.trouble is not None or not run.trained or run.validation is None:
        return None
    decided = script.revision != run.revision
    if not decided and case.repairs >= case.allowed_changes:
        return _hand_over(case, base, f"I have made {len(case.changes)} changes and stop here.")
    for idea in _ideas(case, base):
        why = _why(case, base, idea)
        step = bring_about(case, {**base.values, **idea.values}, why)
        if step is None:
            return None
        allowed = _allow(case, idea, step, why)
        if allowed is not None:
            return allowed
    return _hand_over(case, base, "I know of nothing else to change.")


def _allow(case: Case, idea: Idea, step: Step, why: str) -> Step | None:
    """`step`, or the proposal that must come before it; None when the person has said no."""
    theirs = next((name for name in idea.values if is_theirs(case, name)), None)
    if theirs is None:
        return step
    agreed = consent(case, theirs, idea.values[theirs])
    if agreed is None:
        return propose(case, theirs, idea.values[theirs], why)
    return step if agreed else None


def _hand_over(case: Case, base: Run, reason: str) -> Step:
    target = case.objective.target
    goal = f"; asked was {target.words()}" if target is not None else ""
    guessing = f" {baseline(case, base)}" if case.learned_nothing(base) else ""
    return hand_over(
        case,
        f"The best model, {base.output_dir}, has {METRIC_WORDS[case.metric]} "
        f"{score_words(base, case.metric)} on validation{goal}.{guessing} {reason}",
        "Say `accept` to take the best model as it is, name a setting to try (for example `60 "
        "epochs` "
        "or `learning rate 0.0005`), say `continue` for another round, or `stop`.",
    )


def _why(case: Case, base: Run, idea: Idea) -> str:
    return (
        f"The target is missed: best {METRIC_WORDS[case.metric]} "
        f"{score_words(base, case.metric)}. {idea.why}"
    )


def _ideas(case: Case, base: Run) -> Iterator[Idea]:
    """What has not been tried yet, the most justified first."""
    tried = [run.values for run in case.runs]
    for idea in _ranked(case, base, find(case, base)):
        wanted = {**base.values, **idea.values}
        is_new = not any(_same(wanted, values) for values in tried)
        if is_new and idea.values.keys() <= base.values.keys():
            yield idea


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(other.get(name) == value for name, value in one.items())


def find(case: Case, run: Run) -> Finding:
    """What the course of the run says."""
    accuracy = run.measured("accuracy") or 0.0
    chance = case.prepared.largest_share() if case.prepared is not None else None
    fitted = _fitted(run)
    if chance is not None and max(accuracy, (fitted or 0.0) - 0.1) <= chance + 0.1 * (1 - chance):
        return "nothing learned"
    if _still_improving(run):
        return "still improving"
    if fitted is not None and fitted - accuracy > _CLEAR_GAP:
        return "overfitted"
    return "overfitted" if fitted is None and _loss_turned(run) else "underfitted"


def _fitted(run: Run) -> float | None:
    """Accuracy on training rows at the end, measured or guessed from the loss."""
    last = mapping(run.ended or {}, "last")
    measured = number(last, "train_accuracy")
    if measured is not None:
        return measured
    losses = [found for e in _course(run) if (found := number(e, "train_loss")) is not None]
    return math.exp(-losses[-1]) if losses and losses[-1] >= 0 else None


def _course(run: Run) -> list[dict[str, Any]]:
    return objects(run.ended or {}, "evaluations")


def _still_improving(run: Run) -> bool:
    """Whether the last fifth of the evaluations brought the best loss or clearly more accuracy."""
    losses = [found for e in _course(run) if (found := number(e, "eval_loss")) is not None]
    scores = [found for e in _course(run) if (found := number(e, "eval_accuracy")) is not None]
    cut = max(1, round(0.8 * len(losses)))
    if len(losses) < 3 or not losses[cut:]:
        return len(losses) in (1, 2)
    if min(losses[cut:]) < 0.98 * min(losses[:cut]):
        return True
    return len(scores) == len(losses) and max(scores[cut:]) > max(scores[:cut]) + 0.01


def _loss_turned(run: Run) -> bool:
    losses = [found for e in _course(run) if (found := number(e, "eval_loss")) is not None]
    return len(losses) >= 5 and losses[-1] > 1.1 * min(losses)


def _ranked(case: Case, base: Run, finding: Finding) -> Iterator[Idea]:
    longer, rate, width, depth, regular = (
        list(_longer(base, finding)),
        list(_rate(case, base, finding)),
        list(_width(base)),
        list(_depth(base)),
        list(_regularise(case, base)),
    )
    if finding != "overfitted" and _steps(base) < _FEW_STEPS:
        yield from longer
    orders = {
        "nothing learned": (rate, longer, width, depth, regular),
        "still improving": (longer, rate, width, regular, depth),
        "overfitted": (regular, longer, rate, width),
        "underfitted": (rate, width, longer, depth, regular),
    }
    for ideas in orders[finding]:
        yield from ideas


def _longer(base: Run, finding: Finding) -> Iterator[Idea]:
    epochs = number(base.values, "num_train_epochs")
    if epochs is None or epochs >= _MOST_EPOCHS:
        return
    factor = min(4.0, max(2.0, _FEW_STEPS / _steps(base)))
    more = min(_MOST_EPOCHS, max(round(factor * epochs), 1))
    why = _WHY_LONGER.get(finding, "It may need more time")
    if _steps(base) < _FEW_STEPS:
        why = f"It took only {_steps(base):g} optimizer steps"
    yield Idea({"num_train_epochs": more}, f"{why}: {more} epochs instead of {epochs:g}.")


def _steps(base: Run) -> float:
    """Optimizer steps of the run; many where nobody says."""
    return max(1.0, number(mapping(base.ended or {}, "done"), "global_step") or math.inf)


def _rate(case: Case, base: Run, finding: Finding) -> Iterator[Idea]:
    rate = number(base.values, "learning_rate")
    usual = base_rate(case)
    if rate is None or rate <= 0:
        return
    if rate > 2 * usual:
        why = (
            f"A learning rate of {rate:g} is far above {usual:g}, with which the recipe is "
            f"known to work."
        )
        yield Idea({"learning_rate": usual}, why)
        return
    factors = (0.5, 2.0) if finding == "overfitted" else (2.0, 0.5)
    if rate < usual / 2:
        factors = (usual / rate, 3.0)
    for factor in factors:
        other = float(f"{rate * factor:.6g}")
        moved = "higher" if factor > 1 else "lower"
        yield Idea({"learning_rate": other}, f"A {moved} learning rate may fit better: {other:g}.")


def _width(base: Run) -> Iterator[Idea]:
    hidden, inner = number(base.values, "hidden_size"), number(base.values, "intermediate_size")
    if base.values.get("model_name_or_path") or hidden is None or 2 * hidden > _MOST_WIDTH:
        return
    values = {"hidden_size": int(2 * hidden)}
    if inner is not None:
        values["intermediate_size"] = int(2 * inner)
    yield Idea(values, f"The model is too small for this: a width of {int(2 * hidden)}.")


def _depth(base: Run) -> Iterator[Idea]:
    layers = number(base.values, "num_hidden_layers")
    if base.values.get("model_name_or_path") or layers is None or layers >= 8:
        return
    yield Idea({"num_hidden_layers": int(layers) + 2}, f"Two layers more: {int(layers) + 2}.")


def _regularise(case: Case, base: Run) -> Iterator[Idea]:
    fitted, accuracy = _fitted(base), base.measured("accuracy")
    seen = (
        f"It knows {percent(fitted)} of the training rows and {percent(accuracy)} of validation"
        if fitted is not None and accuracy is not None
        else "Validation stands still while the training loss falls"
    )
    for name, steps, what in (
        ("augment", (0.3, 0.6), "stronger augmentation"),
        ("hidden_dropout_prob", (0.1, 0.2, 0.3), "more dropout"),
        ("label_smoothing_factor", (0.1,), "label smoothing"),
        ("weight_decay", (0.1, 0.2), "more weight decay"),
    ):
        value = number(base.values, name)
        stronger = next((step for step in steps if value is not None and step > value), None)
        if stronger is not None:
            yield Idea({name: stronger}, f"{seen}: {what}, {stronger:g}.")
