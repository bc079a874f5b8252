"""Calls that wait for a person to say what became of them; in the caller's transaction."""

from sqlalchemy import Connection, Text, cast, select

from ml_intern.messages import CallId, SessionId
from ml_intern.queue.rows import UnknownRow
from ml_intern.queue.schema import session, tool_call

# By what the session waits for: calls have no index of their own by state.
_OPEN = (
    select(tool_call.c.session_id, tool_call.c.call_id, tool_call.c.name)
    .join_from(session, tool_call)
    .where(
        session.c.state == "waiting",
        cast(session.c.waiting_on, Text).contains('"unknown:'),
        tool_call.c.state == "unknown",
    )
    .order_by(session.c.updated, tool_call.c.session_id, tool_call.c.call_id)
)


def unanswered(connection: Connection) -> list[UnknownRow]:
    """Of all sessions, those that wait longest first."""
    return [
        UnknownRow(session_id=SessionId(row.session_id), call_id=CallId(row.call_id), tool=row.name)
        for row in connection.execute(_OPEN)
    ]
