"""Which mail is no longer needed: what was dealt with long ago, and nothing refers to.

A letter is kept as long as the other side may send it again. What was sent is kept as long as its
session goes on, because its messages are changed in place; the first message of a lane for ever:
by its name the session of a late reply is found.
"""

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select

from ml_intern.queue.schema import inbox, outbox, session

_ENDED = ("sent", "superseded", "failed")
_other = outbox.alias()
_BEGAN_ITS_LANE = outbox.c.external_id.is_not(None) & (
    outbox.c.id
    == select(func.min(_other.c.id))
    .where(
        _other.c.channel == outbox.c.channel,
        _other.c.state == outbox.c.state,
        _other.c.lane == outbox.c.lane,
        _other.c.external_id.is_not(None),
    )
    .correlate(outbox)
    .scalar_subquery()
)
_AT_REST = exists().where(
    session.c.id == outbox.c.session_id,
    session.c.state == "idle",
    session.c.updated < bindparam("before"),
)
_SENT = (
    select(outbox.c.id)
    .where(outbox.c.state.in_(_ENDED), outbox.c.created < bindparam("before"))
    .where(or_(outbox.c.external_id.is_(None), outbox.c.session_id.is_(None), _AT_REST))
    .where(~_BEGAN_ITS_LANE)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_READ = (
    select(inbox.c.id)
    .where(inbox.c.state != "new", inbox.c.received_at < bindparam("before"))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def prune(connection: Connection, before: str, most: int) -> int:
    """Delete at most `most` from each box that are older than the time `before`; how many."""
    gone = 0
    for table, found in ((outbox, _SENT), (inbox, _READ)):
        ids = list(connection.execute(found, {"before": before, "most": most}).scalars())
        gone += connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount
    return gone
