"""What a session waits for, by the marks that its trace bears: `waitingOn` of `mlIntern`."""

from collections.abc import Sequence

from ml_intern.transcript.line import JsonObject

WAITING_ON = "waitingOn"
"""Key of our extra on the line that says so: `approval:…`, `job:…` and the like."""
_AWAITED = {
    "approval": "a person's yes",
    "answer": "a person's answer",
    "job": "a job",
    "unknown": "a person's word on a lost call",
    "budget": "more room in its budget",
    "model": "a model that answers",
}


def waiting_on(extra: JsonObject) -> tuple[str, ...]:
    """What the turn waits for from this line on; nothing for a line that does not say so."""
    value = extra.get(WAITING_ON)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def decided(extra: JsonObject) -> str:
    """`approval:ID` on the line that tells the yes or no to it; empty for another line."""
    approval = extra.get("approval")
    if not isinstance(approval, dict) or "verdict" not in approval:
        return ""
    return f"approval:{approval.get('id')}"


def awaited(on: Sequence[str]) -> str:
    """In words: `a person's yes`, `a job and a person's answer`."""
    kinds = dict.fromkeys(one.partition(":")[0] for one in on)
    words = dict.fromkeys(_AWAITED.get(kind, "something else") for kind in kinds)
    return " and ".join(words)


def in_words(notice: str, on: Sequence[str]) -> str:
    """The notice of a wait for this, without ids, which say nothing to people."""
    return notice.replace(", ".join(on), awaited(on)) if on else notice


def is_for_person(on: Sequence[str]) -> bool:
    """Whether it goes on when a person says something, and not before."""
    return any(not one.startswith(("job:", "model:")) for one in on)


def is_for_model(on: Sequence[str]) -> bool:
    """Whether nothing but models that do not answer is in the way."""
    return bool(on) and all(one.startswith("model:") for one in on)
