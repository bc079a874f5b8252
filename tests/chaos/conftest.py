"""A stage of its own for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.daemon import Home
from tests.chaos.databases import DATABASES, SQLITE
from tests.chaos.scenes import Stage
from tests.support.nursery import Nursery
from tests.support.postgres import PostgresServer


@pytest.fixture(params=DATABASES)
def new_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives addresses of fresh databases; empty for SQLite."""
    if request.param == SQLITE:
        return str
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """Address of a fresh database; empty for SQLite."""
    return new_database()


@pytest.fixture
def stage(nursery: Nursery, database: str, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(Home(nursery, tmp_path / "home", database=database))
    yield made
    made.close()
