"""All that is particular to SQLite: files, connections, locks, and what its errors mean.

One connection of one thread writes, the others only read. Write-ahead log with `synchronous=FULL`:
what was committed survives the loss of power. The file must lie on a local disk.
"""

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from ml_intern.clock import Clock
from ml_intern.errors import StoreUnavailable
from ml_intern.queue import migrating
from ml_intern.queue.database import BUSY_TIMEOUT_S, T, Told, Work, translated
from ml_intern.queue.group_commit import GroupCommit, WriterClosed
from ml_intern.queue.schema import reader

POLL_S = 0.25
_TRY_AGAIN_S = 0.005
_LONGEST_LOG_PAGES = 1000
_LONGEST_LOG_BYTES = 64 << 20
"""What is left of the log on the disk once it has been folded."""

_File = tuple[int, int] | None
"""Device and number; None where there is none."""


class SqliteDatabase:
    """See `Database`. Several processes may open the same file."""

    poll_s = POLL_S

    def __init__(self, path: Path, clock: Clock) -> None:
        """Create or open the file and its tables. Raises StoreUnavailable."""
        self._path = path
        self._clock = clock
        self._gate = _private_file(path)
        self._writing = _engine(path, read_only=False)
        self._reading = _engine(path, read_only=True)
        self._writer: GroupCommit | None = None
        self._files: list[_File] = []
        """As SQLite has them open; none until it has all."""
        try:
            with self._translated(), self._alone():
                connection = self._writing.connect()
                _demand_write_ahead_log(connection, path)
            self._writer = GroupCommit(connection, self._alone)
            self.write(lambda c: migrating.prepare(c, self._back_up))
            self._files = _files(path)
        except BaseException:  # nobody else can close what a constructor that fails has opened
            self.close()
            raise

    def close(self) -> None:
        """See `Database.close`."""
        if self._writer is not None:
            self._writer.close()
        if self._gate < 0:
            return
        # The last connection of all folds the log into the file: a write, so behind the gate.
        with suppress(StoreUnavailable):  # then without: whoever opens the file next folds it
            self._wait_for_gate()
        with suppress(DBAPIError):  # what is committed is in the log, folded or not
            self._reading.dispose()
            self._writing.dispose()
        os.close(self._gate)
        self._gate = -1

    def write(self, work: Work[T]) -> T:
        """See `Database.write`."""
        self._demand_open()
        assert self._writer is not None, "it is there once the file is open"
        with self._translated():
            return self._writer.write(work)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Database.read`."""
        self._demand_open()
        with self._translated(), self._reading.connect() as connection:
            yield connection

    def now(self, connection: Connection) -> float:
        """The machine's monotonic time, in seconds."""
        return self._clock.monotonic()

    def tell(self, told: Told) -> None:
        """Nobody: other processes look for themselves."""

    def listen(self, heard: Callable[[Told], None]) -> None:
        """To nobody."""

    def probe(self) -> None:
        """See `Database.probe`."""
        self.write(_nothing)

    def recovered(self) -> None:
        """Fold the log into the file now and then, and let go what readers before us held.

        Other processes leave the log alone, or the last of them folds it when it closes the file.
        """
        self.write(_keep_log_short)
        self.write(_let_readers_go)

    def _back_up(self, revision: str) -> None:
        """Copy the file as it is before a migration, beside it. Raises StoreUnavailable."""
        aside = self._path.with_name(f"{self._path.name}.schema-{revision}")
        try:
            _copy(self._path, aside)
        except (OSError, sqlite3.Error) as exc:
            with suppress(OSError):
                aside.unlink(missing_ok=True)  # half a copy is none
            raise StoreUnavailable(_NOT_COPIED.format(path=aside, words=exc)) from exc

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes or folds the log meanwhile.

        SQLite's own locks let a writer and a checkpoint of two processes meet; before 3.51.3 that
        can damage the file ("WAL-reset bug").
        """
        self._wait_for_gate()
        try:
            self._demand_in_place()
            yield
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def _demand_in_place(self) -> None:
        """What is written to a file without a name is gone with this process."""
        if lost := self._out_of_place():
            raise StoreUnavailable(lost)

    def _out_of_place(self) -> str:
        """What is to be done where the files that we have open lie there no more; else empty."""
        if not self._files or self._files == (found := _files(self._path)):
            return ""
        return (_MOVED if self._files[0] != found[0] else _WITHOUT_LOG).format(path=self._path)

    def _demand_open(self) -> None:
        if self._gate < 0:
            raise StoreUnavailable(_CLOSED.format(path=self._path))

    def _wait_for_gate(self) -> None:
        self._demand_open()
        _lock(self._gate, self._path)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except DBAPIError as exc:
            words = self._out_of_place() or _explain(exc.orig, self._path)
            raise StoreUnavailable(words) from exc
        except WriterClosed as exc:
            raise StoreUnavailable(_CLOSED.format(path=self._path)) from exc


def _engine(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(f"PRAGMA journal_size_limit={_LONGEST_LOG_BYTES}")
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


@contextmanager
def writing_alone(path: Path) -> Iterator[None]:
    """No process writes to the database file meanwhile, whoever has it open.

    Raises StoreUnavailable where one does not cease.
    """
    gate = _gate_of(path)
    try:
        _lock(gate, path)
        yield
    finally:
        os.close(gate)


def _lock(gate: int, path: Path) -> None:
    never = threading.Event()
    for _ in range(int(BUSY_TIMEOUT_S / _TRY_AGAIN_S)):
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            never.wait(_TRY_AGAIN_S)
        else:
            return
    raise StoreUnavailable(_BUSY.format(path=path))


def _gate_of(database: Path) -> int:
    gate = database.with_name(f"{database.name}.writer")
    return os.open(gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _private_file(database: Path) -> int:
    """Create both files, readable by this user alone, before SQLite does; the gate stays open."""
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(database)
        return _gate_of(database)
    except OSError as exc:
        raise StoreUnavailable(
            f"{exc.filename or database} cannot be opened for writing ({exc.strerror}); make its "
            "folder writable for this user, or choose another state folder."
        ) from exc


def _make_private(database: Path) -> None:
    """Does not open it: closing it would end the locks that SQLite holds on it for this process."""
    with suppress(FileExistsError):  # as it is in all but the first start
        os.mknod(database, 0o600)
    if not database.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(database))
    database.chmod(0o600)


def _copy(path: Path, aside: Path) -> None:
    aside.unlink(missing_ok=True)
    _make_private(aside)
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found,
        closing(sqlite3.connect(aside)) as copy,
    ):
        found.backup(copy)


def _files(path: Path) -> list[_File]:
    """The database, its log and the index of that, as they lie there now."""
    return [_file(path.with_name(path.name + rest)) for rest in ("", "-wal", "-shm")]


def _file(path: Path) -> _File:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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


def _nothing(_connection: Connection) -> None:
    """A transaction without a change."""


def _let_readers_go(connection: Connection) -> None:
    """Whoever held these rows has ended: of this file one process at a time is the worker."""
    connection.execute(update(reader).values(held_until=None))


def _keep_log_short(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={_LONGEST_LOG_PAGES}")


_CLOSED = "{path} was closed by this process."
_BUSY = (
    "{path} has been locked by another process for "
    f"{BUSY_TIMEOUT_S:.0f} s; nothing was accepted. Stop that process, or try again."
)
_MOVED = (
    "{path} was moved, removed or replaced under this process; nothing was accepted. Put the same "
    "file back, or stop the process and restore a backup: ml-intern db restore FILE."
)
_WITHOUT_LOG = (
    "{path}-wal or {path}-shm was moved, removed or replaced under this process; nothing was "
    "accepted. Stop the process with SIGTERM, which saves what it still holds, and start it again."
)
_NOT_COPIED = (
    "{path} could not be made ({words}), so the database was not migrated and is as it was. Make "
    "room for this copy of it, then repeat."
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
