"""The words for what happens beside the conversation: failures, approvals, jobs, the ends of turns.

Pure: from an event, and what is known of its call or job, to a notice. Not yet redacted.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from ml_intern.client.models import remedy, switch
from ml_intern.events import (
    AccessRefused,
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    Compacted,
    CompactRequested,
    InterruptRequested,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelChanged,
    ModelFailed,
    ModelSwitched,
    Notified,
    OpCancelled,
    RuleGranted,
    RuleRevoked,
    Shortened,
    ToolLost,
    TurnFinished,
    Undone,
    UnknownResolved,
)
from ml_intern.messages import Choice, JobId
from ml_intern.transcript.line import JsonObject, Level


@dataclass(frozen=True, kw_only=True)
class Notice:
    """`extra` is for programs that know us."""

    text: str
    level: Level = "info"
    extra: JsonObject = field(default_factory=dict, hash=False)


Plain = (
    ModelFailed
    | InterruptRequested
    | OpCancelled
    | ApprovalRequested
    | ToolLost
    | UnknownResolved
    | ModelSwitched
    | CompactRequested
    | Undone
    | RuleGranted
    | RuleRevoked
    | AccessRefused
    | ApprovalReminded
    | BudgetNoticed
    | BudgetReached
    | BudgetExtended
    | Notified
)


def notice(event: Plain) -> Notice:
    """For an event that says everything itself."""
    match event:
        case ModelFailed():
            return _model_failed(event)
        case InterruptRequested():
            text = f"{event.asked_by} asked to stop{_because(event.reason)}"
            extra = {"interrupt": {"askedBy": event.asked_by, "reason": event.reason}}
            return Notice(text=text, level="warning", extra=extra)
        case OpCancelled():
            text = f"Not done: {event.op_kind}{_because(event.reason)}"
            about = {"opSeq": event.op_seq, "kind": event.op_kind, "reason": event.reason}
            return Notice(text=text, level="warning", extra={"cancelled": about})
        case ApprovalRequested():
            return _approval_requested(event)
        case ToolLost():
            text = f"{event.tool} was cut off in the middle; nobody knows what became of it"
            return Notice(text=text, level="warning", extra={"unknown": {"callId": event.call_id}})
        case UnknownResolved():
            return _unknown_resolved(event)
        case ModelSwitched():
            text = switch(event)
            about = {"to": event.model, "from": event.instead_of, "reason": event.reason}
            return Notice(text=text, extra={"modelSwitched": about})
        case CompactRequested():
            text = f"{event.asked_by} asked for the older part to be summed up"
            return Notice(text=text, extra={"compactRequested": {"askedBy": event.asked_by}})
        case Undone():
            text = f"{event.asked_by} took back what was said last, and the answer to it"
            return Notice(text=text, extra={"undone": event.words})
        case RuleGranted() | RuleRevoked() | AccessRefused() | ApprovalReminded() | Notified():
            return _about_people(event)
        case BudgetNoticed() | BudgetReached() | BudgetExtended():
            return _about_budget(event)
        case _:
            assert_never(event)


def model_changed(event: ModelChanged, before: str) -> Notice:
    """`before`: the session's model until then."""
    effort = f", effort {event.effort}" if event.effort else ""
    text = f"{event.asked_by} changed the model to {event.model}{effort}"
    if event.effort and event.model == before:
        text = f"{event.asked_by} changed the effort of {event.model} to {event.effort}"
    about: JsonObject = {"to": event.model, "askedBy": event.asked_by}
    about |= {"effort": event.effort} if event.effort else {}
    return Notice(text=text, extra={"modelChanged": about})


def _about_people(
    event: RuleGranted | RuleRevoked | AccessRefused | ApprovalReminded | Notified,
) -> Notice:
    match event:
        case RuleGranted():
            about = " ".join(filter(None, (event.tool, event.operation, event.repository)))
            text = f"{event.granted_by} approved all calls like it: {about}"
            return Notice(text=text, extra={"rule": asdict(event)})
        case RuleRevoked():
            text = f"{event.revoked_by} revoked what was approved in general"
            return Notice(text=text, extra={"rule": asdict(event)})
        case AccessRefused():
            text = f"{event.who} may not {event.what}, and was told so"
            return Notice(text=text, level="warning")
        case ApprovalReminded():
            return Notice(text=f"Nobody has decided; reminder {event.number} was sent")
        case Notified():
            where = f" in {event.destination}" if event.destination else ""
            return Notice(text=f"Told people{where}: {event.text}")
        case _:
            assert_never(event)


