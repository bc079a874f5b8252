"""Where a session stands in the queue: what is open, what is served before it, who holds it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select

from ml_intern.errors import StoreUnavailable, UnknownSession
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Holder, OpenOp, QueuePlace, Site
from ml_intern.queue.schema import op, session

_ONE = select(
    session.c.state,
    session.c.ready_since,
    session.c.lease_token,
    session.c.lease_boot,
    session.c.lease_pid,
    session.c.lease_until,
    session.c.site,
    session.c.workspace,
).where(session.c.id == bindparam("of"))
_OPEN = (
    select(op.c.seq, op.c.kind, op.c.state, op.c.attempts, op.c.created)
    .where(op.c.session_id == bindparam("of"), op.c.state.in_(["running", "queued"]))
    .order_by(op.c.seq)
)
_AHEAD = (
    select(func.count())
    .select_from(session)
    .where(
        session.c.state == "ready",
        session.c.site == bindparam("site"),
        session.c.ready_since < bindparam("since"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Viewpoint:
    """From where it is looked at."""

    now: float
    """As leases count time."""
    site: str
    """Empty where a database has one, and its daemon is the only one."""
    boot_id: str


def queue_place(connection: Connection, session_id: SessionId, seen: Viewpoint) -> QueuePlace:
    """The session's place.

    Raises UnknownSession, StoreUnavailable where its rows are damaged.
    """
    try:
        return _place(connection, session_id, seen)
    except (TypeError, ValueError) as exc:
        raise StoreUnavailable(
            f"The rows of session {session_id} or of its open ops are damaged ({exc}); `ml-intern "
            "fsck` says which, and what to do."
        ) from exc


def _place(connection: Connection, session_id: SessionId, seen: Viewpoint) -> QueuePlace:
    row = connection.execute(_ONE, {"of": session_id}).first()
    if row is None:
        raise UnknownSession(f"No session {session_id}.")
    ahead, holder = 0, None
    if row.state == "ready":
        bind = {"since": row.ready_since, "site": row.site}
        ahead = connection.execute(_AHEAD, bind).scalar_one()
    if row.state == "leased":
        holder = Holder(
            pid=row.lease_pid,
            token=row.lease_token,
            left_s=row.lease_until - seen.now,
            is_far=row.lease_boot != seen.boot_id,
        )
    open_ops = tuple(
        OpenOp(
            seq=each.seq,
            kind=_text(each.kind),
            state=each.state,
            attempts=each.attempts,
            created=datetime.fromisoformat(each.created),
        )
        for each in connection.execute(_OPEN, {"of": session_id})
    )
    elsewhere = None
    if row.site != seen.site:
        elsewhere = Site(name=row.site, folder=str(Path(row.workspace).parent.parent))
    return QueuePlace(
        state=row.state,
        ahead=ahead,
        holder=holder,
        open_ops=open_ops,
        elsewhere=elsewhere,
        is_shared=bool(seen.site),
    )


def _text(value: object) -> str:
    """Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
