"""Sessions that wait until a model may be asked again, and have waited long enough.

In the caller's transaction.
"""

from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, cast, select

from ml_intern.clock import stamp
from ml_intern.messages import SessionId
from ml_intern.queue.rows import ModelsDue
from ml_intern.queue.schema import event, session

_WAIT = (
    select(session.c.id, session.c.waiting_on)
    .where(session.c.state == "waiting", cast(session.c.waiting_on, Text).like('%"model:%'))
    .order_by(session.c.ready_since, session.c.id)
)
_LAST_TURN = (
    select(event.c.seq)
    .where(event.c.session_id == bindparam("of"), event.c.kind == "turn_finished")
    .order_by(event.c.seq.desc())
    .limit(1)
)


def due(connection: Connection, now: datetime) -> list[ModelsDue]:
    """Those that were served longest ago first."""
    # Stamps are ordered as the times that they stand for.
    last = f"model:{stamp(now)}"
    return [
        ModelsDue(session_id=SessionId(row.id), on=on, turn_seq=_turn(connection, row.id))
        for row in connection.execute(_WAIT).all()
        if (on := min((one for one in row.waiting_on if one.startswith("model:")), default=last))
        <= last
    ]


def without_model(connection: Connection) -> int:
    """How many sessions wait because none of their models answers."""
    return len(connection.execute(_WAIT).all())


def _turn(connection: Connection, session_id: str) -> int:
    seq: int = connection.execute(_LAST_TURN, {"of": session_id}).scalar_one()
    return seq
