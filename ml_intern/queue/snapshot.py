"""A look at a database that this process does not work with: read only, one moment of it.

Creates nothing, migrates nothing, folds no log, and stands in nobody's way: a daemon may write
meanwhile, and is not seen to.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from ml_intern.errors import ConfigError, InputError, StoreUnavailable
from ml_intern.queue import address
from ml_intern.queue.database import BUSY_TIMEOUT_S
from ml_intern.queue.finding import UNREADABLE
from ml_intern.queue.schema import schema_version

_NO_ACCESS = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR", "SQLITE_BUSY")


@contextmanager
def snapshot(url: URL) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever is written afterwards.

    Raises InputError where there is none, StoreUnavailable, ConfigError. What a damaged
    database makes its driver raise while it is read is left to the caller.
    """
    engine = _engine(url)
    try:
        with _connected(engine, url) as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _connected(engine: Engine, url: URL) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except DBAPIError as exc:
        raise StoreUnavailable(
            f"{address.shown(url)} cannot be opened ({exc.orig}); look at its permissions, and "
            "whether its server runs."
        ) from exc
    with connection:
        transaction = connection.begin()
        try:
            _demand_access(connection, url)
            yield connection
        finally:
            with suppress(DBAPIError):  # a damaged file refuses that too
                transaction.rollback()


def _demand_access(connection: Connection, url: URL) -> None:
    """A file that cannot be reached is not taken for a damaged one. Raises StoreUnavailable."""
    if connection.dialect.name != "sqlite":
        return
    try:
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").all()
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlite_errorname", "").startswith(_NO_ACCESS):
            raise StoreUnavailable(
                f"{address.shown(url)} cannot be read where it lies ({exc.orig}). SQLite keeps "
                "-wal and -shm beside it: look at the permissions of its folder and at the disk, "
                "and if one of them was removed under a daemon, stop that."
            ) from exc


def _engine(url: URL) -> Engine:
    path = address.file_of(url)
    if path is not None:
        return _engine_of_file(path)
    with driver_named():
        return create_engine(
            url,
            isolation_level="REPEATABLE READ",
            connect_args={"client_encoding": "utf8"},
            execution_options={"postgresql_readonly": True},
        )


@contextmanager
def driver_named() -> Iterator[None]:
    """Say what to install where PostgreSQL's driver is missing. Raises ConfigError."""
    try:
        yield
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"PostgreSQL needs a driver that is not installed ({exc.name}): "
            "pip install 'ml-intern[postgres]'."
        ) from exc


def _engine_of_file(path: Path) -> Engine:
    if not _is_file(path):
        raise InputError(f"There is no database at {path}.")

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=StaticPool)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    return engine


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as exc:  # a folder above it that we may not enter, a name that is too long
        raise InputError(
            f"{path} cannot be looked at ({exc.strerror}); look at the name, and at the "
            "permissions of its folder."
        ) from exc


def version_of(connection: Connection) -> int | None:
    """The schema that the database has; None where it is no database of ours."""
    try:
        found = connection.execute(select(schema_version.c.version)).scalar()
    except UNREADABLE:
        return None
    return found if isinstance(found, int) else None
