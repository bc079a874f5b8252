"""What a session that waits is waiting for, in two words, wherever sessions are listed. Pure.

`waiting_on`: as in `TurnFinished`.
"""

from collections.abc import Iterable
from datetime import datetime

from ml_intern.clock import parse_stamp

NEEDS_YOU, CAP_REACHED, TRAINING, NO_MODEL = "needs you", "cap reached", "training", "no model"
BY_THEMSELVES = frozenset({TRAINING, NO_MODEL})
"""Waits that nobody has to end."""
_PERSON = frozenset({"approval", "answer", "unknown"})


def waits_for(waiting_on: Iterable[str]) -> str:
    """The most urgent of it."""
    kinds = {on.partition(":")[0] for on in waiting_on}
    if kinds & _PERSON:
        return NEEDS_YOU
    if "budget" in kinds:
        return CAP_REACHED
    if "job" in kinds:
        return TRAINING
    return NO_MODEL if "model" in kinds else "waiting"


def goes_on_by_itself(waiting_on: Iterable[str]) -> bool:
    """Whether a job ends, or a model is asked again, whatever people do."""
    return any(on.startswith(("job:", "model:")) for on in waiting_on)


def models_at(waiting_on: Iterable[str]) -> datetime | None:
    """When a model is asked again; None where it waits for none."""
    found = [parse_stamp(on.removeprefix("model:")) for on in waiting_on if on.startswith("model:")]
    return min(found, default=None)
