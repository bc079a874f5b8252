"""Short names for the ops, events and owners that tests of the store are made of."""

import threading
from datetime import UTC, datetime, timedelta

from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    Effect,
    JobEnded,
    JobProgressed,
    JobStarted,
    JobStatus,
    ModelReplied,
    Outcome,
    RuleGranted,
    SessionStarted,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    UnknownResolved,
    Verdict,
)
from ml_intern.messages import (
    ApprovalId,
    CallId,
    Choice,
    JobId,
    SessionId,
    ToolCall,
    Usage,
)
from ml_intern.ops import Interrupt, Resume, UserInput
from ml_intern.queue.owner import Owner
from ml_intern.queue.store import Claim, Store

S = SessionId("aaaa-1")
T = SessionId("bbbb-2")

HERE = Owner(boot_id="test", pid=1, start_time=1)


class HandClock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self._start = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self.passed_s = 0.0
        self.slept_s = 0.0
        """While the machine slept: only `boottime` has counted it."""
        self._ids = 0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return 1000.0 + self.passed_s

    def boottime(self) -> float:
        return 5000.0 + self.passed_s + self.slept_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.passed_s += timeout_s
        return event.is_set()

    def new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"


def said(text: str = "train it") -> UserInput:
    return UserInput(text=text, author="ada")


def stop() -> Interrupt:
    return Interrupt(asked_by="ada", reason="lunch")


def resume(job: str = "j1") -> Resume:
    return Resume(on=f"job:{job}")


def started(title: str = "a task") -> SessionStarted:
    return SessionStarted(
        title=title, model="autopilot", workspace="/w", started_in="/home/ada", version="1.0"
    )


def turn(op_seq: int = 1, attempt: int = 1) -> TurnStarted:
    return TurnStarted(op_seq=op_seq, attempt=attempt)


def replied(*calls: str) -> ModelReplied:
    return ModelReplied(
        reply_id="r1",
        model="autopilot",
        text="I will.",
        thinking="",
        tool_calls=tuple(
            ToolCall(call_id=CallId(call), name="bash", arguments="{}") for call in calls
        ),
        usage=Usage(),
        cost_micro_usd=0,
        stop_reason="tool_calls" if calls else "end",
        duration_ms=1,
    )


def asked(call: str = "c1", approval: str = "a1", sha256: str = "sha-1") -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=ApprovalId(approval),
        call_id=CallId(call),
        tool="bash",
        arguments={"command": "ls"},
        arguments_sha256=sha256,
        reason="it leaves the machine",
    )


def decided(
    verdict: Verdict = "approve",
    call: str = "c1",
    approval: str = "a1",
    sha256: str = "sha-1",
    by: str = "ada",
) -> ApprovalDecided:
    return ApprovalDecided(
        approval_id=ApprovalId(approval),
        call_id=CallId(call),
        verdict=verdict,
        arguments={"command": "ls"},
        arguments_sha256=sha256,
        decided_by=by,
        reason="",
    )


def began(call: str = "c1", sha256: str = "sha-1", effect: Effect = "write") -> ToolStarted:
    return ToolStarted(
        call_id=CallId(call), tool="bash", arguments={}, arguments_sha256=sha256, effect=effect
    )


def waits(call: str = "c1", on: str = "job:j1") -> ToolWaiting:
    return ToolWaiting(call_id=CallId(call), on=on)


def lost(call: str = "c1") -> ToolLost:
    return ToolLost(call_id=CallId(call), tool="bash")


def resolved(choice: Choice, call: str = "c1") -> UnknownResolved:
    return UnknownResolved(call_id=CallId(call), choice=choice, resolved_by="ada")


def answered(call: str = "c1", *, ok: bool = True) -> ToolFinished:
    return ToolFinished(
        call_id=CallId(call), tool="bash", ok=ok, output="done", answered_by="tool", duration_ms=1
    )


def job_started(job: str = "j1") -> JobStarted:
    return JobStarted(job_id=JobId(job), compute="local", handle={"pid": 7}, label="train.py")


def progressed(job: str = "j1", log_offset: int = 10) -> JobProgressed:
    return JobProgressed(
        job_id=JobId(job), step=1, max_steps=9, metrics={"loss": None}, log_offset=log_offset
    )


def job_ended(job: str = "j1", status: JobStatus = "succeeded") -> JobEnded:
    return JobEnded(job_id=JobId(job), status=status, exit_code=0, reason="")


def ended(outcome: Outcome = "finished", *waiting_on: str) -> TurnFinished:
    return TurnFinished(outcome=outcome, detail=f"it {outcome}", waiting_on=waiting_on)


def new_session(store: Store, session_id: SessionId = S, text: str = "train it") -> int:
    return store.create_session(session_id, started(), said(text))


def claimed(store: Store) -> Claim:
    """The next op; the test is wrong when there is none."""
    claim = store.claim(0)
    assert claim is not None, "no session was ready"
    return claim


def kinds(store: Store, session_id: SessionId = S) -> list[str]:
    return [recorded.event.kind for recorded in store.events(session_id)]


def granted(rule_id: str = "r1") -> RuleGranted:
    return RuleGranted(
        rule_id=rule_id,
        approval_id=ApprovalId("a1"),
        tool="bash",
        operation="",
        repository="",
        max_cost_micro_usd=0,
        granted_by="ada",
    )
