"""What the store asks of a database, and nothing more: SQLite and PostgreSQL are two answers to it.

A write is a function of a connection. It runs in one transaction, alone or together with others,
perhaps twice when the first time came to nothing; so it has no effects but those on the connection.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ml_intern.errors import InputError, StateConflict

T = TypeVar("T")
Work = Callable[[Connection], T]
Told = Literal["news", "work", "mail"]
"""What other processes are told: events were stored; an op may be claimed; there is mail."""

BUSY_TIMEOUT_S = 10.0
"""How long a transaction waits for another one's locks."""


class Database(Protocol):
    """One opened database. Safe from any thread."""

    poll_s: float
    """How often one looks for what other processes wrote: what they tell is a hint."""

    def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction; what it returns, once that is on disk.

        Raises what `work` raises, and then nothing of it stays; StateConflict when a row exists
        already, InputError for text that no UTF-8 can hold, StoreUnavailable.
        """
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A connection that cannot write; each statement sees what was committed when it began.

        Raises StoreUnavailable.
        """
        ...

    def now(self, connection: Connection) -> float:
        """Seconds of the one clock that all owners of leases in this database share."""
        ...

    def tell(self, told: Told) -> None:
        """Tell other processes of what was committed; soon, without waiting for it."""
        ...

    def listen(self, heard: Callable[[Told], None]) -> None:
        """Call `heard` with what other processes tell, in a thread of its own."""
        ...

    def probe(self) -> None:
        """Begin a transaction and give it up. Raises StoreUnavailable when that cannot be done."""
        ...

    def recovered(self) -> None:
        """The process that works through the ops has begun to."""
        ...

    def close(self) -> None:
        """Close all connections. A transaction in another thread is waited for."""
        ...


@contextmanager
def translated() -> Iterator[None]:
    """What means the same in every database, in our words: raises StateConflict, InputError."""
    try:
        yield
    except IntegrityError as exc:
        raise StateConflict(f"The store has this row already: {exc.orig}.") from exc
    except UnicodeEncodeError as exc:
        raise InputError("The text has half surrogates in it; give valid Unicode.") from exc
