"""A person's decision about one call: the first one wins, in the caller's transaction."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from ml_intern.errors import InputError
from ml_intern.events import ApprovalDecided
from ml_intern.messages import ApprovalId, SessionId
from ml_intern.ops import ApprovalDecision
from ml_intern.queue import backlog, sessions
from ml_intern.queue.append import Encoded, append_unheld
from ml_intern.queue.rows import ApprovalRow
from ml_intern.queue.schema import approval

_ALL = select(approval)
_ONE = _ALL.where(approval.c.id == bindparam("approval"))
_OF_SESSION = select(approval.c.session_id).where(approval.c.id == bindparam("approval"))
_STATE = select(approval.c.state).where(approval.c.id == bindparam("approval"))
_OPEN = _ALL.where(approval.c.state == "pending").order_by(approval.c.requested_at, approval.c.id)
_OPEN_OF_ONE = _OPEN.where(approval.c.session_id == bindparam("of"))
_SHOWN = 5
_STARTS = func.substr(approval.c.id, 1, func.length(bindparam("prefix")))
_BEGINS = _ALL.where(bindparam("prefix") == _STARTS).limit(_SHOWN + 1)  # SQLite's LIKE has limits
_LONGEST = 80
"""Characters of an unknown id that are repeated."""


def decide(connection: Connection, decided: ApprovalDecided, found: Encoded, at: str) -> bool:
    """Append the decision and queue its op, if the approval is still open.

    Raises InputError for an unknown approval, StateConflict for a decision about something else.
    """
    bind = {"approval": decided.approval_id}
    found_in = connection.execute(_OF_SESSION, bind).scalar()
    if found_in is None:
        raise _unknown(connection, decided.approval_id)
    session_id = SessionId(found_in)
    sessions.hold(connection, session_id)
    if connection.execute(_STATE, bind).scalar() != "pending":
        return False
    append_unheld(connection, session_id, found, at)
    wake = ApprovalDecision(approval_id=decided.approval_id)
    backlog.put(connection, session_id, wake, f"apr:{decided.approval_id}", at)
    return True


def by_prefix(connection: Connection, prefix: str) -> ApprovalRow:
    """The approval with this id, or the only one whose id begins so, and who decided it.

    Raises InputError, which names what could have been meant.
    """
    row = connection.execute(_ONE, {"approval": prefix}).mappings().first()
    if row is not None:
        return _approval(row)
    begins = connection.execute(_BEGINS, {"prefix": prefix}).mappings()
    found = begins.all() if prefix else []
    if not found:
        raise _unknown(connection, prefix)
    if len(found) > 1:
        names = ", ".join(each["id"] for each in found[:_SHOWN])
        raise InputError(f"{prefix!r} begins more than one approval; give more of it: {names}.")
    return _approval(found[0])


def pending(connection: Connection, session_id: SessionId | None) -> list[ApprovalRow]:
    """Approvals that nobody has decided, oldest first; of all sessions for None."""
    if session_id is None:
        return [_approval(row) for row in connection.execute(_OPEN).mappings()]
    rows = connection.execute(_OPEN_OF_ONE, {"of": session_id}).mappings()
    return [_approval(row) for row in rows]


def _unknown(connection: Connection, named: str) -> InputError:
    known = ", ".join(found.approval_id for found in pending(connection, None)) or "none"
    return InputError(f"No approval {named[:_LONGEST]!r}. Open approvals: {known}.")


def _approval(row: RowMapping) -> ApprovalRow:
    return ApprovalRow(
        approval_id=ApprovalId(row["id"]),
        session_id=SessionId(row["session_id"]),
        call_id=row["call_id"],
        tool=row["tool"],
        arguments=row["arguments"],
        arguments_sha256=row["arguments_sha256"],
        reason=row["reason"],
        state=row["state"],
        requested_at=datetime.fromisoformat(row["requested_at"]),
        decided_by=row["decided_by"],
        decided_at=datetime.fromisoformat(row["decided_at"]) if row["decided_at"] else None,
    )
