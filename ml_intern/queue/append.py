"""Puts events into the journal: numbered, with their edges, in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, update

from ml_intern import events
from ml_intern.errors import InputError, LeaseLost, Overtaken, UnknownSession
from ml_intern.events import AccessRefused, Event, JobEnded, JobProgressed
from ml_intern.messages import SessionId
from ml_intern.queue import edges
from ml_intern.queue.rows import Lease
from ml_intern.queue.schema import event, journal_head, session

_ADVANCE = (
    update(session)
    .where(session.c.id == bindparam("of"))
    .values(next_event=session.c.next_event + bindparam("count"), updated=bindparam("at"))
    .returning(session.c.next_event)
)
_ADVANCE_HELD = _ADVANCE.where(
    session.c.lease_token == bindparam("token"), session.c.state == "leased"
)
_RESERVE = (
    update(journal_head)
    .values(position=journal_head.c.position + bindparam("count"))
    .returning(journal_head.c.position)
)
_INSERT = insert(event).inline()

Encoded = Sequence[tuple[Event, str]]


def encoded(found: Sequence[Event]) -> Encoded:
    """Each event as it will be read, with its JSON text. Done before a transaction begins.

    Raises InputError: a row that cannot be read would make the whole session unreadable.
    """
    return [_encoded(one) for one in found]


def _encoded(one: Event) -> tuple[Event, str]:
    try:
        text = events.encode(one)
        return events.decode(text), text
    # pydantic's own errors are ValueErrors.
    except (ValueError, TypeError) as exc:
        raise InputError(f"{one.kind} cannot be stored: {exc}") from exc


def refuse_all_but_observations(found: Sequence[Event]) -> None:
    """Only what the outside does may be stored without a lease. Raises LeaseLost."""
    for one in found:
        if not isinstance(one, JobProgressed | JobEnded | AccessRefused):
            raise LeaseLost(f"{one.kind} may be stored only by the holder of the session's lease.")


def append_held(
    connection: Connection,
    lease: Lease,
    found: Encoded,
    at: str,
    *,
    after_seq: int | None = None,
) -> list[int]:
    """Append as the holder of `lease`; returns the numbers.

    With `after_seq` only when that is the number of the session's newest event.
    Raises LeaseLost, StateConflict, Overtaken.
    """
    bind = {"of": lease.session_id, "count": len(found), "at": at, "token": lease.token}
    after = connection.execute(_ADVANCE_HELD, bind).scalar()
    if after is None:
        raise LeaseLost(f"Lease {lease.token} of session {lease.session_id} is over.")
    newest = after - len(found) - 1
    if after_seq is not None and newest != after_seq:
        raise Overtaken(
            f"Session {lease.session_id} has come to event {newest}; the step knew {after_seq}."
        )
    return _insert(connection, lease.session_id, found, after, at)


def append_unheld(
    connection: Connection, session_id: SessionId, found: Encoded, at: str
) -> list[int]:
    """Append without a lease. Raises UnknownSession, StateConflict."""
    bind = {"of": session_id, "count": len(found), "at": at}
    after = connection.execute(_ADVANCE, bind).scalar()
    if after is None:
        raise UnknownSession(f"No session {session_id}.")
    return _insert(connection, session_id, found, after, at)


def _insert(
    connection: Connection, session_id: SessionId, found: Encoded, after: int, at: str
) -> list[int]:
    for one, _ in found:
        edges.apply(connection, session_id, one, at)
    seqs = list(range(after - len(found), after))
    if found:
        first = _reserve(connection, len(found))
        rows = [
            {
                "position": first + number,
                "session_id": session_id,
                "seq": seq,
                "at": at,
                "kind": one.kind,
                "data": text,
            }
            for number, (seq, (one, text)) in enumerate(zip(seqs, found, strict=True))
        ]
        connection.execute(_INSERT, rows if len(rows) > 1 else rows[0])
    return seqs


def _reserve(connection: Connection, count: int) -> int:
    """The first of `count` positions. Other writers of the journal wait until our transaction ends,
    so that no position becomes visible before a smaller one.
    """
    after: int = connection.execute(_RESERVE, {"count": count}).scalar_one()
    return after - count + 1