def _about_budget(event: BudgetNoticed | BudgetReached | BudgetExtended) -> Notice:
    extra: JsonObject = {"budget": asdict(event)}
    match event:
        case BudgetNoticed():
            text = f"{event.percent} % of the cap {event.cap} are used"
            return Notice(text=text, level="warning", extra=extra)
        case BudgetReached():
            text = f"The next step would pass the cap {event.cap}"
            return Notice(text=text, level="warning", extra=extra)
        case BudgetExtended():
            text = f"{event.extended_by} extended the cap {event.cap} by {event.amount:,}"
            return Notice(text=f"{text}{_because(event.reason)}", extra=extra)
        case _:
            assert_never(event)


def _model_failed(event: ModelFailed) -> Notice:
    text = f"{event.model} gave no answer{_because(event.error)}"
    about = {"model": event.model, "error": event.error}
    about |= {"trouble": event.trouble} if event.trouble else {}
    about |= {"effort": event.effort} if event.effort else {}
    extra: JsonObject = {"modelFailed": about}
    if event.text:
        extra["partialText"] = event.text
    if not (what := remedy(event)):
        return Notice(text=text, level="error", extra=extra)
    return Notice(text=f"{_ended(text)} {what}", level="warning", extra=extra)


def _approval_requested(event: ApprovalRequested) -> Notice:
    approval = {
        "id": event.approval_id,
        "callId": event.call_id,
        "tool": event.tool,
        "arguments": event.arguments,
        "argumentsSha256": event.arguments_sha256,
        "questionId": event.question_id,
        "operation": event.operation,
        "repository": event.repository,
        "contentSha256": event.content_sha256,
        "costMicroUsd": event.cost_micro_usd,
        "budgetLeftMicroUsd": event.budget_left_micro_usd,
        "exhibits": [asdict(exhibit) for exhibit in event.exhibits],
        "onDenial": event.on_denial,
        "expiresAt": event.expires_at,
    }
    return Notice(
        text=f"Approval requested for {event.tool}{_because(event.reason)}",
        level="warning",
        extra={"approval": approval},
    )


def approval_decided(event: ApprovalDecided, tool: str) -> Notice:
    """`tool`: what was asked for."""
    approval: JsonObject = {
        "id": event.approval_id,
        "callId": event.call_id,
        "verdict": event.verdict,
        "decidedBy": event.decided_by,
        "reason": event.reason,
        "argumentsSha256": event.arguments_sha256,
    }
    if event.verdict == "edit":
        approval["arguments"] = event.arguments
    return Notice(
        text=_decision(event, tool),
        level="warning" if event.verdict in ("deny", "expire") else "info",
        extra={"approval": approval},
    )


def _decision(event: ApprovalDecided, tool: str) -> str:
    match event.verdict:
        case "approve":
            return f"{event.decided_by} approved {tool}{_because(event.reason)}"
        case "deny":
            return f"{event.decided_by} denied {tool}{_because(event.reason)}"
        case "edit":
            arguments = json.dumps(event.arguments, ensure_ascii=False)
            return f"{event.decided_by} edited and approved {tool}; it runs with {arguments}"
        case "expire":
            return f"Nobody decided on {tool} in time{_because(event.reason)}"
        case _:
            assert_never(event.verdict)


def compacted(event: Compacted) -> JsonObject:
    """What a program may want to know of a compaction; readers add up nothing that stands here."""
    about: JsonObject = {
        "askedBy": event.asked_by,
        "kept": event.kept,
        "model": event.model,
        "tokens": {"input": event.usage.input_tokens, "output": event.usage.output_tokens},
        "trigger": event.trigger,
        "writtenBy": event.written_by,
    }
    if event.tokens_after is not None:
        about["conversation"] = {"before": event.tokens_before, "after": event.tokens_after}
    if event.cost_micro_usd is not None:
        about["costMicroUsd"] = event.cost_micro_usd
    return about


_CHOICES: dict[Choice, str] = {
    "retry": "let the call start again",
    "done": "said that the call took effect",
    "skip": "said not to repeat the call",
}


