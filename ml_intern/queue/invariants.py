"""What must be true of the tables at every moment, and every place where it is not.

One check of all invariants, run after tests and by `ml_intern fsck`. Reads one snapshot and changes
nothing; a row that cannot be read is a finding, never an exception. Sessions are read one after the
other (`session_check.py`) and their rows in order, so that memory does not grow with the journal.
Portable between SQLite and PostgreSQL; only SQLite can be asked about its own file.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Select, func, inspect, select

from ml_intern.queue import schema
from ml_intern.queue.finding import (
    UNREADABLE,
    Finding,
    of_session,
    parsed,
    raw,
    refused,
    shown,
    timestamps,
)
from ml_intern.queue.schema import (
    approval,
    budget,
    event,
    job,
    op,
    outbox,
    session,
    spend,
    tool_call,
)
from ml_intern.queue.session_check import SessionCheck
from ml_intern.queue.snapshot import version_of
from ml_intern.queue.sums import Sums

BATCH = 500
_TREE = re.compile(r"[Tt]ree (?:page )?(\d+)")


class Checker:
    """One look at all tables. `rows` counts what has been looked at, by table."""

    def __init__(self, connection: Connection, tick: Callable[[], object] = bool) -> None:
        """`connection`: in a transaction that sees one snapshot. `tick` is called now and then."""
        self._connection = connection
        self._tick = tick
        self.rows: Counter[str] = Counter()
        self._sums = Sums()

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, as it is found."""
        with _any_bytes(self._connection):
            yield from self.of_file()
            unlike = self._unlike()
            yield from unlike
            if unlike:
                return
            yield from self._guarded("event", "all", self._positions())
            yield from self._guarded("session", "all", self._sessions())
            yield from self._guarded("budget", "all", self._budgets())
            yield from self._guarded("outbox", "all", self._outbox())
            yield from self._guarded("event", "all", self._strays())

    def of_file(self) -> Iterator[Finding]:
        """What the database says of itself, whatever its schema is."""
        yield from self._guarded("file", "", self._file())

    def _guarded(self, table: str, place: str, found: Iterator[Finding]) -> Iterator[Finding]:
        """What is found, and where the database gave up reading if it did."""
        try:
            yield from found
        except UNREADABLE as exc:
            yield Finding(table=table, place=place, words=refused(exc))

    def _file(self) -> Iterator[Finding]:
        if self._connection.dialect.name != "sqlite":
            return
        names = self._connection.exec_driver_sql("SELECT rootpage, name FROM sqlite_schema")
        roots = {row.rootpage: row.name for row in names}
        for (words,) in self._connection.exec_driver_sql("PRAGMA integrity_check"):
            for line in str(words).splitlines():
                if line != "ok" and not line.startswith("***"):
                    tree = _TREE.search(line)
                    place = shown(roots.get(int(tree[1]), "")) if tree else ""
                    yield Finding(table="file", place=place, words=line)
        broken = self._connection.exec_driver_sql("PRAGMA foreign_key_check")
        for table, rowid, parent, _ in broken:
            words = f"it refers to a row of {parent} that does not exist"
            yield Finding(table=shown(table), place=f"rowid {rowid}", words=words)

    def _unlike(self) -> list[Finding]:
        """Why rows cannot be judged here: another version's are no damage, missing tables are."""
        version = version_of(self._connection)
        if version == schema.VERSION:
            return self._missing_tables()
        if version is None:
            words = "it does not say which schema it has"
            return self._missing_tables() or [_of_schema(words)]
        age = "older" if version < schema.VERSION else "newer"
        words = f"it has the {age} schema {version}, this ml-intern knows {schema.VERSION}"
        return [_of_schema(words)]

    def _missing_tables(self) -> list[Finding]:
        try:
            there = set(inspect(self._connection).get_table_names())
        except UNREADABLE as exc:
            return [Finding(table="file", place="", words=refused(exc))]
        return [
            Finding(table=name, place="all", words="the table does not exist")
            for name in schema.metadata.tables
            if name not in there
        ]

    def _positions(self) -> Iterator[Finding]:
        expected = 1
        for row in self._read(select(event.c.position).order_by(event.c.position)):
            position = row.position
            if position != expected:
                place = f"position {shown(position)}"
                words = f"positions have a gap: {expected} should come here"
                yield Finding(table="event", place=place, words=words)
            expected = position + 1
        heads = [row.position for row in self._read(select(schema.journal_head.c.position))]
        if heads != [expected - 1]:
            words = f"position is {shown(heads)}; the last event has {expected - 1}"
            yield Finding(table="journal_head", place="its one row", words=words)

    def _sessions(self) -> Iterator[Finding]:
        for row in self._session_rows():
            check = SessionCheck(row, self._read, self._count, self._sums)
            yield from self._guarded("session", of_session(row.id), check.findings())

    def _session_rows(self) -> Iterator[Row[Any]]:
        """By pages, so that no cursor stays open while the sessions themselves are read."""
        after = None
        page = raw(session).order_by(session.c.id).limit(BATCH)
        while True:
            rows = list(self._read(page if after is None else page.where(session.c.id > after)))
            yield from rows
            if len(rows) < BATCH:
                return
            after = rows[-1].id

    def _budgets(self) -> Iterator[Finding]:
        rows = list(self._read(raw(budget).order_by(budget.c.cap)))
        for _ in rows:
            self._count("budget")
        yield from self._sums.findings(rows)

    def _outbox(self) -> Iterator[Finding]:
        number = func.count().label("number")
        seen = select(outbox.c.dedupe, number).group_by(outbox.c.dedupe)
        for row in self._read(seen.having(func.count() > 1)):
            words = f"{row.number} rows have this key"
            yield Finding(table="outbox", place=f"dedupe {shown(row.dedupe)}", words=words)
        for row in self._read(raw(outbox).order_by(outbox.c.id)):
            self._count("outbox")
            place = f"id {shown(row.id)}"
            if parsed(row.body) is None:
                yield Finding(table="outbox", place=place, words="body is no JSON")
            if row.next_try is not None:
                yield from timestamps(row, outbox, place, "next_try")

    def _strays(self) -> Iterator[Finding]:
        """Rows without a session: SQLite lets them in where foreign keys were switched off."""
        known = select(session.c.id)
        for table in (op, event, tool_call, approval, job, spend, outbox):
            number = func.count().label("number")
            strays = select(table.c.session_id, number).where(table.c.session_id.not_in(known))
            for row in self._read(strays.group_by(table.c.session_id)):
                words = f"{row.number} of its rows are here, and the session does not exist"
                place = of_session(row.session_id)
                yield Finding(table=table.name, place=place, words=words)

    def _read(self, query: Select[Any], **bind: Any) -> Iterator[Row[Any]]:
        yield from self._connection.execute(query, bind, execution_options={"yield_per": BATCH})

    def _count(self, table: str) -> None:
        self.rows[table] += 1
        if self.rows.total() % BATCH == 0:
            self._tick()


def _of_schema(words: str) -> Finding:
    return Finding(table="schema_version", place="its one row", words=words)


@contextmanager
def _any_bytes(connection: Connection) -> Iterator[None]:
    """Text that is no UTF-8 can be read too; SQLite stores whatever it is given."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    before = driver.text_factory
    driver.text_factory = lambda found: found.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before
