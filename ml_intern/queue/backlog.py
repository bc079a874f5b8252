"""Accepting ops: bounds, duplicates, order, the lane of interrupts; in the caller's transaction."""

import pydantic
from sqlalchemy import Connection, bindparam, func, insert, select, update

from ml_intern import ops
from ml_intern.errors import Busy, Overtaken, UnknownSession
from ml_intern.events import Event, InterruptRequested, OpCancelled
from ml_intern.messages import SessionId
from ml_intern.ops import Interrupt, Op, UserInput
from ml_intern.queue.append import append_unheld, encoded
from ml_intern.queue.schema import op, session

MOST_QUEUED_OF_ONE_SESSION = 64
MOST_QUEUED = 1000
MOST_BUSY_SESSIONS_OF_ONE = 100
"""That one person has started, and that are queued or at work; those that wait do not count."""
_RETRY_AFTER_S = 5.0

_QUEUED = select(func.count()).select_from(op).where(op.c.state == "queued")
_QUEUED_OF_ONE = _QUEUED.where(op.c.session_id == bindparam("of"))
_BUSY_OF_ONE = (
    select(func.count())
    .select_from(session)
    .where(session.c.state.in_(["ready", "leased"]), session.c.author == bindparam("author"))
)
_SEEN = select(op.c.seq).where(op.c.session_id == bindparam("of"), op.c.dedupe == bindparam("key"))
_NEXT = (
    select(op.c.seq, op.c.payload)
    .where(op.c.session_id == bindparam("of"), op.c.state == "queued")
    .order_by(op.c.seq)
    .limit(1)
)
_COMPLETE = (
    update(op)
    .where(
        op.c.session_id == bindparam("of"),
        op.c.seq == bindparam("op_seq"),
        op.c.state == "queued",
    )
    .values(state="done")
)
_NUMBER = (
    update(session)
    .where(session.c.id == bindparam("of"))
    .values(next_op=session.c.next_op + 1, updated=bindparam("at"))
    .returning(session.c.next_op)
)
_PUT = insert(op).inline()
BEHIND_ALL = select(func.coalesce(func.max(session.c.ready_since), 0) + 1).scalar_subquery()
_READY = (
    update(session)
    .where(session.c.id == bindparam("of"), session.c.state.in_(["idle", "waiting"]))
    .values(state="ready", ready_since=BEHIND_ALL)
)
_INTERRUPT = (
    update(session).where(session.c.id == bindparam("of")).values(interrupt_upto=bindparam("upto"))
)
_OVERTAKEN = (
    update(op)
    .where(
        op.c.session_id == bindparam("of"),
        op.c.state == "queued",
        # A decision stays: the call that it is about goes on from it.
        op.c.kind.in_(["user_input", "resume"]),
    )
    .values(state="cancelled")
    .returning(op.c.seq, op.c.kind)
)


def refuse_over_bounds(connection: Connection, session_id: SessionId, order: Op) -> None:
    """Bound what people can pile up. Raises Busy.

    Other ops follow from accepted work and are bounded by it; refusing them would strand it.
    """
    if not isinstance(order, UserInput):
        return
    of_one = connection.execute(_QUEUED_OF_ONE, {"of": session_id}).scalar_one()
    if of_one >= MOST_QUEUED_OF_ONE_SESSION:
        raise Busy(
            f"Session {session_id} has {of_one} ops waiting; let it work, or stop it first.",
            retry_after_s=_RETRY_AFTER_S,
        )
    of_all = connection.execute(_QUEUED).scalar_one()
    if of_all >= MOST_QUEUED:
        raise Busy(
            f"{of_all} ops are waiting in all; try again later.", retry_after_s=_RETRY_AFTER_S
        )


def refuse_more_sessions(connection: Connection, author: str) -> None:
    """Bound what one person can have going on, for the sake of the others. Raises Busy."""
    busy = connection.execute(_BUSY_OF_ONE, {"author": author}).scalar_one()
    if busy >= MOST_BUSY_SESSIONS_OF_ONE:
        raise Busy(
            f"{author} has {busy} sessions queued or at work; let some end, or stop them.",
            retry_after_s=_RETRY_AFTER_S,
        )


def was_seen(connection: Connection, session_id: SessionId, dedupe: str | None) -> bool:
    """Whether the session has accepted an op with this key before."""
    if dedupe is None:
        return False
    return connection.execute(_SEEN, {"of": session_id, "key": dedupe}).first() is not None


def put(
    connection: Connection, session_id: SessionId, order: Op, dedupe: str | None, at: str
) -> int:
    """Queue `order` behind the session's others and make the session ready; returns its number.

    Raises UnknownSession.
    """
    after = connection.execute(_NUMBER, {"of": session_id, "at": at}).scalar()
    if after is None:
        raise UnknownSession(f"No session {session_id}.")
    seq: int = after - 1
    connection.execute(
        _PUT,
        {
            "session_id": session_id,
            "seq": seq,
            "kind": order.kind,
            "payload": ops.encode(order),
            "dedupe": dedupe,
            "state": "queued",
            "created": at,
        },
    )
    if isinstance(order, Interrupt):
        _overtake(connection, session_id, order, seq, at)
    connection.execute(_READY, {"of": session_id})
    return seq


def next_queued(connection: Connection, session_id: SessionId) -> tuple[int, Op] | None:
    """The op that is next in line behind the running one; None also when it cannot be read."""
    row = connection.execute(_NEXT, {"of": session_id}).first()
    if row is None:
        return None
    try:
        return row.seq, ops.decode(row.payload)
    except pydantic.ValidationError:
        return None  # whoever claims it gives it up


def complete(connection: Connection, session_id: SessionId, op_seq: int) -> None:
    """Mark the op done that is next in line. Raises Overtaken when it is not any more."""
    row = connection.execute(_NEXT, {"of": session_id}).first()
    if row is None or row.seq != op_seq:
        raise Overtaken(f"Op {op_seq} of session {session_id} is not next in line any more.")
    connection.execute(_COMPLETE, {"of": session_id, "op_seq": op_seq})


def _overtake(
    connection: Connection, session_id: SessionId, order: Interrupt, seq: int, at: str
) -> None:
    """The interrupt does not wait for its turn: it stops the running one and empties the lane."""
    connection.execute(_INTERRUPT, {"of": session_id, "upto": seq})
    overtaken = sorted(connection.execute(_OVERTAKEN, {"of": session_id}))
    reason = f"interrupted by {order.asked_by}"
    found: list[Event] = [
        InterruptRequested(asked_by=order.asked_by, reason=order.reason),
        *(OpCancelled(op_seq=old, op_kind=kind, reason=reason) for old, kind in overtaken),
    ]
    append_unheld(connection, session_id, encoded(found), at)
