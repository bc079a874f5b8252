"""The tables as another process sees them: read only, whatever state the daemon is in."""

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, func, inspect, select
from sqlalchemy.pool import NullPool

from ml_intern import events
from ml_intern.messages import SessionId
from ml_intern.queue import schema
from ml_intern.queue.address import of_file, parse
from ml_intern.queue.finding import Finding
from ml_intern.queue.invariants import Checker
from ml_intern.queue.rows import Recorded
from ml_intern.queue.snapshot import snapshot


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All rows at one moment."""

    sessions: dict[str, Any]
    ops: list[Any]
    calls: list[Any]
    approvals: list[Any]
    jobs: list[Any]
    spends: list[Any]
    budgets: list[Any]
    letters: list[Any]
    """What came in from elsewhere."""
    posts: list[Any]
    """What went out."""
    journal: list[Recorded]
    of_session: dict[str, list[Recorded]] = field(default_factory=dict)


class Peek:
    """One database. Nothing is held between two looks."""

    def __init__(self, state: Path, database: str = "") -> None:
        self._path = state / "ml-intern.db"
        self._url = parse(database) if database else of_file(self._path)
        self._engine = _postgres(database) if database else _sqlite(self._path)
        self._is_file = not database

    def close(self) -> None:
        """Look no more."""
        self._engine.dispose()

    def exists(self) -> bool:
        """Whether there is anything to look at."""
        if self._is_file:
            return self._path.exists()
        return inspect(self._engine).has_table(schema.session.name)

    def tables(self) -> Tables:
        """All there is, in one transaction."""
        with self._engine.connect() as connection:
            if self._is_file:
                connection.exec_driver_sql("BEGIN")
            journal = _journal(connection)
            found = Tables(
                sessions={row.id: row for row in connection.execute(select(schema.session))},
                ops=list(connection.execute(select(schema.op).order_by(schema.op.c.seq))),
                calls=list(connection.execute(select(schema.tool_call))),
                approvals=list(connection.execute(select(schema.approval))),
                jobs=list(connection.execute(select(schema.job))),
                spends=list(connection.execute(select(schema.spend))),
                budgets=list(connection.execute(select(schema.budget))),
                letters=list(connection.execute(select(schema.inbox).order_by(schema.inbox.c.id))),
                posts=list(connection.execute(select(schema.outbox).order_by(schema.outbox.c.id))),
                journal=journal,
            )
        for one in journal:
            found.of_session.setdefault(one.session_id, []).append(one)
        return found

    def findings(self) -> list[Finding]:
        """Every invariant that does not hold, as `ml-intern fsck` would say."""
        with snapshot(self._url) as connection:
            return list(Checker(connection).findings())

    def last_position(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.max(schema.event.c.position))).scalar() or 0)

    def starts_after(self, position: int) -> int:
        """How many calls have begun since."""
        with self._engine.connect() as connection:
            asked = select(func.count()).where(
                schema.event.c.position > position, schema.event.c.kind == "tool_started"
            )
            return int(connection.execute(asked).scalar() or 0)

    def started_calls(self) -> int:
        """Calls that have begun and have no answer; those that wait hold nothing."""
        with self._engine.connect() as connection:
            asked = select(func.count()).where(schema.tool_call.c.state == "started")
            return int(connection.execute(asked).scalar() or 0)

    def unfinished(self) -> int:
        """Ops that are queued or running, and jobs that run."""
        with self._engine.connect() as connection:
            op, job = schema.op, schema.job
            ops = select(func.count()).where(op.c.state.in_(["queued", "running"]))
            jobs = select(func.count()).where(job.c.status == "running")
            return sum(int(connection.execute(asked).scalar() or 0) for asked in (ops, jobs))

    def has_mail(self) -> bool:
        """Whether something that came in or goes out in Slack is not dealt with, or not written."""
        with self._engine.connect() as connection:
            inbox, outbox, reader = schema.inbox, schema.outbox, schema.reader
            new = select(func.count()).where(inbox.c.state == "new")
            waits = select(func.count()).where(outbox.c.state.in_(["queued", "sending"]))
            told = select(func.max(reader.c.position)).where(reader.c.name == "slack-teller")
            last = select(func.max(schema.event.c.position))
            found = [connection.execute(asked).scalar() or 0 for asked in (new, waits, told, last)]
            return found[0] + found[1] > 0 or found[2] < found[3]

    def tokens(self, *, of_leased: bool = False) -> dict[str, int]:
        """How often each session was taken up; those that somebody works on, or all."""
        with self._engine.connect() as connection:
            asked = select(schema.session.c.id, schema.session.c.lease_token)
            if of_leased:
                asked = asked.where(schema.session.c.state == "leased")
            return {row.id: row.lease_token for row in connection.execute(asked)}

    def progress(self) -> dict[str, tuple[int, int]]:
        """Of each session that somebody works on: how often it was taken up, and its events."""
        with self._engine.connect() as connection:
            columns = schema.session.c
            asked = select(columns.id, columns.lease_token, columns.next_event)
            rows = connection.execute(asked.where(columns.state == "leased"))
            return {row.id: (row.lease_token, row.next_event) for row in rows}

    def leased(self) -> int:
        """Sessions that somebody works on."""
        with self._engine.connect() as connection:
            asked = select(func.count()).where(schema.session.c.state == "leased")
            return int(connection.execute(asked).scalar() or 0)

    def most_attempts(self) -> int:
        """Of an op that is not done."""
        with self._engine.connect() as connection:
            op = schema.op
            asked = select(func.max(op.c.attempts)).where(op.c.state.in_(["queued", "running"]))
            return int(connection.execute(asked).scalar() or 0)


def _journal(connection: Connection) -> list[Recorded]:
    event = schema.event
    return [
        Recorded(
            position=row.position,
            session_id=SessionId(row.session_id),
            seq=row.seq,
            at=datetime.fromisoformat(row.at),
            event=events.decode(row.data),
        )
        for row in connection.execute(select(event).order_by(event.c.position))
    ]


def _sqlite(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        address = f"file:{path}?mode=ro"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)

    return create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)


def _postgres(database: str) -> Engine:
    return create_engine(
        parse(database),
        pool_pre_ping=True,  # the server may have been stopped between two looks
        isolation_level="REPEATABLE READ",
    )
