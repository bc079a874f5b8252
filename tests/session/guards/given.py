"""Events for the guards, and what they say of a journal."""

from collections.abc import Iterable
from typing import Any, Literal

from ml_intern.events import Event, Hinted, ModelReplied, ToolFinished, TurnFinished, UserSaid
from ml_intern.messages import CallId, ToolCall, Usage
from ml_intern.session.guards import Conduct, Standing, judge

TASK = UserSaid(text="train it", author="ada")


def replied(
    text: str = "",
    calls: Iterable[tuple[str, str, str]] = (),
    stop_reason: Literal["end", "tool_calls", "length"] = "end",
) -> ModelReplied:
    """An answer with calls: (id, tool, arguments)."""
    return ModelReplied(
        reply_id="r",
        model="m",
        text=text,
        thinking="",
        tool_calls=tuple(
            ToolCall(call_id=CallId(call_id), name=tool, arguments=arguments)
            for call_id, tool, arguments in calls
        ),
        usage=Usage(),
        cost_micro_usd=0,
        stop_reason=stop_reason,
        duration_ms=1,
    )


def answered(call_id: str, output: str = "same", **changes: Any) -> ToolFinished:
    """The answer to a call of `bash`."""
    fields: dict[str, Any] = {
        "call_id": CallId(call_id),
        "tool": "bash",
        "ok": True,
        "output": output,
        "answered_by": "tool",
        "duration_ms": 1,
    }
    return ToolFinished(**{**fields, **changes})


def round_of(number: int, arguments: str = "{}", output: str = "same") -> list[Event]:
    """One call with its answer. `number` makes the call's id."""
    call_id = f"call_{number}"
    return [replied(calls=[(call_id, "bash", arguments)]), answered(call_id, output)]


def conduct_after(events: Iterable[Event]) -> Conduct:
    """The model's conduct in this journal."""
    conduct = Conduct()
    for event in events:
        conduct.apply(event)
    return conduct


def lived(events: Iterable[Event], standing: Standing | None = None) -> list[Event]:
    """What the guards say, one after the other, when their hints are recorded as a turn does it."""
    conduct, said = Conduct(), []
    for event in events:
        conduct.apply(event)
        verdict = judge(conduct, standing or Standing())
        if verdict is not None:
            conduct.apply(verdict)
            said.append(verdict)
    return said


def outcomes(said: Iterable[Event]) -> list[str]:
    """What each hint was about, and how the turn ended."""
    return [
        each.about if isinstance(each, Hinted) else each.outcome
        for each in said
        if isinstance(each, Hinted | TurnFinished)
    ]
