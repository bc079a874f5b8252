"""Every implementation of the store, each under the same tests."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection

from ml_intern.queue.address import parse
from ml_intern.queue.database import Database
from ml_intern.queue.owner import Owner
from ml_intern.queue.postgres import PostgresDatabase
from ml_intern.queue.sqlite import SqliteDatabase
from ml_intern.queue.store import Store
from tests.queue.given import HERE, HandClock
from tests.support.postgres import PostgresServer

OpenStore = Callable[..., Store]
OpenDatabase = Callable[[], Database]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def empty_database(postgres_server: PostgresServer) -> Callable[[], URL]:
    """Gives one and the same database on the server, empty each time."""
    url = postgres_server.new_database()

    def emptied() -> URL:
        postgres_server.empty(url)
        return parse(url)

    return emptied


@pytest.fixture
def open_database(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock
) -> Iterator[OpenDatabase]:
    """Opens one and the same database again and again; closed after the test."""
    if database_kind == "postgresql":
        url = request.getfixturevalue("empty_database")()
        open_one = partial(PostgresByHand, url, clock)
    else:
        open_one = partial(SqliteDatabase, tmp_path / "state" / "ml-intern.db", clock)
    opened: list[Database] = []

    def opening() -> Database:
        opened.append(open_one())
        return opened[-1]

    yield opening
    for database in opened:
        database.close()


class PostgresByHand(PostgresDatabase):
    """Its clock is the test's, as SQLite's is anyway."""

    def __init__(self, url: URL, clock: HandClock) -> None:
        self._clock = clock
        super().__init__(url)

    def now(self, connection: Connection) -> float:
        return self._clock.monotonic()


@pytest.fixture
def open_store(open_database: OpenDatabase, clock: HandClock) -> OpenStore:
    """Opens further stores on one and the same database."""

    def open_one(owner: Owner = HERE) -> Store:
        return Store(open_database(), clock, owner)

    return open_one


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
