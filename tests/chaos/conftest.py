"""One nursery for all tests of a process, and a stage of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.daemon import Home, Nursery
from tests.chaos.databases import DATABASES, SQLITE
from tests.chaos.scenes import Stage


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """Address of a fresh database; empty for SQLite."""
    address = "" if request.param == SQLITE else request.getfixturevalue("postgres_url")
    return str(address)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


@pytest.fixture
def stage(nursery: Nursery, database: str, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(Home(nursery, tmp_path / "home", database=database))
    yield made
    made.close()
