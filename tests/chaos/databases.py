"""Where a run of the suite gets its databases: the one place that knows which there are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.postgres import PostgresServer, binaries, postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = (SQLITE, POSTGRESQL)
"""A run of everything for each of these."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Gives databases of one kind."""

    kind: str
    new: Callable[[], str]
    """The address of a new, empty database; empty for SQLite, which lies in the state."""
    server: PostgresServer | None = None
    """What serves them, where something does."""


def here() -> Sequence[str]:
    """Those that this machine has."""
    return [kind for kind in DATABASES if kind == SQLITE or binaries() is not None]


@contextmanager
def databases(kind: str) -> Iterator[Source]:
    """For the length of the block."""
    if kind == POSTGRESQL:
        with postgres() as server:
            yield Source(kind=kind, new=server.new_database, server=server)
    else:
        yield Source(kind=kind, new=str)
