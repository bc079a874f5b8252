"""What the guards say: go on, go on with a hint, or end the turn; with the words for it.

Words alone end a turn, unless they were cut off, empty, or the plan is still open. While a call is
parked they end it waiting, whatever the plan says: the person has the next word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ml_intern.context.prompts import HARNESS
from ml_intern.events import HintAbout, Hinted, ModelReplied, Outcome, TurnFinished
from ml_intern.session.guards.conduct import Conduct
from ml_intern.session.guards.rounds import STOP_AFTER, Repetition

MOST_CUT = 3
MOST_EMPTY = 2
MOST_PLAN = 2
_SHOWN_STEPS = 8
_SHOWN_CHARS = 120


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What else is true of the session."""

    open_steps: Sequence[str] = ()
    """Of the plan: those that are not done."""
    jobs: Sequence[str] = ()
    """Those that run."""
    parked: Sequence[str] = ()
    """What parked calls wait for, as in `TurnFinished.waiting_on`."""


def judge(conduct: Conduct, standing: Standing) -> Hinted | TurnFinished | None:
    """None: settle what is open, then ask the model."""
    if conduct.words is not None:
        return _judge_words(conduct.words, conduct, standing)
    return _judge_calls(conduct, standing) if conduct.is_settled else None


def _judge_words(
    words: ModelReplied, conduct: Conduct, standing: Standing
) -> Hinted | TurnFinished:
    if words.stop_reason == "length":
        return _cut_short(words, conduct)
    if not words.text.strip():
        return _empty(words, conduct)
    if standing.parked:
        detail = _whole(words, conduct)
        return TurnFinished(outcome="waiting", detail=detail, waiting_on=tuple(standing.parked))
    if standing.open_steps:
        return _too_early(conduct, standing, _whole(words, conduct))
    return _end("finished", _whole(words, conduct))


def _cut_short(words: ModelReplied, conduct: Conduct) -> Hinted | TurnFinished:
    if conduct.cut > MOST_CUT:
        return _stop_cut(conduct, _shown(conduct.begun))
    if not words.text.strip():
        return _hint(
            "length",
            "Your answer reached the length limit before you said or called anything. Think less "
            "at once: make one small step now.",
        )
    return _hint(
        "length",
        "Your answer was cut at the length limit. Go on exactly where you stopped. If much is "
        "left, take smaller steps: shorter answers, a long file in several calls.",
    )


def _stop_cut(conduct: Conduct, said: str) -> TurnFinished:
    return _end(
        "stopped",
        f"{conduct.cut} answers of the model in a row were cut at its length limit (raise "
        f"max_output_tokens, or give it less to do at once){said}",
    )


def _shown(begun: Sequence[str]) -> str:
    return f": {_joined(begun)}" if begun else ""


def _empty(words: ModelReplied, conduct: Conduct) -> Hinted | TurnFinished:
    if conduct.hints["empty"] >= MOST_EMPTY:
        return _end("failed", f"{words.model} gave an empty answer {MOST_EMPTY + 1} times")
    return _hint(
        "empty",
        "Your answer was empty. Make the next call, or say in words that you are done and what "
        "came of it.",
    )


def _too_early(conduct: Conduct, standing: Standing, said: str) -> Hinted | TurnFinished:
    steps = _listed(standing.open_steps)
    if conduct.hints["plan"] >= MOST_PLAN:
        return _end(
            "stopped",
            f"the model ended with its plan open ({steps}), also after {MOST_PLAN} hints. Its last "
            f"words: {said}",
        )
    return _hint(
        "plan",
        f"You called no tool, but steps of your plan are open: {steps}. Go on with the next one. "
        "If a step is done, will not be done, or the person has told you to stop, update the plan "
        "first and then say so. If you need a person's word, ask for it with a call."
        f"{_reminder(standing)}",
    )


def _judge_calls(conduct: Conduct, standing: Standing) -> Hinted | TurnFinished | None:
    if conduct.cut > MOST_CUT:
        return _stop_cut(conduct, "; none of their calls could run")
    repeated = conduct.repetition
    if repeated is None:
        return None
    if repeated.times >= STOP_AFTER:
        return _end(
            "stopped",
            f"the model repeated itself {repeated.times} times, also after a hint, and got the "
            f"same answers: {repeated.shown}. Say what it should do instead",
        )
    return None if conduct.hints["repetition"] else _circling(repeated, standing)


def _circling(repeated: Repetition, standing: Standing) -> Hinted:
    what = "made the same calls" if len(repeated.cycle) == 1 else "went in the same circle"
    return _hint(
        "repetition",
        f"You {what} {repeated.times} times and got the same answers: {repeated.shown}. Once more "
        "will not change them. Read the answers again and find another way, or ask the person."
        f"{_reminder(standing)}",
    )


def _reminder(standing: Standing) -> str:
    """A model that polls, or leaves while its job runs, may not know that it can wait."""
    if not standing.jobs:
        return ""
    return f" Still running: {_listed(standing.jobs)}; wait for it with watch_job."


def _whole(words: ModelReplied, conduct: Conduct) -> str:
    """The last words, with those before them that were cut off."""
    return _joined([*conduct.begun, words.text])


def _joined(pieces: Sequence[str]) -> str:
    return " … ".join(piece.strip() for piece in pieces)


def _listed(items: Sequence[str]) -> str:
    shown = "; ".join(
        item if len(item) <= _SHOWN_CHARS else f"{item[:_SHOWN_CHARS]}…"
        for item in items[:_SHOWN_STEPS]
    )
    more = len(items) - _SHOWN_STEPS
    return f"{shown}; and {more} more" if more > 0 else shown


def _hint(about: HintAbout, text: str) -> Hinted:
    return Hinted(text=f"{HARNESS} {text}", about=about)


def _end(outcome: Outcome, detail: str) -> TurnFinished:
    return TurnFinished(outcome=outcome, detail=detail)
