"""The journal as its readers see it: what happened, in order, from a cursor on. Never writes."""

from collections.abc import Iterable
from datetime import datetime

import pydantic
from sqlalchemy import bindparam, func, select

from ml_intern import events
from ml_intern.clock import Clock
from ml_intern.errors import EventUnreadable
from ml_intern.messages import SessionId
from ml_intern.queue.bell import Bell
from ml_intern.queue.database import Database
from ml_intern.queue.rows import Recorded
from ml_intern.queue.schema import event

NO_LIMIT = 1 << 62
"""More events than there can be."""

_ROWS = select(event.c.position, event.c.session_id, event.c.seq, event.c.at, event.c.data)
_OF_SESSION = (
    _ROWS.where(event.c.session_id == bindparam("of"), event.c.seq > bindparam("after"))
    .order_by(event.c.seq)
    .limit(bindparam("most"))
)
_FOLLOW = (
    _ROWS.where(event.c.position > bindparam("after"))
    .order_by(event.c.position)
    .limit(bindparam("most"))
)
_LAST = select(func.coalesce(func.max(event.c.position), 0))


class Journal:
    """Read-only view of all events. Safe from any thread."""

    def __init__(self, database: Database, clock: Clock, news: Bell) -> None:
        self._database = database
        self._clock = clock
        self._news = news

    def events(
        self, session_id: SessionId, after_seq: int = 0, limit: int | None = None
    ) -> list[Recorded]:
        """The session's events with numbers above `after_seq`, in order; none for an unknown one.

        `limit`: at most so many of them.

        Raises StoreUnavailable; EventUnreadable where one of them cannot be read.
        """
        with self._database.read() as connection:
            bind = {
                "of": session_id,
                "after": after_seq,
                "most": NO_LIMIT if limit is None else limit,
            }
            rows = connection.execute(_OF_SESSION, bind).all()
        return _recorded(rows)

    def follow(self, after_position: int, limit: int) -> list[Recorded]:
        """At most `limit` events of all sessions after `after_position`, in the journal's order.

        They end before one that cannot be read. Raises StoreUnavailable; EventUnreadable when that
        is the first, and whoever goes on behind its position misses nothing else.
        """
        with self._database.read() as connection:
            bind = {"after": after_position, "most": limit}
            rows = connection.execute(_FOLLOW, bind).all()
        return _readable(rows)

    def last_position(self) -> int:
        """Position of the newest event; 0 in an empty journal. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return int(connection.execute(_LAST).scalar_one())

    def wait_for_events(self, after_position: int, timeout_s: float) -> bool:
        """Wait until an event after `after_position` exists, at most `timeout_s` seconds.

        True when there is one. Does not wait after `Store.end_waits`. Raises StoreUnavailable.
        """
        deadline = self._clock.monotonic() + timeout_s
        while True:
            heard = self._news.rings()
            if self.last_position() > after_position:
                return True
            left = deadline - self._clock.monotonic()
            if left <= 0 or self._news.is_over:
                return False
            self._news.wait(heard, min(left, self._database.poll_s))


def _recorded(rows: Iterable[tuple[int, str, int, str, str]]) -> list[Recorded]:
    return [_one(*row) for row in rows]


def _readable(rows: Iterable[tuple[int, str, int, str, str]]) -> list[Recorded]:
    """Up to the first that is not; raises EventUnreadable when there is none before it."""
    found: list[Recorded] = []
    for row in rows:
        try:
            found.append(_one(*row))
        except EventUnreadable:
            if not found:
                raise
            break
    return found


def _one(position: int, session_id: str, seq: int, at: str, data: str) -> Recorded:
    try:
        _demand_number(seq)
        found = events.decode(data)
        # Eight times as fast as `parse_stamp`, which matters when a long session is folded.
        moment = datetime.fromisoformat(at)
    except (pydantic.ValidationError, TypeError, ValueError) as exc:
        why = "its data fits no kind of event" if isinstance(exc, pydantic.ValidationError) else exc
        raise EventUnreadable(
            f"Event {seq} of session {session_id} (position {position}) cannot be read: {why}. It "
            "was written by a newer ml-intern, or the database is damaged; `ml-intern fsck` says "
            "what is, and what to do.",
            position=position,
            session_id=session_id,
        ) from exc
    return Recorded(
        position=position, session_id=SessionId(session_id), seq=seq, at=moment, event=found
    )


def _demand_number(seq: object) -> None:
    """SQLite keeps in any column what is written there. Raises TypeError."""
    if not isinstance(seq, int):
        raise TypeError(f"its number is {seq!r}")
