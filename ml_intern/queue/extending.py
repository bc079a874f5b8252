"""More room under a cap, and the op that goes on with it, in the caller's transaction.

Two clicks extend once: what belongs to one `BudgetReached` has one key. So does a request that is
sent again, also where the session has gone on since.
"""

import json

from sqlalchemy import Connection, Text, bindparam, cast, select

from ml_intern import events
from ml_intern.events import BudgetExtended, BudgetReached, SessionStarted
from ml_intern.messages import SessionId
from ml_intern.ops import ExtendBudget
from ml_intern.queue import backlog, sessions
from ml_intern.queue.append import append_unheld, encoded
from ml_intern.queue.rows import RoomWanted
from ml_intern.queue.schema import event, op, session

_REACHED = (
    select(event.c.seq, event.c.data)
    .where(event.c.session_id == bindparam("of"), event.c.kind == "budget_reached")
    .order_by(event.c.seq.desc())
    # A turn reaches one cap and ends, so an older one is of a turn before.
    .limit(1)
)
_TURN_SINCE = (
    select(event.c.seq)
    .where(
        event.c.session_id == bindparam("of"),
        event.c.kind == "turn_started",
        event.c.seq > bindparam("after"),
    )
    .limit(1)
)
_GIVEN = select(op.c.payload).where(
    op.c.session_id == bindparam("of"), op.c.kind == "extend_budget"
)
_WAIT = (
    select(session.c.id, session.c.waiting_on)
    .where(session.c.state == "waiting", cast(session.c.waiting_on, Text).like('%"budget:%'))
    .order_by(session.c.ready_since, session.c.id)
)
_FIRST = select(event.c.data).where(event.c.session_id == bindparam("of"), event.c.seq == 1)


def extend(
    connection: Connection,
    session_id: SessionId,
    found: BudgetExtended,
    answers: int | None,
    key: str | None,
    at: str,
) -> int | None:
    """Store one extension and its op; returns the op's number, None when it is there already.

    Raises UnknownSession, InputError.
    """
    sessions.hold(connection, session_id)
    reached = answers or reached_last(connection, session_id, found.cap)
    dedupe = key if reached is None else dedupe_key(found.cap, reached)
    if backlog.was_seen(connection, session_id, dedupe) or _was_given(connection, session_id, key):
        return None
    append_unheld(connection, session_id, encoded([found]), at)
    order = ExtendBudget(cap=found.cap, key=key)
    return backlog.put(connection, session_id, order, dedupe, at)


def _was_given(connection: Connection, session_id: SessionId, key: str | None) -> bool:
    """Whether room was given under this key, as an answer to whatever was reached then."""
    if key is None:
        return False
    given = connection.execute(_GIVEN, {"of": session_id}).scalars()
    return any(json.loads(payload).get("key") == key for payload in given)


def reached_last(connection: Connection, session_id: SessionId, cap: str) -> int | None:
    """Number of the event that says that the cap was reached, if no turn has begun since."""
    row = connection.execute(_REACHED, {"of": session_id}).first()
    if row is None or json.loads(row.data)["cap"] != cap:
        return None
    bind = {"of": session_id, "after": row.seq}
    return None if connection.execute(_TURN_SINCE, bind).first() else int(row.seq)


def dedupe_key(cap: str, reached_seq: int) -> str:
    """Of the one op that goes on after this event."""
    return f"extended:{cap}:{reached_seq}"


def without_room(connection: Connection) -> int:
    """How many sessions wait for room under a cap."""
    return len(connection.execute(_WAIT).all())


def wanted(connection: Connection) -> list[RoomWanted]:
    """Sessions that wait for room under a cap, those that were served longest ago first."""
    return [
        found
        for row in connection.execute(_WAIT).all()
        for on in row.waiting_on
        if on.startswith("budget:")
        and (found := _wanted(connection, SessionId(row.id), on.removeprefix("budget:")))
    ]


def _wanted(connection: Connection, session_id: SessionId, cap: str) -> RoomWanted | None:
    row = connection.execute(_REACHED, {"of": session_id}).first()
    reached = None if row is None else events.decode(row.data)
    if row is None or not isinstance(reached, BudgetReached) or reached.cap != cap:
        return None
    return RoomWanted(
        session_id=session_id,
        cap=cap,
        needed=reached.needed,
        reached_seq=row.seq,
        max_cost_micro_usd=_own_cap(connection, session_id),
    )


def _own_cap(connection: Connection, session_id: SessionId) -> int | None:
    started = events.decode(connection.execute(_FIRST, {"of": session_id}).scalar_one())
    return started.max_cost_micro_usd if isinstance(started, SessionStarted) else None