def _unknown_resolved(event: UnknownResolved) -> Notice:
    unknown: JsonObject = {
        "callId": event.call_id,
        "choice": event.choice,
        "resolvedBy": event.resolved_by,
        "note": event.note,
    }
    text = f"{event.resolved_by} {_CHOICES[event.choice]}{_because(event.note)}"
    return Notice(text=text, extra={"unknown": unknown})


_MOST_NAMED = 5
_WHY_CUT = {
    "superseded": "a later call shows the same as it is now",
    "size": "there is no room for all of it",
}


def shortened(event: Shortened, named: Sequence[str], line: Callable[[int], str]) -> Notice:
    """`named`: the messages that were cut, for people; `line`: the uuid of the one at a place."""
    shown = ", ".join(named[:_MOST_NAMED])
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    text = f"From here on the model sees less of {shown}{more}: {_WHY_CUT[event.why]}"
    cuts = [
        {"line": line(cut.place), "part": cut.part}
        | {"head": cut.head, "tail": cut.tail, "note": cut.note}
        for cut in event.cuts
    ]
    tokens = {"before": event.tokens_before, "after": event.tokens_after}
    about: JsonObject = {"why": event.why, "conversation": tokens, "cuts": cuts}
    return Notice(text=text, extra={"shortened": about})


def turn_waits(event: TurnFinished) -> Notice:
    """The turn stands still until something comes from outside."""
    on = ", ".join(event.waiting_on) or "something"
    return Notice(
        text=f"Waiting for {on}{_because(event.detail)}", extra={"waitingOn": event.waiting_on}
    )


def turn_broke_off(event: TurnFinished, duration_ms: int) -> Notice:
    """The turn ended before its work was done."""
    return Notice(
        text=f"The turn ended: {event.outcome}{_because(event.detail)}",
        level="error" if event.outcome == "failed" else "warning",
        extra={"outcome": event.outcome, "durationMs": duration_ms},
    )


@dataclass(frozen=True, kw_only=True)
class _Job:
    started: JobStarted
    at: datetime
    last: JobProgressed | None = None


class Jobs:
    """The running jobs of one session; steps are told once, at the end."""

    def __init__(self) -> None:
        self._running: dict[JobId, _Job] = {}

    def take(self, event: JobStarted | JobProgressed | JobEnded, at: datetime) -> Notice | None:
        """What there is to say about the event, if anything."""
        match event:
            case JobStarted():
                self._running[event.job_id] = _Job(started=event, at=at)
                return None
            case JobProgressed():
                if (job := self._running.get(event.job_id)) is not None:
                    self._running[event.job_id] = replace(job, last=event)
                return None
            case JobEnded():
                return _job_ended(event, self._running.pop(event.job_id, None), at)
            case _:
                assert_never(event)


def _job_ended(event: JobEnded, job: _Job | None, at: datetime) -> Notice:
    about: JsonObject = {"id": event.job_id, "status": event.status}
    if event.exit_code is not None:
        about["exitCode"] = event.exit_code
    if event.cost_micro_usd:
        about["costMicroUsd"] = event.cost_micro_usd
    text = f"Job {event.job_id} {event.status}{_because(event.reason)}"
    if job is not None:
        about |= {"compute": job.started.compute, "label": job.started.label}
        about["durationMs"] = milliseconds(at - job.at)
        if job.last is not None:
            about |= {"step": job.last.step, "metrics": job.last.metrics}
            text = f"{_ended(text)} Last seen at {_step(job.last)}."
    return Notice(text=text, level=_job_level(event), extra={"job": about})


def _job_level(event: JobEnded) -> Level:
    if event.status == "succeeded":
        return "info"
    return "warning" if event.status == "cancelled" else "error"


def _step(progress: JobProgressed) -> str:
    total = "" if progress.max_steps is None else f" of {progress.max_steps}"
    metrics = ", ".join(f"{name} {value}" for name, value in progress.metrics.items())
    return f"step {progress.step}{total}" + (f" ({metrics})" if metrics else "")


def _because(reason: str) -> str:
    return f": {reason}" if reason.strip() else "."


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def milliseconds(span: timedelta) -> int:
    """Whole ones; 0 for a clock that went back."""
    return max(0, span // timedelta(milliseconds=1))
