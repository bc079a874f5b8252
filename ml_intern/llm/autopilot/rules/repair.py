"""Answer a failure of a check or a run with the smallest change that its traceback supports.

The effective batch, the method and whatever the person asked for stay; a change of theirs needs
a yes.
"""

import re
from collections.abc import Callable

from ml_intern.llm.autopilot.answers import number
from ml_intern.llm.autopilot.case import Case, Trouble
from ml_intern.llm.autopilot.diagnosis import Cause
from ml_intern.llm.autopilot.rules.ask import ask, hand_over
from ml_intern.llm.autopilot.rules.consent import consent, is_theirs, propose
from ml_intern.llm.autopilot.rules.data import class_count
from ml_intern.llm.autopilot.rules.editing import bring_about
from ml_intern.llm.autopilot.rules.memory import RAISE_THE_LIMIT, about_the_limit, mend_memory
from ml_intern.llm.autopilot.rules.mending import Repair
from ml_intern.llm.autopilot.rules.script import base_rate, patch_for
from ml_intern.llm.autopilot.step import Step

_NEAREST = re.compile(r"nearest:\s*([\w-]+)")
_READS = re.compile(r"the model reads (\d{1,7})")
_COLUMN_ARGUMENT = re.compile(r"--(\w+_column_name)\b")
_FAR_OFF = 1_000
"""Times the usual learning rate: nothing near such a rate can work."""
_STAGES = {
    "dummy_forward": "The dummy forward pass",
    "smoke_test": "The smoke test",
    "training": "Training",
}


Mender = Callable[[Case, Trouble], Repair | None]


def repair(case: Case) -> Step | None:
    """The next step out of the trouble that the session is in; None when there is none."""
    trouble = case.trouble
    if trouble is None or case.script is None or _may_try_again(case, trouble):
        return None
    if trouble.cause == "model":
        return _ask_model(case, trouble)
    mender = _MENDERS.get(trouble.cause)
    found = mender(case, trouble) if mender is not None else None
    if found is None:
        return _give_up(case, trouble)
    step = bring_about(case, {**trouble.values, **found.values}, found.why)
    if step is None:
        return None
    if not case.changing and case.repairs >= case.allowed_changes:
        return _give_up(case, trouble, _spent(case))
    return _with_consent(case, trouble, found, step)


def _give_up(case: Case, trouble: Trouble, reason: str = "") -> Step:
    is_memory = trouble.cause == "memory"
    limit = about_the_limit(case, trouble) if is_memory else ""
    said = "\n".join(filter(None, [_failed(trouble), reason, limit]))
    return hand_over(case, said, RAISE_THE_LIMIT if is_memory else "")


def _may_try_again(case: Case, trouble: Trouble) -> bool:
    """A check that ran out of time, and a job that got lost, may simply run once more."""
    if trouble.stage != "training":
        return trouble.cause == "time" and case.failed(trouble.stage) < 2
    return trouble.cause == "lost" and case.repairs < case.allowed_changes


def _with_consent(case: Case, trouble: Trouble, found: Repair, step: Step) -> Step:
    name = found.touches
    if name is None or not is_theirs(case, name):
        return step
    becomes = found.values[name]
    agreed = consent(case, name, becomes)
    if agreed:
        return step
    if agreed is None:
        asked = propose(case, name, becomes, found.why)
        if asked is not None:
            return asked
    reason = (
        f"{_failed(trouble)}\nMy repair would be {name} {becomes}, but you asked for "
        f"{case.objective.asked.get(name)} and did not agree to change it."
    )
    return hand_over(case, reason)


def _failed(trouble: Trouble) -> str:
    said = (
        trouble.said
        if len(trouble.said) <= 900
        else f"{trouble.said[:500]}\n…\n{trouble.said[-380:]}"
    )
    return f"{_STAGES.get(trouble.stage, trouble.stage)} failed: {said}"


def _spent(case: Case) -> str:
    return f"I have made {case.repairs} changes without success and stop here."


def _ask_model(case: Case, trouble: Trouble) -> Step:
    return ask(
        case,
        "model",
        f"{case.objective.model} cannot be loaded: {trouble.said[:500]} Give the path of a folder "
        f"on "
        "this machine, or say `from scratch`.",
    )


