"""What has happened in a session. Events are facts: appended to the journal, never changed.

History, plan, spend, open approvals and running jobs are folds of these. A closed union with one
codec;
an unknown kind is an error, not a dict.
"""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticSerializationError

from ml_intern.messages import ApprovalId, CallId, Choice, JobId, ToolCall, Usage

Outcome = Literal["finished", "waiting", "stopped", "interrupted", "failed"]
Verdict = Literal["approve", "deny", "edit"]
Effect = Literal["read", "write", "external"]
Recovery = Literal["pure", "keyed", "probe", "detached", "opaque"]
"""What a crash in the middle of a call means. `pure`: running it again is as good as having run it
once. `keyed`: what it does bears a key by which it is found again. `probe`: the state that it
leaves tells whether it took place. `detached`: a job of its own, found and followed again.
`opaque`: nobody can tell, so it is never repeated by itself.
"""
JobStatus = Literal["succeeded", "failed", "cancelled", "lost"]
AnsweredBy = Literal["tool", "policy", "person", "router", "interrupt", "recovery"]
HintAbout = Literal["", "repetition", "plan", "length", "empty"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that a tool established and that later steps may rely on, e.g. a passed check.

    The kinds and their fields stand in `ml_intern/tools/facts.py`.
    """

    kind: str
    data: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class SessionStarted:
    """Always the first event of a session."""

    kind: Literal["session_started"] = "session_started"
    title: str
    model: str
    workspace: str
    started_in: str
    """The folder in which the person typed the task; relative paths in their words start here."""
    version: str
    """Of ml-intern."""
    instructions: str = ""
    """What whoever started it wants to stand in the system prompt."""
    max_iterations: int | None = None
    """Of this session; None: the setting counts."""


@dataclass(frozen=True, kw_only=True)
class UserSaid:
    """A person's words are now part of the conversation."""

    kind: Literal["user_said"] = "user_said"
    text: str
    author: str


@dataclass(frozen=True, kw_only=True)
class Hinted:
    """The harness put a sentence of its own before the model (a guard, a limit that comes near)."""

    kind: Literal["hinted"] = "hinted"
    text: str
    about: HintAbout = ""
    """What the model did that it should not; the guards of the turn count by it."""


@dataclass(frozen=True, kw_only=True)
class TurnStarted:
    """A worker took the session up: for an op, or again after a crash (`attempt` above 1)."""

    kind: Literal["turn_started"] = "turn_started"
    op_seq: int
    attempt: int


@dataclass(frozen=True, kw_only=True)
class ModelAsked:
    """A request goes to a model; without a reply after it, the money may be spent all the same."""

    kind: Literal["model_asked"] = "model_asked"
    model: str
    iteration: int


@dataclass(frozen=True, kw_only=True)
class ModelReplied:
    """The model's whole answer. Its calls are planned from this moment on."""

    kind: Literal["model_replied"] = "model_replied"
    reply_id: str
    model: str
    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    cost_micro_usd: int | None
    """None: unknown. 0: on the list of what is free."""
    stop_reason: Literal["end", "tool_calls", "length"]
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class ModelFailed:
    """A model gave no usable answer; the turn tries again or ends, as its own event says."""

    kind: Literal["model_failed"] = "model_failed"
    model: str
    error: str
    retry_in_s: float | None
    text: str = ""
    """What had arrived before it broke; not part of the conversation."""


@dataclass(frozen=True, kw_only=True)
class ApprovalRequested:
    """A call needs a person's yes. Bound to the hash of exactly these arguments."""

    kind: Literal["approval_requested"] = "approval_requested"
    approval_id: ApprovalId
    call_id: CallId
    tool: str
    arguments: dict[str, Any] = field(hash=False)
    arguments_sha256: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided:
    """The first decision on an approval; `arguments` are those that may run."""

    kind: Literal["approval_decided"] = "approval_decided"
    approval_id: ApprovalId
    call_id: CallId
    verdict: Verdict
    arguments: dict[str, Any] = field(hash=False)
    arguments_sha256: str
    decided_by: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ToolStarted:
    """Durable before the effect begins. Without a `ToolFinished`, the outcome is unknown."""

    kind: Literal["tool_started"] = "tool_started"
    call_id: CallId
    tool: str
    arguments: dict[str, Any] = field(hash=False)
    arguments_sha256: str
    effect: Effect
    recovery: Recovery | None = None
    """None: from a version that did not say."""


@dataclass(frozen=True, kw_only=True)
class ToolWaiting:
    """A call waits for something outside; it is asked again when that has come."""

    kind: Literal["tool_waiting"] = "tool_waiting"
    call_id: CallId
    on: str


@dataclass(frozen=True, kw_only=True)
class ToolLost:
    """A call was started, its process died, and nobody can tell whether it took effect.

    One that stays in the workspace is answered with that; one that reaches outside waits for a
    person.
    """

    kind: Literal["tool_lost"] = "tool_lost"
    call_id: CallId
    tool: str


@dataclass(frozen=True, kw_only=True)
class UnknownResolved:
    """A person said what is to become of a lost call. `retry`: it may start again, as it was."""

    kind: Literal["unknown_resolved"] = "unknown_resolved"
    call_id: CallId
    choice: Choice
    resolved_by: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ToolFinished:
    """A tool call has its answer; `ok=False` is an answer too."""

    kind: Literal["tool_finished"] = "tool_finished"
    call_id: CallId
    tool: str
    ok: bool
    output: str
    answered_by: AnsweredBy
    duration_ms: int
    facts: tuple[Fact, ...] = ()
    spilled_to: str | None = None
    """Path of the whole output where `output` holds only its head and tail."""


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A long job runs; it outlives the daemon. By `handle` its compute finds it again."""

    kind: Literal["job_started"] = "job_started"
    job_id: JobId
    compute: str
    handle: dict[str, Any] = field(hash=False)
    label: str


@dataclass(frozen=True, kw_only=True)
class JobProgressed:
    """New metric lines of a job. Thinned out by the watcher; the job's own log has all of them."""

    kind: Literal["job_progressed"] = "job_progressed"
    job_id: JobId
    step: int
    max_steps: int | None
    metrics: dict[str, float | None] = field(hash=False)
    """None where the script wrote a number that is not finite."""
    log_offset: int
    """Bytes of the log that have been read, so that a new watcher goes on from there."""


@dataclass(frozen=True, kw_only=True)
class JobEnded:
    """A job is over. `succeeded` rests on its done-marker, never on the exit code."""

    kind: Literal["job_ended"] = "job_ended"
    job_id: JobId
    status: JobStatus
    exit_code: int | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class InterruptRequested:
    """Somebody wants the turn to stop; it does so at its next safe point."""

    kind: Literal["interrupt_requested"] = "interrupt_requested"
    asked_by: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class OpCancelled:
    """An accepted op that will not run any more, and why."""

    kind: Literal["op_cancelled"] = "op_cancelled"
    op_seq: int
    op_kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelChanged:
    """From here on the session asks another model."""

    kind: Literal["model_changed"] = "model_changed"
    model: str
    asked_by: str


@dataclass(frozen=True, kw_only=True)
class Undone:
    """The last words of a person, and all that followed them, left the conversation.

    The journal and the trace keep them; files and jobs are as they were.
    """

    kind: Literal["undone"] = "undone"
    asked_by: str
    words: str
    """Those that were taken back."""


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """A summary took the place of all but the last `kept` messages, system prompt and task."""

    kind: Literal["compacted"] = "compacted"
    asked_by: str
    summary: str
    kept: int
    model: str
    """That wrote the summary, with what it cost."""
    usage: Usage
    cost_micro_usd: int | None


@dataclass(frozen=True, kw_only=True)
class TurnFinished:
    """Every turn ends with exactly one of these."""

    kind: Literal["turn_finished"] = "turn_finished"
    outcome: Outcome
    detail: str
    """For people: the result, the limit, the reason, the question."""
    waiting_on: tuple[str, ...] = ()
    """Any of `approval:ID`, `answer:CALL_ID`, `job:ID`, `unknown:CALL_ID`; only with `waiting`."""


Event = (
    SessionStarted
    | UserSaid
    | Hinted
    | TurnStarted
    | ModelAsked
    | ModelReplied
    | ModelFailed
    | ApprovalRequested
    | ApprovalDecided
    | ToolStarted
    | ToolWaiting
    | ToolLost
    | UnknownResolved
    | ToolFinished
    | JobStarted
    | JobProgressed
    | JobEnded
    | InterruptRequested
    | OpCancelled
    | ModelChanged
    | Undone
    | Compacted
    | TurnFinished
)


@cache
def _adapter() -> TypeAdapter[Event]:
    return TypeAdapter(
        Annotated[Event, Field(discriminator="kind")], config=ConfigDict(extra="forbid")
    )


def encode(event: Event) -> str:
    """The event as JSON text. Half surrogates, which no UTF-8 can hold, become `?`."""
    try:
        return _adapter().dump_json(event).decode()
    except PydanticSerializationError:
        text = json.dumps(asdict(event), ensure_ascii=False)
        return text.encode("utf-8", "replace").decode()


def decode(text: str | bytes) -> Event:
    """The inverse of `encode`. Raises pydantic.ValidationError for an unknown kind or a wrong
    field.
    """
    return _adapter().validate_json(text)
