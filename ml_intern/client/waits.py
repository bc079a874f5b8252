"""What a session that waits is waiting for, in two words, wherever sessions are listed. Pure."""

from collections.abc import Iterable

NEEDS_YOU, CAP_REACHED, TRAINING = "needs you", "cap reached", "training"
_PERSON = frozenset({"approval", "answer", "unknown"})


def waits_for(waiting_on: Iterable[str]) -> str:
    """The most urgent of it; `waiting_on`: as in `TurnFinished`."""
    kinds = {on.partition(":")[0] for on in waiting_on}
    if kinds & _PERSON:
        return NEEDS_YOU
    if "budget" in kinds:
        return CAP_REACHED
    return TRAINING if "job" in kinds else "waiting"
