"""Sessions and their jobs: the first row, and looking them up; in the caller's transaction."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, get_args

from sqlalchemy import Connection, RowMapping, Text, bindparam, cast, func, insert, select

from ml_intern.errors import InputError, UnknownSession
from ml_intern.events import SessionStarted
from ml_intern.messages import JobId, SessionId
from ml_intern.queue.rows import JobRow, SessionRow, SessionState
from ml_intern.queue.schema import job, session

_CREATE = insert(session).inline()
_ALL = select(
    session.c.id,
    session.c.title,
    session.c.state,
    session.c.outcome,
    session.c.detail,
    # As it stands: one row whose JSON is damaged must not take the others with it.
    cast(session.c.waiting_on, Text).label("waiting_on"),
    session.c.created,
    session.c.updated,
    session.c.model,
    session.c.workspace,
    session.c.started_in,
    session.c.version,
)
_NEWEST = _ALL.order_by(session.c.created.desc(), session.c.id).limit(bindparam("most"))
_COUNTS = select(session.c.state, func.count().label("number")).group_by(session.c.state)
_ONE = _ALL.where(session.c.id == bindparam("of"))
_HOLD = select(session.c.id).where(session.c.id == bindparam("of")).with_for_update()
_INTERRUPT_UPTO = select(session.c.interrupt_upto).where(session.c.id == bindparam("of"))
_RUNNING = (
    select(job)
    .join_from(job, session)
    .where(job.c.status == "running", session.c.site == bindparam("site"))
    .order_by(job.c.started_at, job.c.session_id)
)
_OF_SITE = select(session.c.id).where(
    session.c.site == bindparam("site"), session.c.id.in_(bindparam("ids", expanding=True))
)
_SHOWN = 5
_STARTS = func.substr(session.c.id, 1, func.length(bindparam("prefix")))
_BEGINS = _ALL.where(bindparam("prefix") == _STARTS).limit(_SHOWN + 1)  # SQLite's LIKE has limits
_LONGEST = 80
"""Characters of an unknown id that are repeated."""
_STATES = get_args(SessionState)
_DAMAGED = "The row of this session in the database is damaged ({words}). See `ml-intern fsck`."


def create(
    connection: Connection,
    session_id: SessionId,
    started: SessionStarted,
    author: str,
    site: str,
    at: str,
) -> None:
    """Raises StateConflict when the session exists (as the database translates it)."""
    connection.execute(
        _CREATE,
        {
            "id": session_id,
            "title": started.title,
            "model": started.model,
            "workspace": started.workspace,
            "site": site,
            "author": author,
            "started_in": started.started_in,
            "version": started.version,
            "created": at,
            "updated": at,
            "state": "idle",
            "ready_since": 0,
        },
    )


def hold(connection: Connection, session_id: SessionId) -> None:
    """Keep other transactions out of the session until ours ends.

    For those that look before they write; an update holds it anyway. One that does not exist is
    held by nobody.
    """
    connection.execute(_HOLD, {"of": session_id})


def exists(connection: Connection, session_id: SessionId) -> bool:
    """Whether there is a session with exactly this id."""
    return connection.execute(_ONE, {"of": session_id}).first() is not None


def newest(connection: Connection, limit: int) -> list[SessionRow]:
    """At most `limit` sessions, the newest first."""
    return [_session(row) for row in connection.execute(_NEWEST, {"most": limit}).mappings()]


def counts(connection: Connection) -> dict[SessionState, int]:
    """How many sessions are in each state."""
    return {row.state: row.number for row in connection.execute(_COUNTS)}


def by_prefix(connection: Connection, prefix: str) -> SessionRow:
    """The session with this id, or the only one whose id begins so.

    Raises UnknownSession, or InputError when several begin so.
    """
    row = connection.execute(_ONE, {"of": prefix}).mappings().first()
    if row is not None:
        return _session(row)
    begins = connection.execute(_BEGINS, {"prefix": prefix}).mappings()
    found = begins.all() if prefix else []
    if not found:
        raise UnknownSession(f"No session has an id that begins with {prefix[:_LONGEST]!r}.")
    if len(found) > 1:
        names = ", ".join(each["id"] for each in found[:_SHOWN])
        raise InputError(f"{prefix!r} begins more than one session; give more of it: {names}.")
    return _session(found[0])


def interrupt_upto(connection: Connection, session_id: SessionId) -> int:
    """Turns for ops before this number are to stop."""
    return connection.execute(_INTERRUPT_UPTO, {"of": session_id}).scalar() or 0


def running_jobs(connection: Connection, site: str) -> list[JobRow]:
    """Jobs of all sessions of the site that have not ended, oldest first."""
    return [
        JobRow(
            job_id=JobId(row["job_id"]),
            session_id=SessionId(row["session_id"]),
            compute=row["compute"],
            handle=row["handle"],
            label=row["label"],
            status=row["status"],
            log_offset=row["log_offset"],
            started_at=datetime.fromisoformat(row["started_at"]),
        )
        for row in connection.execute(_RUNNING, {"site": site}).mappings()
    ]


def of_site(connection: Connection, site: str, ids: Collection[SessionId]) -> set[SessionId]:
    """Those of the sessions that belong to the site."""
    return set(connection.execute(_OF_SITE, {"site": site, "ids": list(ids)}).scalars())


def _session(row: RowMapping) -> SessionRow:
    """The session; of a damaged row what can be read, and that it is damaged."""
    try:
        return _whole(row)
    except (TypeError, ValueError) as exc:
        return _rest(row, str(exc))


def _whole(row: RowMapping) -> SessionRow:
    """Raises ValueError, TypeError."""
    if row["state"] not in _STATES:
        raise ValueError(f"there is no state {row['state']!r}")
    return SessionRow(
        session_id=SessionId(row["id"]),
        title=row["title"],
        state=row["state"],
        outcome=row["outcome"],
        detail=row["detail"],
        waiting_on=tuple(json.loads(row["waiting_on"])),
        created=datetime.fromisoformat(row["created"]),
        updated=datetime.fromisoformat(row["updated"]),
        model=row["model"],
        workspace=row["workspace"],
        started_in=row["started_in"],
        version=row["version"],
    )


def _rest(row: RowMapping, words: str) -> SessionRow:
    return SessionRow(
        session_id=SessionId(row["id"]),
        title=row["title"],
        state="idle",
        outcome="failed",
        detail=_DAMAGED.format(words=words),
        waiting_on=(),
        created=_moment(row["created"]),
        updated=_moment(row["updated"]),
        model=row["model"],
        workspace=row["workspace"],
        started_in=row["started_in"],
        version=row["version"],
    )


def _moment(stamp: Any) -> datetime:
    try:
        return datetime.fromisoformat(stamp)
    except (TypeError, ValueError):
        return datetime.fromtimestamp(0, UTC)
