"""What became of a call that a crash cut in the middle of its effect: a person's answer."""

from ml_intern.api.operation import NO_QUERY, AnyOperation, Call, Operation
from ml_intern.client import wire
from ml_intern.client.wire import NoQuery, Resolution
from ml_intern.messages import SessionId


def _resolve(call: Call[NoQuery, Resolution]) -> wire.Resolved:
    wish = call.body
    won = call.door.resolve(
        SessionId(call.subject),
        wish.call_id,
        wish.choice,
        resolved_by=wish.resolved_by,
        note=wish.note,
    )
    return wire.Resolved(won=won)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        name="resolve_unknown",
        method="POST",
        path="/v1/sessions/{session_id}/resolution",
        summary="Say what is to become of a lost call; the first answer stands.",
        query=NO_QUERY,
        body=wire.RESOLUTION,
        answer=_resolve,
        encode=wire.RESOLVED.encode,
        document=wire.RESOLVED,
        problems=("unknown_session", "invalid_input", "draining"),
    ),
)
