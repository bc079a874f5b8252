"""What may be spent: how the caps stand, and more room under one."""

from ml_intern.api.operation import NO_QUERY, AnyOperation, Call, Operation, reading
from ml_intern.client import wire
from ml_intern.client.wire import Extension, NoQuery
from ml_intern.messages import SessionId


def _extend(call: Call[NoQuery, Extension]) -> wire.Resolved:
    wish = call.body
    won = call.door.extend(
        SessionId(call.subject),
        wish.cap,
        wish.amount,
        extended_by=wish.extended_by,
        reason=wish.reason,
        answers=wish.answers,
        key=call.key,
    )
    return wire.Resolved(won=won)


def _of_session(call: Call[NoQuery, None]) -> wire.Budget:
    return wire.Budget(caps=tuple(call.door.budget(SessionId(call.subject))))


def _shared(call: Call[NoQuery, None]) -> wire.Budget:
    return wire.Budget(caps=tuple(call.door.budget()))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        name="extend_budget",
        method="POST",
        path="/v1/sessions/{session_id}/extension",
        summary="Give more room under a cap; a session that waits for it goes on.",
        query=NO_QUERY,
        body=wire.EXTENSION,
        keyed=True,
        answer=_extend,
        encode=wire.RESOLVED.encode,
        document=wire.RESOLVED,
        problems=("unknown_session", "invalid_input", "draining"),
    ),
    reading(
        "show_budget",
        "/v1/sessions/{session_id}/budget",
        "How the caps stand that a session is under.",
        _of_session,
        wire.BUDGET,
        "unknown_session",
    ),
    reading(
        "show_shared_budget",
        "/v1/budget",
        "How the caps stand that all sessions share.",
        _shared,
        wire.BUDGET,
    ),
)
