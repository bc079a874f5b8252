"""Who may work on a session: claims, renewals and ends of leases, in the caller's transaction.

A session is leased to one worker at a time, and its ops go in order; an op that a lost worker left
`running` is the oldest unfinished one, so it is always the next. A lease ends by time when it was
not renewed; an end that lies far further ahead than any lease can last was written before the clock
was restarted, and is over too.
"""

from collections.abc import Collection
from dataclasses import dataclass

import pydantic
from sqlalchemy import Connection, Select, bindparam, or_, select, update

from ml_intern import ops
from ml_intern.errors import LeaseLost
from ml_intern.events import TurnFinished
from ml_intern.messages import SessionId
from ml_intern.ops import Op
from ml_intern.queue.append import Encoded, append_held, append_unheld, encoded
from ml_intern.queue.backlog import BEHIND_ALL
from ml_intern.queue.owner import Owner, is_provably_dead
from ml_intern.queue.rows import Claim, Lease
from ml_intern.queue.schema import op, session

LEASE_S = 15.0
SLACK_S = LEASE_S
"""An end may lie further ahead than a lease lasts by what passes between asking for the time and
looking: others claim meanwhile.
"""
MOST_ATTEMPTS = 3
"""Of one op; counted anew whenever one of its tool calls came to its end."""

