"""A person's decisions about calls: the first one wins, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from ml_intern.errors import InputError
from ml_intern.events import ApprovalDecided, Event, Exhibit, RuleGranted
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


def decide(connection: Connection, found: Encoded, at: str) -> tuple[ApprovalId, ...]:
    """Append decisions on approvals of one session, with their rules, and queue their ops.

    Which of them won: those whose approvals were still open. Nothing is stored of the others.
    Raises InputError for an unknown approval and for approvals of several sessions, StateConflict
    for a decision about something else.
    """
    named = [one.approval_id for one, _ in found if isinstance(one, ApprovalDecided)]
    session_id = _session_of(connection, named)
    sessions.hold(connection, session_id)
    won = tuple(
        key for key in named if connection.execute(_STATE, {"approval": key}).scalar() == "pending"
    )
    mine = [each for each in found if _is_about(each[0], won)]
    if mine:
        append_unheld(connection, session_id, mine, at)
    for key in won:
        backlog.put(connection, session_id, ApprovalDecision(approval_id=key), f"apr:{key}", at)
    return won


def _is_about(one: Event, won: Sequence[ApprovalId]) -> bool:
    return isinstance(one, ApprovalDecided | RuleGranted) and one.approval_id in won


def _session_of(connection: Connection, named: Sequence[ApprovalId]) -> SessionId:
    found: set[SessionId] = set()
    for key in named:
        session_id = connection.execute(_OF_SESSION, {"approval": key}).scalar()
        if session_id is None:
            raise _unknown(connection, key)
        found.add(SessionId(session_id))
    if len(found) != 1:
        raise InputError("Decide about approvals of one session at a time.")
    return found.pop()


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
        question_id=row["question_id"],
        **_shown(row["shown"]),
    )


def _shown(stored: dict[str, Any] | None) -> dict[str, Any]:
    """What `edges.shown` has made of the request."""
    found = dict(stored or {})
    found["exhibits"] = tuple(Exhibit(**one) for one in found.get("exhibits", ()))
    return found
