"""What waits for a person's yes."""

from ml_intern.api.operation import AnyOperation, Call, Operation, reading
from ml_intern.client import wire
from ml_intern.client.wire import ApprovalsQuery, Codec, Decision, NoQuery
from ml_intern.messages import SessionId
from ml_intern.queue.rows import ApprovalRow


def _list(call: Call[ApprovalsQuery, None]) -> wire.ApprovalList:
    named = call.query.session
    found = call.door.open_approvals(None if named is None else SessionId(named))
    return wire.ApprovalList(approvals=tuple(found))


def _show(call: Call[NoQuery, None]) -> ApprovalRow:
    return call.door.approval(call.subject)


def _decide(call: Call[NoQuery, Decision]) -> wire.Decided:
    wish = call.body
    won = call.door.decide(
        call.subject,
        wish.verdict,
        decided_by=wish.decided_by,
        reason=wish.reason,
        arguments=wish.arguments,
    )
    return wire.Decided(won=won, approval=call.door.approval(call.subject))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        name="list_approvals",
        path="/v1/approvals",
        summary="The approvals that wait for a person.",
        query=Codec(ApprovalsQuery),
        answer=_list,
        encode=wire.APPROVALS.encode,
        document=wire.APPROVALS,
    ),
    reading(
        "show_approval",
        "/v1/approvals/{approval_id}",
        "The approval with this id, or the only one whose id begins so.",
        _show,
        wire.APPROVAL,
        "invalid_input",
    ),
    Operation(
        name="decide",
        method="POST",
        path="/v1/approvals/{approval_id}/decision",
        summary="Decide an open approval; the first decision stands.",
        query=Codec(NoQuery),
        body=wire.DECISION,
        answer=_decide,
        encode=wire.DECIDED.encode,
        document=wire.DECIDED,
        problems=("invalid_input", "state_conflict", "draining"),
    ),
)
