"""What people are told of a session's models: which one answers, what went wrong, what it took.

Pure.
"""

import re
from collections.abc import Mapping

from ml_intern.effort import Effort
from ml_intern.errors import Trouble
from ml_intern.events import Compacted, ModelFailed, ModelSwitched
from ml_intern.messages import Usage
from ml_intern.wording import sentence, shortened

CLAUSE_CHARS = 120
_FOR_PEOPLE: Mapping[Trouble, str] = {
    "authentication": "no key, or one that is not accepted",
    "billing": "nothing left in the account",
    "model": "no such model at this address",
    "content": "it does not answer what was said",
}
"""Troubles that do not pass by themselves."""
_DO_NOT_THINK = re.compile(r"(autopilot|by-hand)$|replay/")
"""They are no language models, so no effort is theirs."""
_BEGINS_WITH_MODEL = re.compile(r"\S+(:| at \S+://)|\S+/\S+ ")
_NEXT_SENTENCE = re.compile(r"(?<=\w.)[.!?] +(?=[A-Z`])|[.!?]$")


def remedy(failed: ModelFailed, *, with_wait: bool = True) -> str:
    """What is done about it, as a sentence; empty: nothing is.

    `with_wait`: also how long after the failure that is.
    """
    wait_s = failed.retry_in_s
    words = failed.remedy.strip() or ("" if wait_s is None else "asked again")
    if words.startswith(("asked", "the ")):  # else it begins with the name of a model
        words = words[0].upper() + words[1:]
    if words and wait_s and with_wait:
        words += f" in {_wait(wait_s)}"
    return sentence(words) if words else ""


def failure(failed: ModelFailed) -> str:
    """Which model, why, and what is done about it."""
    named = "" if failed.error.startswith(failed.model) else f"{failed.model}: "
    return f"{named}{sentence(failed.error)} {remedy(failed)}".rstrip()


def switch(switched: ModelSwitched) -> str:
    """Who answers now, and why."""
    why = f": {clause(switched.reason)}" if switched.reason.strip() else ""
    return sentence(f"{switched.model} answers instead of {switched.instead_of}{why}")


def for_people(troubles: Mapping[str, Trouble]) -> str:
    """What a person has to mend, of models by name: `gpt-y: no usable key`; empty: nothing."""
    found = {name: _FOR_PEOPLE[kind] for name, kind in troubles.items() if kind in _FOR_PEOPLE}
    return ", ".join(f"{name}: {words}" for name, words in found.items())


def clause(text: str) -> str:
    """What a sentence about a failure begins with, in one line: without what follows from it, and
    without advice.
    """
    first = _NEXT_SENTENCE.split(text.strip(), maxsplit=1)[0]
    return shortened(first.partition(", so ")[0], CLAUSE_CHARS)


def apart(told: str) -> list[str]:
    """What is wrong with each model of a chain, of which all is `told` with semicolons between."""
    found: list[str] = []
    for piece in told.split("; "):
        if not found or _BEGINS_WITH_MODEL.match(piece):
            found.append(piece)
        else:  # a sentence with a semicolon of its own
            found[-1] += f"; {piece}"
    return found


def answering(model: str, own: str, effort: Effort | None, lowered: Effort | None) -> str:
    """`claude-x instead of gpt-y, effort high (it takes medium)`. `own`: the session's."""
    instead = f" instead of {own}" if model != own else ""
    if _DO_NOT_THINK.match(model):
        return f"{model}{instead}"
    asked = f", effort {effort}" if effort else ""
    if lowered is not None:
        asked = f"{asked} (it takes {lowered})" if effort else f", effort {lowered}"
    return f"{model}{instead}{asked}"


def compaction(compacted: Compacted) -> str:
    """Who summed up, and by how much the conversation is shorter."""
    by = compacted.model if compacted.written_by == "model" else "rules, without a model"
    before, after = compacted.tokens_before, compacted.tokens_after
    known = before is not None and after is not None
    shorter = f"{before:,} tokens became {after:,}; " if known else ""
    return f"Summed up by {by}: {shorter}{_kept(compacted.kept)}."


def _kept(messages: int) -> str:
    if messages == 1:
        return "the last message stays as it was"
    return f"the last {messages:,} messages stay as they were"


def tokens(usage: Usage) -> str:
    """`12,345 in (10,000 from a cache), 678 out`; empty where none are known."""
    read, written = usage.cache_read_tokens, usage.cache_write_tokens
    into = usage.input_tokens + read + written
    if not into and not usage.output_tokens:
        return ""
    cached = ", ".join(
        words
        for words in (
            f"{read:,} from a cache" if read else "",
            f"{written:,} into one" if written else "",
        )
        if words
    )
    return f"{into:,} in{f' ({cached})' if cached else ''}, {usage.output_tokens:,} out"


def _wait(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 120 else f"{round(whole / 60)} min"
