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

from ml_intern.effort import Effort
from ml_intern.errors import Trouble
from ml_intern.messages import (
    ApprovalId,
    AssistantMessage,
    CallId,
    Choice,
    JobId,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)

Outcome = Literal["finished", "waiting", "stopped", "interrupted", "failed"]
Verdict = Literal["approve", "deny", "edit", "expire"]
"""`expire`: nobody decided in time, which counts as a no."""
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
ExhibitKind = Literal["text", "diff", "python", "json", "markdown"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that a tool established and that later steps may rely on, e.g. a passed check.

    The kinds and their fields stand in `ml_intern/tools/facts.py`.
    """

    kind: str
    data: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """Something that a person looks at before deciding: a script, a diff, a list of files."""

    title: str
    kind: ExhibitKind
    text: str


@dataclass(frozen=True, kw_only=True)
class Spend:
    """Room for the worst case, reserved before anything is spent; what is free needs none.

    Settled by the event that ends what it is for: at its price; at nothing where certainly nothing
    was spent; at all that was reserved where nobody can tell (it is held).
    """

    spend_id: str
    micro_usd: int
    caps: dict[str, int | None] = field(hash=False)
    """In millionths of a US dollar, without extensions, by the key of the cap: `session:ID`,
    `day:DATE` (UTC), `daemon`; None: no cap. It counts against each of them.
    """


@dataclass(frozen=True, kw_only=True)
class ForkedFrom:
    """The session whose conversation, to the end of one of its turns, another one goes on with."""

    session_id: str
    turn: int
    """From 1: each words of a person that were no answer to a question begin one."""
    source: str = ""
    """The file that it was read from; empty: our own journal."""
    scored: tuple[Fact, ...] = ()
    """Its evaluations on test splits: what was scored there counts as scored here."""
    meant: tuple[Fact, ...] = ()
    """Its plan and its pins at the end of that turn: they stand here as well."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """The recorded session whose answers another one is given (model `replay/PATH`)."""

    scored_before: tuple[Fact, ...] = ()
    """Evaluations on test splits in sessions that it went on from: they count as scored here."""
    scored: tuple[Fact, ...] = ()
    """Its own. What is played may score these splits again; another model may not."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where a session began, as far as what comes of its training may depend on it."""

    cpus: int
    """Processors that training counts on: they decide how many threads it gets."""
    threads: int | None
    """That it gets in any case (`OMP_NUM_THREADS` of the daemon); None: as fits."""
    system: str
    """E.g. `Linux x86_64`."""
    python: str


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
    max_cost_micro_usd: int | None = None
    """Cap of this session; None: the setting counts."""
    origin: str = ""
    """Where it was started and is answered, e.g. `slack:CHANNEL:TS`; empty: where nobody waits."""
    forked_from: ForkedFrom | None = None
    """None: it began by itself."""
    replayed: Replayed | None = None
    """None: no recording is played, or a version that did not say."""
    machine: Machine | None = None
    """None: from a version that did not say."""
    effort: Effort | None = None
    """With which its models are asked to think; None: the setting counts."""


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """A message of the session that this one was forked from is before the model.

    Stored in the transaction that starts the session, right behind its start. Nobody says it here:
    it lets no tool read what its words name, costs nothing, and cannot be taken back.
    """

    kind: Literal["recalled"] = "recalled"
    message: Annotated[UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]
    model: str = ""
    """That gave the answer; empty for other messages."""


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
    spend: Spend | None = None
    purpose: Literal["answer", "summary"] = "answer"
    tokens: int | None = None
    """Of the request with its tools, as we count them; None: for a model that has no window."""


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
    signed: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    """Its thoughts as the provider wants them back, word for word; see `AssistantMessage`."""


@dataclass(frozen=True, kw_only=True)
class ModelFailed:
    """A model gave no usable answer; the turn tries again or ends, as its own event says."""

    kind: Literal["model_failed"] = "model_failed"
    model: str
    error: str
    retry_in_s: float | None
    text: str = ""
    """What had arrived before it broke; not part of the conversation."""
    is_free: bool = False
    """Certainly nothing was spent, so what was reserved is free again; else it is held."""
    trouble: Trouble | None = None
    """None: from a version that did not say, or the session was stopped."""
    window: int | None = None
    """Tokens that the model takes, as the provider said when it refused a longer request."""
    remedy: str = ""
    """What is done about it, for people: `asked again`, `less effort: medium`; empty: nothing."""
    effort: Effort | None = None
    """With which the model is asked from now on, since it does not take more; None: as before."""


@dataclass(frozen=True, kw_only=True)
class ModelSwitched:
    """Another model of the session's chain has answered than before; its reply follows.

    It is no other model of the session: that is what `ModelChanged` says.
    """

    kind: Literal["model_switched"] = "model_switched"
    model: str
    instead_of: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ApprovalRequested:
    """A call needs a person's yes. Bound to the hash of exactly these arguments.

    Holds all that a person is shown, so that every channel shows the same.
    """

    kind: Literal["approval_requested"] = "approval_requested"
    approval_id: ApprovalId
    call_id: CallId
    tool: str
    arguments: dict[str, Any] = field(hash=False)
    arguments_sha256: str
    reason: str
    content_sha256: str = ""
    """Of what the arguments only name, such as the weights in a folder; empty for none. It is
    computed again before the call starts, and another hash is another question.
    """
    operation: str = ""
    """What the tool would do, where it can do several things."""
    repository: str = ""
    """That it is about, as `OWNER/NAME`; empty for none."""
    question_id: str = ""
    """The `reply_id` of the answer that asked for it: calls of one answer are one question."""
    why: str = ""
    """The model's own words beside the call."""
    exhibits: tuple[Exhibit, ...] = ()
    cost_micro_usd: int | None = 0
    """At worst; None: unknown."""
    budget_left_micro_usd: int | None = None
    """Of the tightest cap; None: there is no cap."""
    on_denial: str = ""
    """What happens when nobody says yes."""
    expires_at: str = ""
    """When it is denied by itself, as in `clock.stamp`; empty: never."""
    like_this: bool = False
    """Whether it may be approved together with all calls like it."""


@dataclass(frozen=True, kw_only=True)
class ApprovalReminded:
    """Nobody has decided for some time. Numbered from 1 for each approval or question."""

    kind: Literal["approval_reminded"] = "approval_reminded"
    call_id: CallId
    approval_id: ApprovalId | None
    """None: a question in words."""
    number: int


@dataclass(frozen=True, kw_only=True)
class CallParked:
    """Words came while this call waited for a person: the model reads them before it is decided.

    Its approval or question stays open; what becomes of it reaches the model later.
    """

    kind: Literal["call_parked"] = "call_parked"
    call_id: CallId
    output: str
    """What the model reads in the place of an answer."""


@dataclass(frozen=True, kw_only=True)
class RuleGranted:
    """A person approved one call and all like it in this session, until the rule is revoked."""

    kind: Literal["rule_granted"] = "rule_granted"
    rule_id: str
    approval_id: ApprovalId
    tool: str
    operation: str
    repository: str
    max_cost_micro_usd: int
    granted_by: str


@dataclass(frozen=True, kw_only=True)
class RuleRevoked:
    """From here on calls like it are asked for again."""

    kind: Literal["rule_revoked"] = "rule_revoked"
    rule_id: str
    revoked_by: str


@dataclass(frozen=True, kw_only=True)
class AccessRefused:
    """Somebody who is not on the list wanted to steer the session or to decide."""

    kind: Literal["access_refused"] = "access_refused"
    who: str
    what: str
    """In words, e.g. `approve publish`."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What arguments were found to do when somebody said yes to them."""

    operation: str = ""
    repository: str = ""
    cost_micro_usd: int | None = 0
    """At worst; None: unknown."""


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
    outlook: Outlook | None = None
    """Of edited arguments, as they were judged; None where they are those that were asked for."""


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
    spend: Spend | None = None
    """Its id is that of the call."""


@dataclass(frozen=True, kw_only=True)
class ToolWaiting:
    """A call waits for something outside; it is asked again when that has come."""

    kind: Literal["tool_waiting"] = "tool_waiting"
    call_id: CallId
    on: str
    expires_at: str = ""
    """Of a question to a person: when it is given up, as in `clock.stamp`; empty: never."""


@dataclass(frozen=True, kw_only=True)
class ToolLost:
    """A call was started and cut off, and nobody can tell whether it took effect.

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
    cost_micro_usd: int | None = 0
    """Of what was reserved when it started; None: nobody can tell. A job that it launched goes on
    with the reservation.
    """


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
    cost_micro_usd: int | None = 0
    """As in `ToolFinished`."""


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
    effort: Effort | None = None
    """As in `SessionStarted`; None: as before."""


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
class CompactRequested:
    """Somebody wants the older part of the conversation summed up, before the next request.

    `Compacted` with the trigger `asked` does it; `OpCancelled` of the same op says why not.
    """

    kind: Literal["compact_requested"] = "compact_requested"
    op_seq: int
    asked_by: str


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """A text took the place of the older messages; system prompt, task and newer ones stay."""

    kind: Literal["compacted"] = "compacted"
    asked_by: str
    """A person, or `ml-intern` where the conversation had grown too long."""
    summary: str
    """The whole text: what stands (plan, pins, open questions, jobs), and the summary."""
    kept: int
    """Messages that followed, when it was decided."""
    model: str
    """That wrote the summary, with what it cost; empty: no model was asked."""
    usage: Usage
    cost_micro_usd: int | None
    dropped: int | None = None
    """Messages behind system prompt and task whose place it takes; None: all but the last `kept`.

    Counted from the front, since messages may have come in while the summary was written.
    """
    trigger: Literal["asked", "size", "refused"] = "asked"
    """Asked by a person; the threshold was passed; the provider refused for length."""
    written_by: Literal["model", "rules"] = "model"
    """`rules`: no model did, so it is made of what the journal knows."""
    tokens_before: int | None = None
    tokens_after: int | None = None
    """Of the whole conversation with its tools, as we count them."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One part of one message, as the model sees it from now on: head, `note`, tail."""

    place: int
    """In the conversation, from 0; messages are only ever added behind it."""
    part: Literal["text", "thinking", "arguments"]
    """`arguments`: each string in those of all calls of the message that is longer than head and
    tail together.
    """
    head: int
    """Characters, as is `tail`."""
    tail: int
    note: str
    """What is said in the place of the rest, e.g. in which file the whole stands."""


@dataclass(frozen=True, kw_only=True)
class Shortened:
    """Parts of messages were cut: a later call shows the same, or they are larger than the room.

    The journal and the trace keep them whole.
    """

    kind: Literal["shortened"] = "shortened"
    cuts: tuple[Cut, ...]
    why: Literal["superseded", "size"]
    tokens_before: int
    tokens_after: int


@dataclass(frozen=True, kw_only=True)
class BudgetNoticed:
    """A cap is used up to `percent`; told once for each of 50, 80 and 100."""

    kind: Literal["budget_noticed"] = "budget_noticed"
    cap: str
    percent: int
    used: int
    limit: int
    told: str = ""
    """What the model reads of it."""


@dataclass(frozen=True, kw_only=True)
class BudgetReached:
    """The next step would pass a cap; the turn waits for an extension.

    `cap` is a key of `Spend.caps`, in millionths of a US dollar; or `tokens`, `seconds` or
    `iterations` of the session; or `price:MODEL`, in calls of a model whose price is unknown.
    """

    kind: Literal["budget_reached"] = "budget_reached"
    cap: str
    used: int
    limit: int
    needed: int


@dataclass(frozen=True, kw_only=True)
class BudgetExtended:
    """Somebody, or progress itself, gave more room under a cap. See `BudgetReached`.

    That of a person is written by `Store.extend` alone, in one transaction with the `ExtendBudget`
    op that wakes the session.
    """

    kind: Literal["budget_extended"] = "budget_extended"
    cap: str
    amount: int
    extended_by: str
    reason: str = ""
    told: str = ""
    """What the model reads of it; empty: nothing."""


@dataclass(frozen=True, kw_only=True)
class Notified:
    """The model had something told to people outside the session."""

    kind: Literal["notified"] = "notified"
    call_id: CallId
    text: str
    destination: str
    """A channel by its name in the settings; empty: the session's own thread."""


@dataclass(frozen=True, kw_only=True)
class TurnFinished:
    """Every turn ends with exactly one of these."""

    kind: Literal["turn_finished"] = "turn_finished"
    outcome: Outcome
    detail: str
    """For people: the result, the limit, the reason, the question."""
    waiting_on: tuple[str, ...] = ()
    """Any of `approval:ID`, `answer:CALL_ID`, `job:ID`, `unknown:CALL_ID`, `budget:CAP`, and
    `model:TIME` (when one may be asked again; as in `clock.stamp`); only with `waiting`.
    """


Event = (
    SessionStarted
    | Recalled
    | UserSaid
    | Hinted
    | TurnStarted
    | ModelAsked
    | ModelReplied
    | ModelFailed
    | ModelSwitched
    | ApprovalRequested
    | ApprovalReminded
    | ApprovalDecided
    | CallParked
    | RuleGranted
    | RuleRevoked
    | AccessRefused
    | ToolStarted
    | ToolWaiting
    | ToolLost
    | UnknownResolved
    | ToolFinished
    | JobStarted
    | JobProgressed
    | JobEnded
    | BudgetNoticed
    | BudgetReached
    | BudgetExtended
    | Notified
    | InterruptRequested
    | OpCancelled
    | ModelChanged
    | Undone
    | CompactRequested
    | Compacted
    | Shortened
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
