"""All that is particular to SQLite: files, connections, locks, and what its errors mean.

One connection writes, the others only read. Write-ahead log with `synchronous=FULL`: what was
committed survives the loss of power. The file must lie on a local disk.
"""

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool, StaticPool

from ml_intern.errors import InputError, StateConflict, StoreUnavailable
from ml_intern.queue import schema

BUSY_TIMEOUT_S = 10.0
_TRY_AGAIN_S = 0.005
_LONGEST_LOG_PAGES = 1000


class Database:
    """One database file, opened. Safe from any thread; several processes may open the same file."""

    def __init__(self, path: Path) -> None:
        """Create or open the file and its tables. Raises StoreUnavailable."""
        self._path = path
        # Protects `_writer`: one transaction of this process at a time.
        self._lock = threading.Lock()
        self._gate = _private_file(path, path.with_name(path.name + ".writer"))
        self._writing = _engine(path, read_only=False)
        self._reading = _engine(path, read_only=True)
        try:
            with self._translated(), self._alone():
                self._writer = self._writing.connect()
                _demand_write_ahead_log(self._writer, path)
            with self.write() as connection:
                schema.prepare(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections. A transaction in another thread is waited for."""
        with self._lock:
            if self._gate < 0:
                return
            # The last connection of all folds the log into the file: a write, so behind the gate.
            with suppress(StoreUnavailable):
                self._wait_for_gate()
            with suppress(DBAPIError):
                self._reading.dispose()
                self._writing.dispose()
            os.close(self._gate)
            self._gate = -1

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises StateConflict when a row exists already, StoreUnavailable when it cannot be written.
        """
        with self._translated(), self._lock, self._alone(), self._writer.begin():
            yield self._writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that cannot write; each statement sees what was committed when it began.

        Raises StoreUnavailable.
        """
        self._demand_open()
        with self._translated(), self._reading.connect() as connection:
            yield connection

    def probe(self) -> None:
        """Begin a transaction and give it up. Raises StoreUnavailable when that cannot be done."""
        with self._translated(), self._lock, self._alone():
            self._writer.begin().rollback()

    def keep_log_short(self) -> None:
        """Fold the log into the file now and then; for the one process that works through the ops.

        The others leave it alone, or the last of them folds it when it closes the file.
        """
        with self._translated(), self._lock:
            driver = self._writer.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute(f"PRAGMA wal_autocheckpoint={_LONGEST_LOG_PAGES}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes or folds the log meanwhile.

        SQLite's own locks let a writer and a checkpoint of two processes meet; before 3.51.3 that
        can damage the file ("WAL-reset bug").
        """
        self._wait_for_gate()
        try:
            yield
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def _demand_open(self) -> None:
        if self._gate < 0:
            raise StoreUnavailable(f"{self._path} was closed by this process.")

    def _wait_for_gate(self) -> None:
        self._demand_open()
        never = threading.Event()
        for _ in range(int(BUSY_TIMEOUT_S / _TRY_AGAIN_S)):
            try:
                fcntl.flock(self._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                never.wait(_TRY_AGAIN_S)
            else:
                return
        raise StoreUnavailable(_BUSY.format(path=self._path))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as exc:
            raise StateConflict(f"The store has this row already: {exc.orig}.") from exc
        except UnicodeEncodeError as exc:
            raise InputError("The text has half surrogates in it; give valid Unicode.") from exc
        except DBAPIError as exc:
            raise StoreUnavailable(_explain(exc.orig, self._path)) from exc


def _engine(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        return connection

    url = "sqlite+pysqlite://"
    if read_only:
        return create_engine(
            url, creator=connect, poolclass=QueuePool, pool_size=8, max_overflow=56
        )
    engine = create_engine(url, creator=connect, poolclass=StaticPool)
    # Else a transaction would start as a reader, and could fail when it first writes.
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _private_file(database: Path, gate: Path) -> int:
    """Create both files, readable by this user alone, before SQLite does; the gate stays open."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(database)
        return os.open(gate, flags, 0o600)
    except OSError as exc:
        raise StoreUnavailable(
            f"{exc.filename or database} cannot be opened for writing ({exc.strerror}); make its "
            "folder writable for this user, or choose another state folder."
        ) from exc


def _make_private(database: Path) -> None:
    """Does not open it: closing it would end the locks that SQLite holds on it for this process."""
    with suppress(FileExistsError):
        os.mknod(database, 0o600)
    if not database.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(database))
    database.chmod(0o600)


def _demand_write_ahead_log(connection: Connection, path: Path) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        mode = driver.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    except sqlite3.Error as exc:
        raise StoreUnavailable(_explain(exc, path)) from exc
    if mode != "wal":
        raise StoreUnavailable(
            f"{path} lies on a file system without shared memory (SQLite stays in mode {mode}); "
            "put the state folder on a local disk."
        )


_BUSY = (
    "{path} has been locked by another process for "
    f"{BUSY_TIMEOUT_S:.0f} s; nothing was accepted. Stop that process, or try again."
)
_NO_RIGHTS = "{path} cannot be opened or written; repair the permissions of it and of its folder."
_DAMAGED = (
    "{path} is damaged or no database of ml-intern; move it away together with its -wal and -shm "
    "files, and put a backup in its place."
)
_WORDS = {
    "SQLITE_FULL": (
        "The disk that holds {path} is full; nothing was accepted. Free space, then repeat."
    ),
    "SQLITE_IOERR": (
        "The disk that holds {path} does not take or give data (full, over a limit, or failing); "
        "nothing was accepted. Free space or look at the system's log, then repeat."
    ),
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_READONLY": _NO_RIGHTS,
    "SQLITE_CANTOPEN": _NO_RIGHTS,
    "SQLITE_PERM": _NO_RIGHTS,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_ERROR": _DAMAGED,
}


def _explain(exc: BaseException | None, path: Path) -> str:
    name = getattr(exc, "sqlite_errorname", "")
    # Extended names such as SQLITE_IOERR_WRITE begin with the plain one.
    plain = "_".join(name.split("_")[:2])
    words = _WORDS.get(plain, "{path} could not be used; nothing was accepted.")
    return f"{words.format(path=path)} ({name or type(exc).__name__}: {exc})"
