"""Which calls have waited for a person long enough: to be reminded of, or to be given up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, or_, select

from ml_intern.clock import stamp
from ml_intern.queue.rows import Awaited
from ml_intern.queue.schema import approval, tool_call

MOST = 200
"""At once; the rest is found by the next look."""

_WAITS = or_(
    tool_call.c.state == "awaiting_approval",
    (tool_call.c.state == "waiting") & tool_call.c.waiting_since.is_not(None),
)
_AWAITED = (
    select(
        tool_call.c.session_id,
        tool_call.c.call_id,
        tool_call.c.reminders,
        tool_call.c.expires_at,
        approval.c.id.label("approval_id"),
        approval.c.arguments,
        approval.c.arguments_sha256,
    )
    .outerjoin(
        approval,
        (approval.c.session_id == tool_call.c.session_id)
        & (approval.c.call_id == tool_call.c.call_id)
        & (approval.c.state == "pending"),
    )
    .where(_WAITS)
    .limit(MOST)
)
_EXPIRED = _AWAITED.where(
    tool_call.c.expires_at.is_not(None), tool_call.c.expires_at <= bindparam("now")
).order_by(tool_call.c.expires_at)
_SILENT = _AWAITED.where(
    tool_call.c.reminders == bindparam("before"),
    tool_call.c.waiting_since <= bindparam("since"),
    or_(tool_call.c.expires_at.is_(None), tool_call.c.expires_at > bindparam("now")),
).order_by(tool_call.c.waiting_since)


def expired(connection: Connection, now: datetime) -> list[Awaited]:
    """Those whose time is over, the longest first."""
    return _found(connection, _EXPIRED, now=stamp(now))


def silent(connection: Connection, now: datetime, reminder_s: Sequence[float]) -> list[Awaited]:
    """Those of which nobody was reminded yet after each of so many seconds; their next one."""
    return [
        one
        for number, after_s in enumerate(reminder_s)
        for one in _found(
            connection,
            _SILENT,
            now=stamp(now),
            before=number,
            since=stamp(now - timedelta(seconds=after_s)),
        )
    ]


def _found(connection: Connection, query: Select[Any], **bind: str | int) -> list[Awaited]:
    return [_awaited(row) for row in connection.execute(query, bind)]


def _awaited(row: Row[Any]) -> Awaited:
    return Awaited(
        session_id=row.session_id,
        call_id=row.call_id,
        approval_id=row.approval_id,
        arguments=row.arguments or {},
        arguments_sha256=row.arguments_sha256 or "",
        reminders=row.reminders,
    )
