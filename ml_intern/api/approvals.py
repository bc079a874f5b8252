"""What waits for a person's yes."""

from ml_intern.api.operation import AnyOperation, Call, Operation, reading
from ml_intern.client import wire
from ml_intern.client.wire import ApprovalsQuery, Codec, Decision, Decisions, Edit, NoQuery
from ml_intern.messages import SessionId
from ml_intern.queue.rows import ApprovalRow
from ml_intern.session.said import EditCheck, Said


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
        like_this=wish.like_this,
    )
    return wire.Decided(won=won, approval=call.door.approval(call.subject))


def _decide_all(call: Call[NoQuery, Decisions]) -> wire.AllDecided:
    said = [Said(**vars(one)) for one in call.body.decisions]
    return wire.AllDecided(won=tuple(call.door.decide_all(said, decided_by=call.body.decided_by)))


def _check_edit(call: Call[NoQuery, Edit]) -> EditCheck:
    return call.door.check_edit(call.subject, call.body.arguments)


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
    Operation(
        name="decide_all",
        method="POST",
        path="/v1/decisions",
        summary="Decide several approvals of one session at once; first decisions stand.",
        query=Codec(NoQuery),
        body=wire.DECISIONS,
        answer=_decide_all,
        encode=wire.ALL_DECIDED.encode,
        document=wire.ALL_DECIDED,
        problems=("invalid_input", "state_conflict", "draining"),
    ),
    Operation(
        name="check_edit",
        method="POST",
        path="/v1/approvals/{approval_id}/edit-check",
        summary="Whether an approval could be given with these arguments; decides nothing.",
        query=Codec(NoQuery),
        body=wire.EDIT,
        answer=_check_edit,
        encode=wire.EDIT_CHECK.encode,
        document=wire.EDIT_CHECK,
        problems=("invalid_input",),
    ),
)
