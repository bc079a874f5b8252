"""What became of a call that was cut in its effect, or of a job whose machine is gone: a person's
answer.
"""

from ml_intern.api.operation import NO_QUERY, AnyOperation, Call, Operation
from ml_intern.client import wire
from ml_intern.client.wire import JobLoss, NoQuery, Resolution
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


def _declare_lost(call: Call[NoQuery, JobLoss]) -> wire.Resolved:
    loss = call.body
    won = call.door.declare_lost(
        SessionId(call.subject), loss.job_id, declared_by=loss.declared_by, note=loss.note
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
    Operation(
        name="declare_job_lost",
        method="POST",
        path="/v1/sessions/{session_id}/job-loss",
        summary="Say that a running job ended with its machine.",
        query=NO_QUERY,
        body=wire.JOB_LOSS,
        answer=_declare_lost,
        encode=wire.RESOLVED.encode,
        document=wire.RESOLVED,
        problems=("unknown_session", "invalid_input", "draining"),
    ),
)
