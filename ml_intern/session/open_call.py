"""A call between the model's answer that makes it and its own answer: how far it has come.

A fold of what happens to that one call; `after` gives a new one, and the old stays as it was.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never

from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    CallParked,
    Effect,
    ModelReplied,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    UnknownResolved,
)
from ml_intern.messages import ApprovalId, CallId, ToolCall

Stage = Literal[
    "planned", "awaiting_approval", "approved", "denied", "started", "waiting", "unknown"
]
Step = (
    ApprovalRequested
    | ApprovalDecided
    | ToolStarted
    | ToolWaiting
    | ToolLost
    | UnknownResolved
    | CallParked
)
"""What happens to an open call before it has its answer."""


@dataclass(frozen=True, kw_only=True)
class OpenCall:
    """A call that the model still has no answer to."""

    call: ToolCall
    stage: Stage = "planned"
    arguments: dict[str, Any] | None = field(default=None, hash=False)
    """Those that were asked for, approved or started; None while the call is only planned."""
    approval_id: ApprovalId | None = None
    waiting_on: str | None = None
    decision: ApprovalDecided | None = None
    effect: Effect | None = None
    """As it was when the call was started; None before."""
    reserved_micro_usd: int | None = None
    """What was reserved when it was started; None: nothing."""
    cut_off: bool = False
    """The model's answer was cut before the arguments of this call began."""
    reply_id: str = ""
    """Of the answer that it stands in."""
    why: str = ""
    """The model's words beside it."""
    asked: ApprovalRequested | None = None
    """What a person was shown, last."""
    edit: ApprovalDecided | None = None
    """Of a person, if there was one."""
    parked: bool = False
    """The model has read that it waits; what becomes of it is told in a message of its own."""
    words_before: int = 0
    """How many words of a person stood before it that could be taken back."""

    @property
    def waits_for_job(self) -> bool:
        """Whether it is asked again when a job has ended."""
        return self.stage == "waiting" and (self.waiting_on or "").startswith("job:")

    def after(self, step: Step) -> "OpenCall":
        """The same call, one step on."""
        match step:
            case ApprovalRequested():
                return self._asked(step)
            case ApprovalDecided():
                return self._decided(step)
            case ToolStarted():
                return self._started(step)
            case ToolWaiting():
                return replace(self, stage="waiting", waiting_on=step.on)
            case ToolLost():
                return replace(self, stage="unknown", waiting_on=f"unknown:{step.call_id}")
            case UnknownResolved():
                again: Stage = "approved" if step.choice == "retry" else "unknown"
                return replace(self, stage=again, waiting_on=None)
            case CallParked():
                return replace(self, parked=True)
            case _:
                assert_never(step)

    def _asked(self, asked: ApprovalRequested) -> "OpenCall":
        return replace(
            self,
            stage="awaiting_approval",
            approval_id=asked.approval_id,
            asked=asked,
            arguments=asked.arguments,
            waiting_on=f"approval:{asked.approval_id}",
        )

    def _decided(self, decision: ApprovalDecided) -> "OpenCall":
        return replace(
            self,
            stage="denied" if decision.verdict in ("deny", "expire") else "approved",
            arguments=decision.arguments,
            decision=decision,
            edit=decision if decision.verdict == "edit" else self.edit,
            waiting_on=None,
        )

    def _started(self, start: ToolStarted) -> "OpenCall":
        reserved = self.reserved_micro_usd if start.spend is None else start.spend.micro_usd
        return replace(
            self,
            stage="started",
            arguments=start.arguments,
            effect=start.effect,
            reserved_micro_usd=reserved,
            waiting_on=None,
        )


def planned(reply: ModelReplied, *, words_before: int) -> dict[CallId, OpenCall]:
    """The calls of an answer, in order. Only the last one can have been cut."""
    calls = {
        call.call_id: OpenCall(
            call=call, reply_id=reply.reply_id, why=reply.text, words_before=words_before
        )
        for call in reply.tool_calls
    }
    if reply.stop_reason == "length" and reply.tool_calls:
        last = reply.tool_calls[-1]
        cut_off = not last.arguments.strip()
        calls[last.call_id] = replace(calls[last.call_id], cut_off=cut_off)
    return calls
