"""What a session's rows must be: its journal folded a second time, for whoever checks them.

Shares no code with `edges.py`, whose work it judges, nor with the tools, whose hash it computes
anew. Pure: knows no database. Memory grows with calls, approvals and jobs, not with texts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from ml_intern.events import (
    AccessRefused,
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    CallParked,
    Compacted,
    CompactRequested,
    Event,
    Hinted,
    InterruptRequested,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelAsked,
    ModelChanged,
    ModelFailed,
    ModelReplied,
    ModelSwitched,
    Notified,
    OpCancelled,
    Recalled,
    RuleGranted,
    RuleRevoked,
    SessionStarted,
    Shortened,
    Spend,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    Undone,
    UnknownResolved,
    UserSaid,
)
from ml_intern.queue.budgets import kept

_ANSWERED = ("succeeded", "failed")
_BEGUN = ("started", "waiting", "unknown")
_DECIDED = {"approve": "approved", "deny": "denied", "edit": "edited", "expire": "expired"}


@dataclass(kw_only=True, slots=True)
class Call:
    """A row of `tool_call`, without its key."""

    name: str
    state: str = "planned"
    arguments_sha256: str | None = None
    effect: str | None = None
    waiting_on: str | None = None
    waiting_since: str | None = None
    expires_at: str | None = None
    reminders: int = 0

    def wait_for_person(self, since: str, until: str) -> None:
        """From now on they may be reminded."""
        self.waiting_since, self.expires_at, self.reminders = since, until or None, 0

    def wait_no_more(self) -> None:
        """Whoever was waited for has answered, or nobody need."""
        self.waiting_since, self.expires_at, self.reminders = None, None, 0


@dataclass(kw_only=True, slots=True)
class Approval:
    """A row of `approval`, without its key; `arguments` by their hash."""

    call_id: str
    tool: str
    arguments: str
    arguments_sha256: str
    reason: str
    question_id: str
    requested_at: str
    state: str = "pending"
    decided_by: str | None = None
    decided_at: str | None = None


@dataclass(kw_only=True, slots=True)
class Job:
    """A row of `job`, without its key."""

    compute: str
    handle: Any
    label: str
    started_at: str
    status: str = "running"
    log_offset: int = 0


@dataclass(kw_only=True, slots=True)
class Spent:
    """A row of `spend`, without its key."""

    caps: list[str]
    reserved_micro_usd: int
    spent_micro_usd: int | None = None
    state: str = "reserved"

    def end(self, cost: int | None) -> None:
        """It has cost so much; None: nobody can tell."""
        self.state = "held" if cost is None else "settled" if cost else "refunded"
        self.spent_micro_usd = self.reserved_micro_usd if cost is None else cost


@dataclass(kw_only=True, slots=True)
class Standing:
    """The columns of `session` that come from its events."""

    title: str = ""
    model: str = ""
    workspace: str = ""
    started_in: str = ""
    version: str = ""
    created: str = ""
    outcome: str | None = None
    detail: str = ""
    waiting_on: list[str] = field(default_factory=list)


class Refold:
    """One session, event by event. What cannot have happened is said, then taken as it stands."""

    def __init__(self, op_kinds: Mapping[int, str]) -> None:
        """`op_kinds`: of the session's ops, by number."""
        self.calls: dict[str, Call] = {}
        self.approvals: dict[str, Approval] = {}
        self.jobs: dict[str, Job] = {}
        self.spends: dict[str, Spent] = {}
        self.extended: Counter[str] = Counter()
        """By cap, by this session alone."""
        self.noticed: dict[str, int] = {}
        """The highest percentage, by cap, that this session told of."""
        self.session = Standing()
        self.cancelled_ops: set[int] = set()
        self._rules: dict[str, bool] = {}
        """Whether a rule that was granted still holds."""
        self._op_kinds = op_kinds
        self._open: dict[str, Approval] = {}
        """Those that nobody has decided, by call."""
        self._asked: set[str] = set()
        """What was reserved for a request to a model that has not ended."""
        self._is_first = True
        self._may_recall = False
        """Only behind the start of a fork, before anything else happened."""

    def take(self, event: Event, at: str) -> Iterator[str]:
        """Take up the next event; yields what is wrong with it, in words."""
        if isinstance(event, SessionStarted) != self._is_first:
            yield f"session_started is the first event and no other; this is {event.kind}"
        self._is_first = False
        yield from self._recall(event)
        yield from self._paid(event)
        yield from self._moved(event, at)

    def _recall(self, event: Event) -> Iterator[str]:
        if isinstance(event, SessionStarted):
            self._may_recall = event.forked_from is not None
        elif not isinstance(event, Recalled):
            self._may_recall = False
        elif not self._may_recall:
            yield "a message of another session is recalled elsewhere than where a fork starts"

    def _paid(self, event: Event) -> Iterator[str]:
        """What the event does to what is reserved; before it moves anything else."""
        match event:
            case ModelAsked():
                self._end_asking(None)
                yield from self._reserve(event.spend, self._asked)
            case ModelReplied() | Compacted():
                self._end_asking(event.cost_micro_usd)
            case ModelFailed():
                self._end_asking(0 if event.is_free else None)
            case TurnStarted() | TurnFinished():
                self._end_asking(None)
            case ToolStarted():
                yield from self._reserve(event.spend, set())
            case ToolFinished():
                job = self.jobs.get(event.call_id)
                if job is None or job.status != "running":
                    self._end(event.call_id, event.cost_micro_usd)
            case JobEnded():
                self._end(event.job_id, event.cost_micro_usd)
            case BudgetExtended():
                self.extended[event.cap] += event.amount
            case BudgetNoticed():
                if self.noticed.get(event.cap, 0) >= event.percent:
                    yield f"{event.percent} % of {event.cap} are told a second time"
                self.noticed[event.cap] = event.percent
            case _:
                pass

    def _reserve(self, spend: Spend | None, asked: set[str]) -> Iterator[str]:
        if spend is None:
            return
        before = self.spends.pop(spend.spend_id, None)
        if before is not None and before.state != "reserved":
            yield f"spend {spend.spend_id} is reserved and was {before.state} already"
        elif before is not None:
            prefix = kept(spend.spend_id)
            number = 1 + sum(name.startswith(prefix) for name in self.spends)
            before.end(None)
            self.spends[kept(spend.spend_id, number)] = before
        caps = sorted(spend.caps)
        self.spends[spend.spend_id] = Spent(caps=caps, reserved_micro_usd=spend.micro_usd)
        asked.add(spend.spend_id)

    def _end_asking(self, cost: int | None) -> None:
        for spend_id in self._asked:
            self._end(spend_id, cost)
        self._asked.clear()

    def _end(self, spend_id: str, cost: int | None) -> None:
        spent = self.spends.get(spend_id)
        if spent is not None and spent.state == "reserved":
            spent.end(cost)

    def _moved(self, event: Event, at: str) -> Iterator[str]:
        match event:
            case SessionStarted():
                self._start(event, at)
            case ModelReplied():
                yield from self._plan(event)
            case ApprovalRequested():
                yield from self._ask(event, at)
            case ApprovalReminded():
                yield from self._remind(event)
            case ApprovalDecided():
                yield from self._decide(event, at)
            case ToolStarted():
                yield from self._begin(event)
            case ToolWaiting():
                yield from self._wait(event, at)
            case ToolLost():
                yield from self._lose(event)
            case UnknownResolved():
                yield from self._resolve(event)
            case ToolFinished():
                yield from self._answer(event)
            case JobStarted():
                yield from self._run_job(event, at)
            case JobProgressed() | JobEnded():
                yield from self._move_job(event)
            case TurnStarted():
                yield from self._take_up(event)
            case TurnFinished():
                yield from self._end_turn(event)
            case OpCancelled():
                yield from self._cancel(event)
            case RuleGranted() | RuleRevoked():
                yield from self._rule(event)
            case ModelChanged():
                self.session.model = stored(event.model)
            case (
                Recalled()
                | UserSaid()
                | Hinted()
                | ModelAsked()
                | ModelFailed()
                | CallParked()
                | AccessRefused()
                | BudgetNoticed()
                | BudgetReached()
                | BudgetExtended()
                | Notified()
                | InterruptRequested()
                | Undone()
                | Compacted()
                | ModelSwitched()
                | CompactRequested()
                | Shortened()
            ):
                pass
            case _:
                assert_never(event)

    def _start(self, event: SessionStarted, at: str) -> None:
        self.session.title = stored(event.title)
        self.session.model = stored(event.model)
        self.session.workspace = stored(event.workspace)
        self.session.started_in = stored(event.started_in)
        self.session.version = event.version
        self.session.created = at

    def _plan(self, event: ModelReplied) -> Iterator[str]:
        for call in event.tool_calls:
            if call.call_id in self.calls:
                yield f"call {call.call_id} is planned a second time"
            else:
                self.calls[call.call_id] = Call(name=call.name)

    def _ask(self, event: ApprovalRequested, at: str) -> Iterator[str]:
        yield from _misbound(event.tool, event)
        if event.approval_id in self.approvals:
            yield f"approval {event.approval_id} is asked for a second time"
            return
        asked = Approval(
            call_id=event.call_id,
            tool=stored(event.tool),
            arguments=digest(event.arguments),
            arguments_sha256=event.arguments_sha256,
            reason=stored(event.reason),
            question_id=event.question_id,
            requested_at=at,
        )
        self.approvals[event.approval_id] = self._open[event.call_id] = asked
        yield from self._moves(event.call_id, "awaiting_approval", "planned", "approved")
        if event.call_id in self.calls:
            self.calls[event.call_id].arguments_sha256 = None
            self.calls[event.call_id].wait_for_person(at, event.expires_at)

    def _remind(self, event: ApprovalReminded) -> Iterator[str]:
        call = self.calls.get(event.call_id)
        if call is None or call.waiting_since is None:
            yield f"call {event.call_id} is reminded of and waits for nobody"
            return
        if call.reminders != event.number - 1:
            yield f"call {event.call_id} has reminder {event.number} after {call.reminders}"
        call.reminders = event.number

    def _decide(self, event: ApprovalDecided, at: str) -> Iterator[str]:
        asked = self.approvals.get(event.approval_id)
        if asked is None:
            yield f"approval {event.approval_id} is decided and was never asked for"
            return
        yield from _misbound(asked.tool, event)
        if asked.state != "pending":
            yield f"approval {event.approval_id} is decided and was {asked.state} already"
            return
        if asked.call_id != event.call_id:
            yield f"approval {event.approval_id} is of call {asked.call_id}, not {event.call_id}"
        if event.verdict != "edit" and asked.arguments_sha256 != event.arguments_sha256:
            yield f"approval {event.approval_id} is decided for arguments that were not asked for"
        asked.state = _DECIDED[event.verdict]
        asked.decided_by, asked.decided_at = stored(event.decided_by), at
        self._open.pop(asked.call_id, None)
        to = "denied" if event.verdict in ("deny", "expire") else "approved"
        yield from self._moves(event.call_id, to, "awaiting_approval")
        if event.call_id in self.calls:
            self.calls[event.call_id].arguments_sha256 = event.arguments_sha256
            self.calls[event.call_id].wait_no_more()

    def _begin(self, event: ToolStarted) -> Iterator[str]:
        yield from _misbound(event.tool, event)
        call = self.calls.get(event.call_id)
        if call is not None and call.arguments_sha256 not in (None, event.arguments_sha256):
            yield f"call {event.call_id} starts with other arguments than those that may run"
        reads_again = (
            call is not None and call.state == "started" and call.effect == event.effect == "read"
        )
        if reads_again:
            return
        yield from self._moves(event.call_id, "started", "planned", "approved", "waiting")
        if call is not None:
            call.arguments_sha256, call.effect = event.arguments_sha256, event.effect
            call.waiting_on = None
            call.wait_no_more()

    def _wait(self, event: ToolWaiting, at: str) -> Iterator[str]:
        yield from self._moves(event.call_id, "waiting", "started")
        if event.call_id not in self.calls:
            return
        call = self.calls[event.call_id]
        call.waiting_on = event.on
        if event.on.startswith("answer:"):
            call.wait_for_person(at, event.expires_at)

    def _lose(self, event: ToolLost) -> Iterator[str]:
        yield from self._moves(event.call_id, "unknown", "started")
        if event.call_id in self.calls:
            self.calls[event.call_id].waiting_on = f"unknown:{event.call_id}"

    def _resolve(self, event: UnknownResolved) -> Iterator[str]:
        to = "approved" if event.choice == "retry" else "unknown"
        yield from self._moves(event.call_id, to, "unknown")

    def _answer(self, event: ToolFinished) -> Iterator[str]:
        call = self.calls.get(event.call_id)
        if call is None:
            yield f"call {event.call_id} is answered and was never planned"
            return
        if call.state in _ANSWERED:
            yield f"call {event.call_id} is answered a second time"
            return
        if event.answered_by in ("tool", "recovery") and call.state not in _BEGUN:
            yield (
                f"call {event.call_id} is answered by {event.answered_by} and had not started; "
                f"it was {call.state}"
            )
        call.state = "succeeded" if event.ok else "failed"
        call.waiting_on = None
        call.wait_no_more()
        if asked := self._open.pop(event.call_id, None):
            asked.state = "superseded"

    def _moves(self, call_id: str, to: str, *leaving: str) -> Iterator[str]:
        call = self.calls.get(call_id)
        if call is None:
            yield f"call {call_id} becomes {to} and was never planned"
            return
        if call.state not in leaving:
            yield f"call {call_id} becomes {to} and was {call.state}"
        call.state = to

    def _run_job(self, event: JobStarted, at: str) -> Iterator[str]:
        if event.job_id in self.jobs:
            yield f"job {event.job_id} starts a second time"
            return
        self.jobs[event.job_id] = Job(
            compute=event.compute, handle=event.handle, label=stored(event.label), started_at=at
        )

    def _move_job(self, event: JobProgressed | JobEnded) -> Iterator[str]:
        job = self.jobs.get(event.job_id)
        if job is None:
            yield f"job {event.job_id} never started"
            return
        if job.status != "running":
            yield f"job {event.job_id} was {job.status} already"
            return
        if isinstance(event, JobEnded):
            job.status = event.status
        else:
            job.log_offset = event.log_offset

    def _take_up(self, event: TurnStarted) -> Iterator[str]:
        self.session.outcome, self.session.detail, self.session.waiting_on = None, "", []
        if event.op_seq not in self._op_kinds:
            yield f"a turn starts for op {event.op_seq}, which does not exist"

    def _end_turn(self, event: TurnFinished) -> Iterator[str]:
        self.session.outcome, self.session.detail = event.outcome, stored(event.detail)
        self.session.waiting_on = list(event.waiting_on)
        if event.waiting_on and event.outcome != "waiting":
            yield f"a turn that is {event.outcome} waits for {', '.join(event.waiting_on)}"

    def _cancel(self, event: OpCancelled) -> Iterator[str]:
        self.cancelled_ops.add(event.op_seq)
        kind = self._op_kinds.get(event.op_seq)
        if kind != event.op_kind:
            yield f"op {event.op_seq} is cancelled as {event.op_kind} and is {kind or 'no op'}"

    def _rule(self, event: RuleGranted | RuleRevoked) -> Iterator[str]:
        if isinstance(event, RuleGranted):
            if event.rule_id in self._rules:
                yield f"rule {event.rule_id} is granted a second time"
        elif not self._rules.get(event.rule_id, False):
            was = "was revoked already" if event.rule_id in self._rules else "was never granted"
            yield f"rule {event.rule_id} is revoked and {was}"
        self._rules[event.rule_id] = isinstance(event, RuleGranted)


def _misbound(tool: str, event: ApprovalRequested | ApprovalDecided | ToolStarted) -> Iterator[str]:
    text = json.dumps([tool, event.arguments], sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != event.arguments_sha256:
        yield f"arguments_sha256 of {event.kind} for call {event.call_id} is not of its arguments"


def stored(words: str) -> str:
    """As a column of text holds them: without NUL."""
    return words.replace("\0", "\ufffd")


def digest(document: Any) -> str:
    """The same for equal JSON, however it is written."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
