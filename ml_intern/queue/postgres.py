"""All that is particular to PostgreSQL: connections, its clock, its messages between processes.

Several daemons on several machines may share one database. A work that met a deadlock, or a
connection that was dead before it began, is tried again; one whose commit was under way when the
connection broke is not, because nobody knows whether it was stored.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, func, select
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ml_intern.errors import InputError, MaybeStored, StoreUnavailable
from ml_intern.queue import address, migrating
from ml_intern.queue.bulletin import MANNERS, Bulletin
from ml_intern.queue.database import BUSY_TIMEOUT_S, T, Told, Work, translated
from ml_intern.queue.schema import journal_head

log = logging.getLogger(__name__)

POLL_S = 1.0
STATEMENT_TIMEOUT_S = 30.0
WRITERS = 8
"""Transactions of one process at a time; what waits for its turn is taken in order."""
READERS = 8
MOST_READERS = 32
MOST_TRIES = 3
ENCODING = "UTF8"

_CLOSED = "{name} was closed by this process."
_MIGRATION_LOCK = 0x6D6C696E
_TRY_AGAIN = {"40001", "40P01"}
"""Serialization failure; deadlock detected."""
_TOO_MANY = {"53300"}
# Needs the right to write, and waits for nobody.
_TRY = select(journal_head).with_for_update(skip_locked=True)
_NOW = select(func.extract("epoch", func.clock_timestamp()))


class _CameToNothing(Exception):
    """A transaction that ended before its commit began, by no fault of its own."""

    def __init__(self, cause: DBAPIError) -> None:
        super().__init__(str(cause.orig))
        self.cause = cause


class PostgresDatabase:
    """See `Database`."""

    poll_s = POLL_S

    def __init__(self, url: URL) -> None:
        """Connect, and create or migrate the tables. Raises StoreUnavailable."""
        self._url = url
        self._name = address.shown(url)
        self._writing = _engine(url, read_only=False)
        self._reading = _engine(url, read_only=True)
        self._closed = threading.Event()
        # A pool of connections alone would let threads that are quick overtake those that wait.
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="store-writer")
        self._bulletin = Bulletin(self._address(), self._closed)
        try:
            self.write(_prepare)
        except BaseException:  # nobody else can close what a constructor that fails has opened
            self.close()
            raise

    def close(self) -> None:
        """See `Database.close`."""
        self._closed.set()
        self._writers.shutdown()
        self._bulletin.join()
        self._reading.dispose()
        self._writing.dispose()

    def write(self, work: Work[T]) -> T:
        """See `Database.write`."""
        self._demand_open()
        try:
            answer = self._writers.submit(self._write, work)
        except RuntimeError as exc:  # it was closed meanwhile
            raise StoreUnavailable(_CLOSED.format(name=self._name)) from exc
        return answer.result()

    def _write(self, work: Work[T]) -> T:
        with self._translated():
            for _ in range(MOST_TRIES - 1):
                try:
                    return self._once(work)
                except _CameToNothing as exc:
                    log.info("transaction_again", extra={"error": str(exc)})
            try:
                return self._once(work)
            except _CameToNothing as exc:
                raise exc.cause from exc

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Database.read`."""
        self._demand_open()
        with self._translated(), self._reading.connect() as connection:
            yield connection

    def now(self, connection: Connection) -> float:
        """The server's own time, in seconds since 1970: it is the same for all machines."""
        return float(connection.execute(_NOW).scalar_one())

    def tell(self, told: Told) -> None:
        """See `Database.tell`."""
        self._bulletin.tell(told)

    def listen(self, heard: Callable[[Told], None]) -> None:
        """See `Database.listen`."""
        self._bulletin.start(heard)

    def probe(self) -> None:
        """See `Database.probe`."""
        self.write(lambda connection: connection.execute(_TRY).all())

    def recovered(self) -> None:
        """Nothing to do: the server looks after its own log."""

    def _address(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def _once(self, work: Work[T]) -> T:
        """Raises _CameToNothing when the work may be tried again."""
        with self._writing.begin() as connection:
            try:
                return work(connection)
            except DBAPIError as exc:
                if exc.connection_invalidated or getattr(exc.orig, "sqlstate", "") in _TRY_AGAIN:
                    raise _CameToNothing(exc) from exc
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except DataError as exc:
            raise InputError(f"The database cannot hold this: {exc.orig}.") from exc
        except (DBAPIError, PoolTimeoutError) as exc:
            broke = isinstance(exc, DBAPIError) and exc.connection_invalidated
            raise (MaybeStored if broke else StoreUnavailable)(self._explain(exc)) from exc

    def _demand_open(self) -> None:
        if self._closed.is_set():
            raise StoreUnavailable(_CLOSED.format(name=self._name))

    def _explain(self, exc: DBAPIError | PoolTimeoutError) -> str:
        cause = exc.orig if isinstance(exc, DBAPIError) else exc
        state = getattr(cause, "sqlstate", None)
        words = " ".join(str(cause).split())
        if state in _TOO_MANY or isinstance(exc, PoolTimeoutError):
            todo = (
                "It has no connection left for us; raise its max_connections, or use less workers."
            )
        elif state is not None and state.startswith("28"):
            todo = "It does not let us in; give user and password in the URL or in ~/.pgpass."
        elif state is not None and state.startswith("53"):
            todo = "The server has no room (disk or memory); nothing was accepted."
        elif state == "42P01":
            todo = "Its tables are gone; restore them, or start the daemon again to make new ones."
        elif state == "42501":
            todo = "Our role may not do that; make it the owner of the database."
        else:
            # Whoever could not connect is told why in the server's words only, without a code.
            todo = (
                "Nothing was accepted; see that the server runs, has this database and a "
                "connection to spare, and lets this user in (password in ~/.pgpass); then repeat."
            )
        return f"{self._name} cannot be used: {words}. {todo}"


def _engine(url: URL, *, read_only: bool) -> Engine:
    limits = {
        "statement_timeout": STATEMENT_TIMEOUT_S,
        "lock_timeout": BUSY_TIMEOUT_S,
        "idle_in_transaction_session_timeout": STATEMENT_TIMEOUT_S,
    }
    options = " ".join(f"-c {name}={round(limit * 1000)}" for name, limit in limits.items())
    if read_only:
        options += " -c default_transaction_read_only=on"
    return create_engine(
        url,
        pool_size=READERS if read_only else WRITERS,
        max_overflow=MOST_READERS - READERS if read_only else 0,
        pool_timeout=BUSY_TIMEOUT_S,
        # A write that meets a dead connection is tried again; a reader cannot be.
        pool_pre_ping=read_only,
        isolation_level="AUTOCOMMIT" if read_only else "READ COMMITTED",
        connect_args={"options": options, **MANNERS},
    )


def _prepare(connection: Connection) -> None:
    # Daemons that start together migrate one after the other.
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != ENCODING:
        raise StoreUnavailable(
            f"The database holds text as {encoding}, which has no room for all languages; create "
            f"one with `createdb --encoding={ENCODING} --template=template0 NAME`."
        )
    migrating.prepare(connection, _nothing)


def _nothing(_: object) -> None:
    """A server is backed up by its own means."""
