"""What an event moves: each edge is one compare-and-set, in the transaction that stores the event.

An edge that finds another state than it is to leave raises StateConflict, and nothing of the
transaction stays.
"""

from dataclasses import asdict
from typing import Any, assert_never

from sqlalchemy import Connection, Update, bindparam, insert, or_, select, update

from ml_intern.errors import StateConflict
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
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    Undone,
    UnknownResolved,
    UserSaid,
    Verdict,
)
from ml_intern.messages import CallId, SessionId
from ml_intern.queue import budgets
from ml_intern.queue.rows import ApprovalState
from ml_intern.queue.schema import approval, job, op, session, tool_call

_DECIDED: dict[Verdict, ApprovalState] = {
    "approve": "approved",
    "deny": "denied",
    "edit": "edited",
    "expire": "expired",
}

_PLAN = insert(tool_call).inline()
_ASK = insert(approval).inline()
_RUN_JOB = insert(job).inline()

_CALL = update(tool_call).where(
    tool_call.c.session_id == bindparam("of"), tool_call.c.call_id == bindparam("call")
)
_NO_PERSON = {"waiting_since": None, "expires_at": None, "reminders": 0}
# What was approved is asked again when that which its arguments only name has changed.
_AWAIT = _CALL.where(tool_call.c.state.in_(["planned", "approved"])).values(
    state="awaiting_approval",
    arguments_sha256=None,
    waiting_since=bindparam("at"),
    expires_at=bindparam("until"),
    reminders=0,
)
_REMIND = _CALL.where(
    or_(
        tool_call.c.state == "awaiting_approval",
        (tool_call.c.state == "waiting") & tool_call.c.waiting_since.is_not(None),
    ),
    tool_call.c.reminders == bindparam("before"),
).values(reminders=bindparam("before") + 1)
_DECIDE = _CALL.where(tool_call.c.state == "awaiting_approval").values(
    state=bindparam("to"), arguments_sha256=bindparam("sha256"), **_NO_PERSON
)
_START = _CALL.where(
    # What was decided, or started once, is what runs.
    or_(
        tool_call.c.arguments_sha256.is_(None),
        tool_call.c.arguments_sha256 == bindparam("sha256"),
    ),
    or_(
        tool_call.c.state.in_(["planned", "approved", "waiting"]),
        # After a crash a read may run again; anything else never does.
        (tool_call.c.state == "started")
        & (tool_call.c.effect == "read")
        & (bindparam("new_effect", type_=tool_call.c.effect.type) == "read"),
    ),
).values(
    state="started",
    arguments_sha256=bindparam("sha256"),
    effect=bindparam("new_effect"),
    waiting_on=None,
    **_NO_PERSON,
)
_WAIT = _CALL.where(tool_call.c.state == "started").values(
    state="waiting",
    waiting_on=bindparam("on"),
    waiting_since=bindparam("since"),
    expires_at=bindparam("until"),
    reminders=0,
)
_LOSE = _CALL.where(tool_call.c.state == "started").values(
    state="unknown", waiting_on=bindparam("on")
)
# The hash of the arguments stays: a call that is started again is the same call.
_RESOLVE = _CALL.where(tool_call.c.state == "unknown").values(state=bindparam("to"))
_ANSWER = _CALL.where(tool_call.c.state.not_in(["succeeded", "failed"])).values(
    state=bindparam("to"), waiting_on=None, **_NO_PERSON
)
_GOT_FURTHER = (
    update(op)
    .where(op.c.session_id == bindparam("of"), op.c.state == "running", op.c.attempts > 1)
    .values(attempts=1)
)
_CLOSE = (
    update(approval)
    .where(
        approval.c.id == bindparam("approval"),
        approval.c.session_id == bindparam("of"),
        approval.c.call_id == bindparam("call"),
        approval.c.state == "pending",
        # Only an edit may bring other arguments than those that were asked for.
        or_(
            bindparam("to", type_=approval.c.state.type) == "edited",
            approval.c.arguments_sha256 == bindparam("sha256"),
        ),
    )
    .values(state=bindparam("to"), decided_by=bindparam("by"), decided_at=bindparam("at"))
)
_SUPERSEDE = (
    update(approval)
    .where(
        approval.c.state == "pending",
        approval.c.session_id == bindparam("of"),
        approval.c.call_id == bindparam("call"),
    )
    .values(state="superseded")
)
_JOB = update(job).where(
    job.c.session_id == bindparam("of"),
    job.c.job_id == bindparam("job"),
    job.c.status == "running",
)
_FOLLOW_JOB = _JOB.where(job.c.log_offset <= bindparam("offset")).values(
    log_offset=bindparam("offset")
)
_END_JOB = _JOB.values(status=bindparam("to"))
_TURN = (
    update(session)
    .where(session.c.id == bindparam("of"))
    .values(
        outcome=bindparam("to"),
        detail=bindparam("words"),
        waiting_on=bindparam("on", type_=session.c.waiting_on.type),
    )
)
_CHANGE_MODEL = update(session).where(session.c.id == bindparam("of")).values(model=bindparam("to"))
_CALL_STATE = select(tool_call.c.state, tool_call.c.arguments_sha256).where(
    tool_call.c.session_id == bindparam("of"), tool_call.c.call_id == bindparam("call")
)
_JOB_STATUS = select(job.c.status, job.c.log_offset).where(
    job.c.session_id == bindparam("of"), job.c.job_id == bindparam("job")
)


