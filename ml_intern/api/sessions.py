"""Sessions: starting them, looking at them, and what can be asked of them."""

from pathlib import Path

from ml_intern.api.operation import AnyOperation, Call, Operation, reading
from ml_intern.client import wire
from ml_intern.client.door import Request
from ml_intern.client.wire import Codec, ForkRequest, NoQuery, SessionRequest, SessionsQuery
from ml_intern.errors import InputError
from ml_intern.messages import SessionId
from ml_intern.queue.rows import QueuePlace

_REFUSALS = ("invalid_input", "wrong_setting", "busy", "draining")


def _start(call: Call[NoQuery, SessionRequest]) -> wire.Started:
    new = call.body.plain()
    _demand_absolute(new.started_in)
    return wire.Started(session_id=call.door.start_session(new, key=call.key))


def _fork(call: Call[NoQuery, ForkRequest]) -> wire.Started:
    fork = call.body.plain()
    _demand_absolute(fork.started_in)
    return wire.Started(session_id=call.door.fork(fork, key=call.key))


def _demand_absolute(started_in: str) -> None:
    if not Path(started_in).is_absolute():
        raise InputError(
            f"started_in = {started_in!r} is not absolute; the daemon works in another folder "
            "than whoever asks it."
        )


def _list(call: Call[SessionsQuery, None]) -> wire.SessionList:
    return wire.SessionList(sessions=tuple(call.door.sessions(call.query.limit)))


def _show(call: Call[NoQuery, None]) -> wire.SessionAnswer:
    row = call.door.session(call.subject)
    waiting = call.door.open_approvals(row.session_id)
    return wire.SessionAnswer(session=row, open_approvals=tuple(waiting))


def _submit(call: Call[NoQuery, Request]) -> wire.Accepted:
    op_seq = call.door.submit(SessionId(call.subject), call.body, key=call.key)
    return wire.Accepted(op_seq=op_seq)


def _queue(call: Call[NoQuery, None]) -> QueuePlace:
    return call.door.queue_place(SessionId(call.subject))


def _trace(call: Call[NoQuery, None]) -> wire.TracePlace:
    return wire.TracePlace(path=call.door.trace_path(SessionId(call.subject)))


def _rewrite(call: Call[NoQuery, None]) -> wire.Rewritten:
    return wire.Rewritten(files=call.door.rewrite_trace(SessionId(call.subject)))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        name="start_session",
        method="POST",
        path="/v1/sessions",
        summary="Store a new session with its task.",
        query=Codec(NoQuery),
        body=wire.SESSION_REQUEST,
        keyed=True,
        answer=_start,
        encode=wire.STARTED.encode,
        document=wire.STARTED,
        status=201,
        problems=_REFUSALS,
    ),
    Operation(
        name="fork_session",
        method="POST",
        path="/v1/forks",
        summary="Store a new session that goes on from another one.",
        query=Codec(NoQuery),
        body=wire.FORK_REQUEST,
        keyed=True,
        answer=_fork,
        encode=wire.STARTED.encode,
        document=wire.STARTED,
        status=201,
        problems=("unknown_session", *_REFUSALS),
    ),
    Operation(
        name="list_sessions",
        path="/v1/sessions",
        summary="The newest sessions.",
        query=Codec(SessionsQuery),
        answer=_list,
        encode=wire.SESSIONS.encode,
        document=wire.SESSIONS,
    ),
    reading(
        "show_session",
        "/v1/sessions/{session_id}",
        "The session with this id, or the only one whose id begins so.",
        _show,
        wire.SESSION,
        "unknown_session",
        "invalid_input",
    ),
    Operation(
        name="submit",
        method="POST",
        path="/v1/sessions/{session_id}/ops",
        summary="Queue a request; it is on disk when this answers.",
        query=Codec(NoQuery),
        body=wire.REQUEST,
        keyed=True,
        answer=_submit,
        encode=wire.ACCEPTED.encode,
        document=wire.ACCEPTED,
        status=202,
        problems=("unknown_session", *_REFUSALS),
    ),
    reading(
        "show_queue_place",
        "/v1/sessions/{session_id}/queue",
        "What is open in the session, and who works on it or comes first.",
        _queue,
        wire.QUEUE_PLACE,
        "unknown_session",
    ),
    reading(
        "show_trace",
        "/v1/sessions/{session_id}/trace",
        "Where the session's trace is or will be.",
        _trace,
        wire.TRACE,
        "unknown_session",
    ),
    Operation(
        name="rewrite_trace",
        method="POST",
        path="/v1/sessions/{session_id}/trace",
        summary="Write the session's trace anew, by the secrets and patterns that are known now.",
        query=Codec(NoQuery),
        answer=_rewrite,
        encode=wire.REWRITTEN.encode,
        document=wire.REWRITTEN,
        problems=("unknown_session", "state_conflict", "store_unavailable"),
    ),
)
