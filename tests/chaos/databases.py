"""Where a run of the suite gets its database: the one place that knows which there are."""

from collections.abc import Iterator
from contextlib import contextmanager

SQLITE = "sqlite"
DATABASES = (SQLITE,)
"""A run of everything for each of these."""


@contextmanager
def fresh(kind: str) -> Iterator[str]:
    """Address of an empty database of this kind; empty for SQLite, which lies in the state."""
    if kind != SQLITE:
        raise ValueError(f"no database {kind!r} here; there are {', '.join(DATABASES)}")
    yield ""