def apply(connection: Connection, session_id: SessionId, event: Event, at: str) -> None:
    """Move the rows that `event` is about. Raises StateConflict, OverBudget, InputError."""
    match event:
        case ModelAsked() | ModelReplied() | ModelFailed() | Compacted():
            _of_model(connection, session_id, event)
        case ApprovalRequested() | ApprovalReminded() | ApprovalDecided():
            _of_approval(connection, session_id, event, at)
        case ToolStarted() | ToolWaiting() | ToolLost() | UnknownResolved() | ToolFinished():
            _of_call(connection, session_id, event, at)
        case JobStarted() | JobProgressed() | JobEnded():
            _of_job(connection, session_id, event, at)
        case TurnStarted() | TurnFinished():
            _of_turn(connection, session_id, event)
        case BudgetNoticed():
            budgets.noticed(connection, event)
        case BudgetExtended():
            budgets.extended(connection, event)
        case ModelChanged():
            connection.execute(_CHANGE_MODEL, {"of": session_id, "to": event.model})
        case (
            SessionStarted()
            | Recalled()
            | UserSaid()
            | Hinted()
            | CallParked()
            | RuleGranted()
            | RuleRevoked()
            | AccessRefused()
            | BudgetReached()
            | Notified()
            | InterruptRequested()
            | OpCancelled()
            | Undone()
            | ModelSwitched()
            | CompactRequested()
            | Shortened()
        ):
            pass
        case _:
            assert_never(event)


def _of_model(
    connection: Connection,
    session_id: SessionId,
    event: ModelAsked | ModelReplied | ModelFailed | Compacted,
) -> None:
    match event:
        case ModelAsked():
            # A process that died while it asked may have spent what it had reserved.
            budgets.settle_model(connection, session_id, None)
            budgets.reserve(connection, session_id, event.spend)
        case ModelReplied():
            budgets.settle_model(connection, session_id, event.cost_micro_usd)
            _plan(connection, session_id, event)
        case ModelFailed():
            budgets.settle_model(connection, session_id, 0 if event.is_free else None)
        case Compacted():
            budgets.settle_model(connection, session_id, event.cost_micro_usd)
        case _:
            assert_never(event)


def _of_approval(
    connection: Connection,
    session_id: SessionId,
    event: ApprovalRequested | ApprovalReminded | ApprovalDecided,
    at: str,
) -> None:
    match event:
        case ApprovalRequested():
            _ask(connection, session_id, event, at)
        case ApprovalReminded():
            before = event.number - 1
            _move_call(connection, session_id, event.call_id, _REMIND, event.kind, before=before)
        case ApprovalDecided():
            _decide(connection, session_id, event, at)
        case _:
            assert_never(event)


def _of_call(
    connection: Connection,
    session_id: SessionId,
    event: ToolStarted | ToolWaiting | ToolLost | UnknownResolved | ToolFinished,
    at: str,
) -> None:
    match event:
        case ToolStarted():
            _start(connection, session_id, event)
        case ToolWaiting():
            _wait(connection, session_id, event, at)
        case ToolLost(call_id=call_id):
            _move_call(connection, session_id, call_id, _LOSE, event.kind, on=f"unknown:{call_id}")
        case UnknownResolved(call_id=call_id):
            to = "approved" if event.choice == "retry" else "unknown"
            _move_call(connection, session_id, call_id, _RESOLVE, event.kind, to=to)
        case ToolFinished():
            _answer(connection, session_id, event)
        case _:
            assert_never(event)


def _of_job(
    connection: Connection,
    session_id: SessionId,
    event: JobStarted | JobProgressed | JobEnded,
    at: str,
) -> None:
    match event:
        case JobStarted():
            _run_job(connection, session_id, event, at)
        case JobProgressed():
            _move_job(connection, session_id, event, _FOLLOW_JOB, offset=event.log_offset)
        case JobEnded():
            _move_job(connection, session_id, event, _END_JOB, to=event.status)
            budgets.settle_job(connection, session_id, event.job_id, event.cost_micro_usd)
        case _:
            assert_never(event)


def _of_turn(
    connection: Connection, session_id: SessionId, event: TurnStarted | TurnFinished
) -> None:
    # No request to a model goes on over the bounds of a turn.
    budgets.settle_model(connection, session_id, None)
    if isinstance(event, TurnFinished):
        _turn(connection, session_id, event.outcome, event.detail, event.waiting_on)
    else:
        _turn(connection, session_id, None, "", ())