_FREE = (session.c.site == bindparam("site")) & or_(
    session.c.state == "ready",
    (session.c.state == "leased")
    & or_(
        session.c.lease_until <= bindparam("now"),
        session.c.lease_until > bindparam("now") + LEASE_S + SLACK_S,
    ),
)
_ANY_FREE = select(session.c.id).where(_FREE).limit(1)
_IT = session.c.id == bindparam("only")
_NOT_OURS = session.c.id.not_in(bindparam("ours", expanding=True))
_NEXT_SESSION = (
    select(session.c.id)
    .where(_FREE)
    .order_by(session.c.ready_since, session.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NEXT_OP = (
    select(op.c.seq, op.c.kind, op.c.payload, op.c.attempts)
    .where(op.c.session_id == bindparam("of"), op.c.state.in_(["running", "queued"]))
    .order_by(op.c.seq)
    .limit(1)
)
_LEASE = (
    update(session)
    .where(session.c.id == bindparam("of"))
    .values(
        state="leased",
        lease_token=session.c.lease_token + 1,
        lease_boot=bindparam("boot"),
        lease_pid=bindparam("pid"),
        lease_start=bindparam("start"),
        lease_until=bindparam("until"),
    )
    .returning(session.c.lease_token)
)
_HELD = (
    session.c.id == bindparam("of"),
    session.c.state == "leased",
    session.c.lease_token == bindparam("token"),
)
_RENEW = update(session).where(*_HELD).values(lease_until=bindparam("until"))
_OP = update(op).where(op.c.session_id == bindparam("of"), op.c.seq == bindparam("op_seq"))
_RUN = _OP.values(state="running", attempts=op.c.attempts + 1)
_DONE = _OP.values(state="done")
_DEAD = _OP.values(state="dead")
_GIVE_BACK = _OP.values(state="queued", attempts=op.c.attempts - 1)
_LEAVE = (
    update(session)
    .where(session.c.id == bindparam("of"))
    .values(state=bindparam("to"), ready_since=BEHIND_ALL, lease_boot=None, lease_until=None)
)
_MORE = select(op.c.seq).where(op.c.session_id == bindparam("of"), op.c.state == "queued").limit(1)
_OUTCOME = select(session.c.outcome).where(session.c.id == bindparam("of"))
_OWNER = (session.c.lease_boot, session.c.lease_pid, session.c.lease_start)
_OWNERS = select(*_OWNER).where(session.c.state == "leased").distinct()
_FREE_ALL_OF = (
    update(session)
    .where(
        session.c.state == "leased",
        session.c.lease_boot == bindparam("boot"),
        session.c.lease_pid == bindparam("pid"),
        session.c.lease_start == bindparam("start"),
    )
    # `ready_since` stays: whoever was in work waits longest.
    .values(state="ready")
)


@dataclass(frozen=True, kw_only=True)
class Among:
    """The sessions that may be claimed."""

    site: str
    only: SessionId | None = None
    """No other than this one."""
    ours: Collection[SessionId] = ()
    """None of these: a worker of this process has them in hand, whatever time it is."""


def is_any_free(connection: Connection, among: Among, now: float) -> bool:
    """Whether a session may be claimed at `now`, in seconds of the database's clock."""
    statement, bind = _asked(_ANY_FREE, among, now)
    return connection.execute(statement, bind).first() is not None


def next_session(connection: Connection, among: Among, now: float) -> SessionId | None:
    """The session that has been ready longest at `now`, locked; one that is locked is passed by."""
    statement, bind = _asked(_NEXT_SESSION, among, now)
    return connection.execute(statement, bind).scalar()


def claim(
    connection: Connection, session_id: SessionId, owner: Owner, now: float, at: str
) -> Claim | None:
    """Lease the session with its next op; None when every op left was dead."""
    while row := connection.execute(_NEXT_OP, {"of": session_id}).first():
        order, problem = _readable(row.payload, row.attempts)
        if order is not None:
            token = _lease(connection, session_id, owner, now)
            connection.execute(_RUN, {"of": session_id, "op_seq": row.seq})
            return Claim(
                session_id=session_id,
                op=order,
                op_seq=row.seq,
                attempt=row.attempts + 1,
                lease=Lease(session_id=session_id, token=token),
            )
        _bury(connection, session_id, row.seq, row.kind, problem, at)
    _leave(connection, session_id)
    return None


def renew(connection: Connection, lease: Lease, now: float) -> None:
    """Make the lease last `LEASE_S` seconds from `now`. Raises LeaseLost."""
    bind = {"of": lease.session_id, "token": lease.token, "until": now + LEASE_S}
    if connection.execute(_RENEW, bind).rowcount != 1:
        raise LeaseLost(f"Lease {lease.token} of session {lease.session_id} is over.")


def finish(connection: Connection, claimed: Claim, found: Encoded, at: str) -> None:
    """The op is done; the lease ends. Raises LeaseLost, StateConflict."""
    append_held(connection, claimed.lease, found, at)
    connection.execute(_DONE, {"of": claimed.session_id, "op_seq": claimed.op_seq})
    _leave(connection, claimed.session_id)


def release(connection: Connection, claimed: Claim, at: str) -> None:
    """The op goes back unfinished and uncounted; the lease ends. Raises LeaseLost."""
    append_held(connection, claimed.lease, (), at)
    connection.execute(_GIVE_BACK, {"of": claimed.session_id, "op_seq": claimed.op_seq})
    _leave(connection, claimed.session_id)


def dead_owners(connection: Connection, here: Owner) -> list[Owner]:
    """Processes that hold leases and are provably dead."""
    owners = [
        Owner(boot_id=boot, pid=pid, start_time=start)
        for boot, pid, start in connection.execute(_OWNERS)
    ]
    return [owner for owner in owners if owner != here and is_provably_dead(owner, seen_from=here)]


def free(connection: Connection, owner: Owner) -> int:
    """Make the sessions that `owner` holds ready; returns how many."""
    bind = {"boot": owner.boot_id, "pid": owner.pid, "start": owner.start_time}
    return connection.execute(_FREE_ALL_OF, bind).rowcount


def _asked(
    statement: Select[SessionId], among: Among, now: float
) -> tuple[Select[SessionId], dict[str, object]]:
    bind: dict[str, object] = {"site": among.site, "now": now}
    if among.only is not None:
        statement, bind["only"] = statement.where(_IT), among.only
    if among.ours:
        statement, bind["ours"] = statement.where(_NOT_OURS), list(among.ours)
    return statement, bind


def _readable(payload: str, attempts: int) -> tuple[Op | None, str]:
    if attempts >= MOST_ATTEMPTS:
        return None, f"its worker was lost {attempts} times at the same step"
    try:
        return ops.decode(payload), ""
    except pydantic.ValidationError as exc:
        return None, f"it cannot be read: {exc}"


def _lease(connection: Connection, session_id: SessionId, owner: Owner, now: float) -> int:
    bind = {
        "of": session_id,
        "boot": owner.boot_id,
        "pid": owner.pid,
        "start": owner.start_time,
        "until": now + LEASE_S,
    }
    token: int = connection.execute(_LEASE, bind).scalar_one()
    return token


def _bury(
    connection: Connection,
    session_id: SessionId,
    seq: int,
    kind: str,
    problem: str,
    at: str,
) -> None:
    connection.execute(_DEAD, {"of": session_id, "op_seq": seq})
    detail = f"Op {seq} ({kind}) was given up: {problem}."
    failed = TurnFinished(outcome="failed", detail=detail)
    append_unheld(connection, session_id, encoded([failed]), at)


def _leave(connection: Connection, session_id: SessionId) -> None:
    connection.execute(_LEAVE, {"of": session_id, "to": _standing(connection, session_id)})


def _standing(connection: Connection, session_id: SessionId) -> str:
    if connection.execute(_MORE, {"of": session_id}).first():
        return "ready"
    outcome = connection.execute(_OUTCOME, {"of": session_id}).scalar()
    return "waiting" if outcome == "waiting" else "idle"
