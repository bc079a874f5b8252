"""Where a run of the suite gets its databases: the one place that knows which there are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.support.postgres import binaries, postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = (SQLITE, POSTGRESQL)
"""A run of everything for each of these."""


def here() -> Sequence[str]:
    """Those that this machine has."""
    return [kind for kind in DATABASES if kind == SQLITE or binaries() is not None]


@contextmanager
def databases(kind: str) -> Iterator[Callable[[], str]]:
    """Gives addresses of new, empty databases; empty for SQLite, which lies in the state."""
    with ExitStack() as stack:
        if kind == POSTGRESQL:
            yield stack.enter_context(postgres()).new_database
        else:
            yield str