def shown(event: ApprovalRequested) -> dict[str, Any]:
    """What a person is shown of a question, beside what has a column of its own."""
    return {
        "content_sha256": event.content_sha256,
        "operation": event.operation,
        "repository": event.repository,
        "why": event.why,
        "exhibits": [asdict(exhibit) for exhibit in event.exhibits],
        "cost_micro_usd": event.cost_micro_usd,
        "budget_left_micro_usd": event.budget_left_micro_usd,
        "on_denial": event.on_denial,
        "expires_at": event.expires_at,
        "like_this": event.like_this,
    }


def _plan(connection: Connection, session_id: SessionId, event: ModelReplied) -> None:
    rows = [
        {"session_id": session_id, "call_id": call.call_id, "name": call.name, "state": "planned"}
        for call in event.tool_calls
    ]
    if rows:
        connection.execute(_PLAN, rows)


def _ask(connection: Connection, session_id: SessionId, event: ApprovalRequested, at: str) -> None:
    until = event.expires_at or None
    _move_call(connection, session_id, event.call_id, _AWAIT, event.kind, at=at, until=until)
    connection.execute(
        _ASK,
        {
            "id": event.approval_id,
            "session_id": session_id,
            "call_id": event.call_id,
            "tool": event.tool,
            "arguments": event.arguments,
            "arguments_sha256": event.arguments_sha256,
            "reason": event.reason,
            "question_id": event.question_id,
            "shown": shown(event),
            "state": "pending",
            "requested_at": at,
        },
    )


def _decide(connection: Connection, session_id: SessionId, event: ApprovalDecided, at: str) -> None:
    bind = {
        "approval": event.approval_id,
        "of": session_id,
        "call": event.call_id,
        "to": _DECIDED[event.verdict],
        "sha256": event.arguments_sha256,
        "by": event.decided_by,
        "at": at,
    }
    if connection.execute(_CLOSE, bind).rowcount != 1:
        raise StateConflict(
            f"{event.kind}: approval {event.approval_id} is not open for call {event.call_id} of "
            f"session {session_id} with arguments {event.arguments_sha256}."
        )
    to = "denied" if event.verdict in ("deny", "expire") else "approved"
    sha256 = event.arguments_sha256
    _move_call(connection, session_id, event.call_id, _DECIDE, event.kind, to=to, sha256=sha256)


def _start(connection: Connection, session_id: SessionId, event: ToolStarted) -> None:
    budgets.reserve(connection, session_id, event.spend)
    _move_call(
        connection,
        session_id,
        event.call_id,
        _START,
        event.kind,
        sha256=event.arguments_sha256,
        new_effect=event.effect,
    )


def _wait(connection: Connection, session_id: SessionId, event: ToolWaiting, at: str) -> None:
    """Only those who wait for a person are reminded, and given up."""
    since = at if event.on.startswith("answer:") else None
    until = event.expires_at or None
    _move_call(
        connection,
        session_id,
        event.call_id,
        _WAIT,
        event.kind,
        on=event.on,
        since=since,
        until=until,
    )


def _answer(connection: Connection, session_id: SessionId, event: ToolFinished) -> None:
    to = "succeeded" if event.ok else "failed"
    _move_call(connection, session_id, event.call_id, _ANSWER, event.kind, to=to)
    connection.execute(_SUPERSEDE, {"of": session_id, "call": event.call_id})
    budgets.settle_call(connection, session_id, event.call_id, event.cost_micro_usd)
    if event.answered_by == "tool":
        # Workers that were lost before are no sign against an op that gets further.
        connection.execute(_GOT_FURTHER, {"of": session_id})


def _run_job(connection: Connection, session_id: SessionId, event: JobStarted, at: str) -> None:
    connection.execute(
        _RUN_JOB,
        {
            "session_id": session_id,
            "job_id": event.job_id,
            "compute": event.compute,
            "handle": event.handle,
            "label": event.label,
            "status": "running",
            "log_offset": 0,
            "started_at": at,
        },
    )


def _move_job(
    connection: Connection,
    session_id: SessionId,
    event: JobProgressed | JobEnded,
    edge: Update,
    **values: Any,
) -> None:
    bind = {"of": session_id, "job": event.job_id}
    if connection.execute(edge, {**bind, **values}).rowcount != 1:
        row = connection.execute(_JOB_STATUS, bind).first()
        found = f"{row.status}, read up to byte {row.log_offset}" if row else "unknown"
        raise StateConflict(f"{event.kind}: job {event.job_id} of session {session_id} is {found}.")


def _turn(
    connection: Connection,
    session_id: SessionId,
    outcome: str | None,
    detail: str,
    waiting_on: tuple[str, ...],
) -> None:
    connection.execute(
        _TURN, {"of": session_id, "to": outcome, "words": detail, "on": list(waiting_on)}
    )


def _move_call(
    connection: Connection,
    session_id: SessionId,
    call_id: CallId,
    edge: Update,
    kind: str,
    **values: Any,
) -> None:
    bind = {"of": session_id, "call": call_id}
    if connection.execute(edge, {**bind, **values}).rowcount == 1:
        return
    row = connection.execute(_CALL_STATE, bind).first()
    found = f"{row.state} with arguments {row.arguments_sha256}" if row else "unknown"
    raise StateConflict(f"{kind}: call {call_id} of session {session_id} is {found}.")
