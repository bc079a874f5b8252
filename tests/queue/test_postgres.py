"""What is known of a write that PostgreSQL did not say yes to."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection

from ml_intern.errors import MaybeStored, StoreUnavailable
from ml_intern.queue.address import parse
from ml_intern.queue.postgres import PostgresDatabase


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    made = PostgresDatabase(parse(postgres_url))
    yield made
    made.close()


def test_a_connection_that_broke_before_the_commit_was_answered_leaves_it_open(
    database: PostgresDatabase, postgres_url: str
) -> None:
    def work(connection: Connection) -> None:
        process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            ended = other.execute("SELECT pg_terminate_backend(%s, 10000)", [process]).fetchone()
        assert ended == (True,)

    with pytest.raises(MaybeStored):
        database.write(work)


def test_what_the_server_refuses_was_not_stored(database: PostgresDatabase) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        database.write(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, MaybeStored)
