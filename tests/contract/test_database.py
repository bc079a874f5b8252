"""What every database does with works: all or nothing, alone or beside others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, insert, select, update

from ml_intern.errors import InputError, StateConflict, StoreUnavailable
from ml_intern.queue.database import Database
from ml_intern.queue.schema import VERSION, journal_head, schema_version


@pytest.fixture
def database(open_database) -> Database:
    return open_database()


def count_up(connection: Connection) -> int:
    after: int = connection.execute(
        update(journal_head)
        .values(position=journal_head.c.position + 1)
        .returning(journal_head.c.position)
    ).scalar_one()
    return after


def counted(database: Database) -> int:
    with database.read() as connection:
        found: int = connection.execute(select(journal_head.c.position)).scalar_one()
        return found


def test_a_work_gives_what_it_returns_and_is_stored(database: Database) -> None:
    assert [database.write(count_up) for _ in range(3)] == [1, 2, 3]
    assert counted(database) == 3


def test_a_work_that_raises_leaves_nothing(database: Database) -> None:
    def work(connection: Connection) -> None:
        count_up(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(work)
    assert counted(database) == 0


def test_works_of_many_threads_are_each_stored_once(database: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: database.write(count_up), range(100)))
    assert sorted(answers) == list(range(1, 101))


def test_of_works_that_come_together_a_failing_one_takes_nothing_with_it(
    database: Database,
) -> None:
    """Every third one fails, after it wrote, and in another way."""
    together = threading.Barrier(12)
    failures = [ZeroDivisionError(), StateConflict("no"), KeyError("x"), InputError("bad")]

    def work(number: int) -> str:
        def one(connection: Connection) -> str:
            count_up(connection)
            if number % 3 == 0:
                raise failures[number // 3]
            return "stored"

        together.wait(20)
        try:
            return database.write(one)
        except Exception as exc:  # noqa: BLE001 - it is what is looked at
            return type(exc).__name__

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(work, range(12)))
    assert sorted(answers) == sorted([type(each).__name__ for each in failures] + ["stored"] * 8)
    assert counted(database) == 8


def test_a_row_that_is_there_already_is_a_conflict(database: Database) -> None:
    again = insert(journal_head).values(position=0)
    with pytest.raises(StateConflict, match="has this row already"):
        database.write(lambda c: c.execute(again))
    assert database.write(count_up) == 1


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable), database.read() as connection:
        connection.execute(update(schema_version).values(version=7))
    with database.read() as connection:
        assert connection.execute(select(schema_version.c.version)).scalar_one() == VERSION


def test_its_time_goes_on(database: Database) -> None:
    first, second = database.write(database.now), database.write(database.now)
    assert first <= second


def test_a_database_that_was_closed_takes_and_gives_nothing(database: Database) -> None:
    database.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        database.probe()
    with pytest.raises(StoreUnavailable, match="closed"), database.read():
        pass
