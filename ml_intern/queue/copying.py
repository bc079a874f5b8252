"""Moves a whole store into another, empty database: SQLite to PostgreSQL, back, or to its like.

Both must rest: no daemon works with either. One transaction, in batches; what was copied is read
again and compared before it is committed. Leases stay behind, because their holders do; fencing
numbers come along.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from ml_intern.errors import Busy, InputError, StoreUnavailable
from ml_intern.queue import address, migrating, schema
from ml_intern.queue.schema import event as journal
from ml_intern.queue.snapshot import driver_named, snapshot, version_of

BATCH = 1000
_OF_THE_SCHEMA = ("schema_version", "alembic_version")
_OF_A_LEASE = ("lease_boot", "lease_pid", "lease_start", "lease_until")
_AT_WORK = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = :program"
).bindparams(program=address.PROGRAM)
_JOURNAL = ("position", "session_id", "seq", "at", "kind", "data")


def copy(source: URL, target: URL, site: str, tick: Callable[[int], object] = bool) -> Counter[str]:
    """Copy every row; how many, by table. `tick` is told how many there are so far.

    `site`: of the folder that holds the files of the sessions, for whoever opens the target.

    Raises InputError where one of the two cannot be used so, Busy where a daemon works with it,
    StoreUnavailable; then the target is as it was.
    """
    if source == target:
        raise InputError("Both are the same database.")
    with snapshot(source) as reading:
        _demand_rest(reading, source)
        _demand_schema(reading, source)
        with _writing(target) as connection:
            _demand_rest(connection, target)
            _demand_empty(connection, target)
            rows = _Copy(reading, connection, site, tick).all()
    return rows


class _Copy:
    """One copy, in the transactions of its two connections."""

    def __init__(
        self, reading: Connection, writing: Connection, site: str, tick: Callable[[int], object]
    ) -> None:
        self._site = site
        self._reading = reading
        self._writing = writing
        self._tick = tick
        self._rows: Counter[str] = Counter()
        self._refuses_nul = writing.dialect.name != "sqlite"

    def all(self) -> Counter[str]:
        for table in schema.metadata.sorted_tables:
            if table.name not in _OF_THE_SCHEMA:
                self._table(table)
        self._reset_sequences()
        self._compare()
        return self._rows

    def _table(self, table: Table) -> None:
        self._rows[table.name] = 0
        self._writing.execute(table.delete())  # a new database may have a first row of its own
        ordered = select(table).order_by(*table.primary_key)
        found = self._reading.execute(ordered, execution_options={"yield_per": BATCH})
        for batch in found.partitions():
            rows = [self._moved(table, row._asdict()) for row in batch]
            for row in rows if self._refuses_nul else ():
                _demand_no_nul(table, row)
            self._writing.execute(insert(table), rows)
            self._rows[table.name] += len(rows)
            self._tick(self._rows.total())

    def _moved(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        copied = _without_lease(table, row)
        return {**copied, "site": self._site} if table.name == "session" else copied

    def _reset_sequences(self) -> None:
        """Else the next row would get a number that is taken."""
        if self._writing.dialect.name != "postgresql":
            return
        next_id = "coalesce(max(id), 0) + 1"
        for table in ("inbox", "outbox"):
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            self._writing.execute(text(f"SELECT setval({sequence}, {next_id}, false) FROM {table}"))

    def _compare(self) -> None:
        for table, number in self._rows.items():
            query = select(func.count()).select_from(schema.metadata.tables[table])
            there = self._writing.execute(query).scalar_one()
            if there != number:
                raise StoreUnavailable(
                    f"{number:,} rows of {table} were copied and {there:,} arrived; nothing was "
                    "kept."
                )
        if _checksum(self._reading) != _checksum(self._writing):
            raise StoreUnavailable("The journal did not arrive as it was; nothing was kept.")


def _without_lease(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Who held a session stays behind; what ran is queued again, and counts as begun."""
    copied = dict(row)
    if table.name == "session":
        copied |= dict.fromkeys(_OF_A_LEASE)
        if row["state"] == "leased":
            copied["state"] = "ready"
    elif table.name == "op" and row["state"] == "running":
        copied["state"] = "queued"
    return copied


def _demand_no_nul(table: Table, row: Mapping[str, Any]) -> None:
    """PostgreSQL stores no text with the character 0."""
    for name, value in row.items():
        if isinstance(value, str) and "\0" in value:
            key = ", ".join(str(row[column.name]) for column in table.primary_key)
            raise InputError(
                f"{name} of {table.name} {key} holds the character 0, which PostgreSQL cannot "
                "store; nothing was copied."
            )


def _checksum(connection: Connection) -> str:
    """Of the journal, in order."""
    ordered = select(*(journal.c[name] for name in _JOURNAL)).order_by(journal.c.position)
    found = hashlib.sha256()
    for row in connection.execute(ordered, execution_options={"yield_per": BATCH}):
        found.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _demand_rest(connection: Connection, url: URL) -> None:
    """Raises Busy where a daemon is connected; beside a file its lock tells, which is our caller's.

    Two databases would go on with the same sessions.
    """
    if connection.dialect.name == "postgresql" and connection.execute(_AT_WORK).scalar_one():
        raise Busy(
            f"A daemon works with {address.shown(url)}; stop it first, then repeat.",
            retry_after_s=0.0,
        )


def _demand_schema(reading: Connection, source: URL) -> None:
    version = version_of(reading)
    if version is None:
        raise InputError(f"{address.shown(source)} is no database of ml-intern.")
    if version != schema.VERSION:
        raise InputError(
            f"{address.shown(source)} has schema {version}, this ml-intern knows {schema.VERSION}; "
            "start the daemon on it once, or install the version that wrote it."
        )


def _ignore(_revision: str) -> None:
    """There is nothing to keep: the tables are new."""


def _demand_empty(connection: Connection, target: URL) -> None:
    """Create the tables where there are none. Raises InputError where there are sessions."""
    there = set(inspect(connection).get_table_names())
    if not there:
        migrating.prepare(connection, _ignore)
    elif "schema_version" not in there:
        raise InputError(f"{address.shown(target)} holds tables of something else.")
    elif version_of(connection) != schema.VERSION:
        raise InputError(f"{address.shown(target)} has another schema; name a new database.")
    elif connection.execute(select(schema.session.c.id).limit(1)).first():
        raise InputError(f"{address.shown(target)} is not empty; name a new database.")


@contextmanager
def _writing(target: URL) -> Iterator[Connection]:
    """A connection in one transaction; a file that was made for it goes when that fails."""
    path = address.file_of(target)
    made = path is not None and _made(path)
    engine = _engine(target)
    try:
        with engine.begin() as connection:
            yield connection
    except BaseException as exc:  # whatever cut it short, half a copy is none
        if made and path is not None:
            path.unlink(missing_ok=True)
        if isinstance(exc, DBAPIError):
            raise StoreUnavailable(
                f"Copying to {address.shown(target)} broke off ({exc.orig}); nothing was copied. "
                "`ml-intern fsck` says whether the source can be read; else look at the target."
            ) from exc
        raise
    finally:
        engine.dispose()


def _made(path: Path) -> bool:
    """Create the file for this user alone, and say whether that was needed."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    except OSError as exc:
        raise InputError(f"{path} cannot be created: {exc.strerror}.") from exc
    return True


def _engine(target: URL) -> Engine:
    if address.file_of(target) is None:
        with driver_named():
            return create_engine(target, connect_args={"client_encoding": "utf8"})
    engine = create_engine(target, connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