def _mend_labels(case: Case, trouble: Trouble) -> Repair | None:
    announced = int(number(trouble.values, "num_labels") or 0)
    true = class_count(case)
    if not true or announced == true:
        return None
    return Repair(
        {"num_labels": true},
        f"The script was told {announced} classes, but the data holds {true}: "
        f"{_first(trouble.said)}. "
        f"I set num_labels to {true}.",
        touches="num_labels",
    )


def _mend_nan(case: Case, trouble: Trouble) -> Repair | None:
    """A tenth; after a second failure, or from far off, the rate that the recipe is known to work
    with.
    """
    rate = number(trouble.values, "learning_rate")
    if rate is None or rate <= 0:
        return None
    lower = _short(rate / 10)
    usual = base_rate(case)
    lowered = any("learning_rate " in change for change in case.changes[: trouble.changes])
    if lower > _FAR_OFF * usual or (lowered and lower > usual):
        lower = usual
    return Repair(
        {"learning_rate": lower},
        f"With a learning rate of {rate:g} the loss is no number any more "
        f"({_first(trouble.said)}). "
        f"I lower it to {lower:g}.",
        touches="learning_rate",
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _mend_patch(case: Case, trouble: Trouble) -> Repair | None:
    size = int(number(trouble.values, "image_size") or 0)
    if not size:
        return None
    patch = patch_for(size)
    if patch < size:
        why = f"{size} pixels cannot be cut into the patches asked for; {patch} divides them."
        return Repair({"patch_size": patch}, why, touches="patch_size")
    rounded = -(-size // 4) * 4
    return Repair(
        {"image_size": rounded, "patch_size": patch_for(rounded)},
        f"{size} pixels cannot be cut into patches; I scale the images to {rounded}.",
        touches="image_size",
    )


def _mend_heads(case: Case, trouble: Trouble) -> Repair | None:
    hidden = int(number(trouble.values, "hidden_size") or 0)
    heads = int(number(trouble.values, "num_attention_heads") or 0)
    if hidden < 1 or heads < 1:
        return None
    if is_theirs(case, "num_attention_heads") and not is_theirs(case, "hidden_size"):
        wider = -(-hidden // heads) * heads
        return Repair(
            {"hidden_size": wider}, f"{hidden} is not divisible by {heads} heads; I take {wider}."
        )
    fitting = next(count for count in range(heads, 0, -1) if hidden % count == 0)
    why = f"{hidden} is not divisible by {heads} heads; {fitting} divide it."
    return Repair({"num_attention_heads": fitting}, why, touches="num_attention_heads")


def _mend_column(case: Case, trouble: Trouble) -> Repair | None:
    argument, nearest = _COLUMN_ARGUMENT.search(trouble.said), _NEAREST.search(trouble.said)
    if argument is None or nearest is None:
        return None
    why = f"{_first(trouble.said)}. I take the nearest column, {nearest[1]}."
    return Repair({argument[1]: nearest[1]}, why)


def _mend_length(case: Case, trouble: Trouble) -> Repair | None:
    found = _READS.search(trouble.said)
    if found is None or not 0 < int(found[1]) < (number(trouble.values, "max_length") or 0):
        return None
    why = f"The model reads at most {found[1]} tokens."
    return Repair({"max_length": int(found[1])}, why, touches="max_length")


def _mend_time(case: Case, trouble: Trouble) -> Repair | None:
    """As many epochs as the run got through in its time, less a tenth."""
    run = case.last_run
    if trouble.stage != "training" or run is None or run.ended is None:
        return None
    last = run.ended.get("last")
    reached = number(last, "epoch") if isinstance(last, dict) else None
    planned = number(trouble.values, "num_train_epochs")
    if reached is None or planned is None or reached < 1.2:
        return None
    fewer = max(1, int(min(reached, planned) * 0.9))
    return Repair(
        {"num_train_epochs": fewer},
        f"The time was over after {reached:.1f} of {planned:g} epochs; {fewer} fit into it.",
        touches="num_train_epochs",
    )


def _first(said: str) -> str:
    """The first line, which is the exception itself."""
    return said.strip().split("\n", 1)[0][:200].rstrip(".")


_MENDERS: dict[Cause, Mender] = {
    "memory": mend_memory,
    "labels": _mend_labels,
    "nan": _mend_nan,
    "patch": _mend_patch,
    "heads": _mend_heads,
    "column": _mend_column,
    "length": _mend_length,
    "time": _mend_time,
}
