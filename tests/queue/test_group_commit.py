"""The one writer: what came together is committed together, and fails together with the commit."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import StaticPool

from ml_intern.queue.group_commit import GroupCommit, WriterClosed


@pytest.fixture
def engine_path(tmp_path: Path) -> Path:
    return tmp_path / "one.db"


class Commits:
    """How many there were."""

    def __init__(self) -> None:
        self.number = 0


@pytest.fixture
def commits() -> Commits:
    return Commits()


@pytest.fixture
def writer(engine_path: Path, commits: Commits) -> Iterator[GroupCommit]:
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(engine_path, isolation_level=None, check_same_thread=False),
        poolclass=StaticPool,
    )
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(engine, "commit", lambda _: setattr(commits, "number", commits.number + 1))
    connection = engine.connect()
    writer = GroupCommit(connection, nullcontext)
    writer.write(lambda c: c.execute(text("CREATE TABLE t (n INTEGER UNIQUE)")))
    commits.number = 0
    yield writer
    writer.close()
    engine.dispose()


def put(number: int) -> object:
    return lambda c: c.execute(text("INSERT INTO t VALUES (:n)"), {"n": number}).rowcount


def stored(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    try:
        return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]
    finally:
        connection.close()


class Held:
    """A work that is at it until it is let go, so that others wait behind it."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self.begun.set()
        assert self.go.wait(20)


def behind(writer: GroupCommit, pool: ThreadPoolExecutor, works: list[object]) -> list[Future]:
    """The answers to works that all came while one was under way."""
    held = Held()
    first = pool.submit(writer.write, held)
    assert held.begun.wait(20)
    answers = [pool.submit(writer.write, work) for work in works]
    while writer._orders.qsize() < len(works):
        pass
    held.go.set()
    first.result(20)
    return answers


def test_what_waits_is_committed_together(
    writer: GroupCommit, commits: Commits, engine_path: Path
) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = behind(writer, pool, [put(number) for number in range(20)])
        assert [answer.result(20) for answer in answers] == [1] * 20
    assert commits.number == 2
    assert stored(engine_path) == list(range(20))


def test_one_that_fails_has_its_own_answer(writer: GroupCommit, engine_path: Path) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = behind(writer, pool, [put(1), put(2), put(1), put(3)])
        errors = [answer.exception(20) for answer in answers]
    assert sum(error is not None for error in errors) == 1
    assert stored(engine_path) == [1, 2, 3]


def give_up(connection: Connection) -> None:
    """As SQLite does by itself when the disk is full."""
    connection.connection.driver_connection.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


def test_all_fail_when_the_whole_transaction_was_given_up(
    writer: GroupCommit, engine_path: Path
) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = behind(writer, pool, [put(1), give_up, put(2)])
        errors = [answer.exception(20) for answer in answers]
    assert all(error is not None for error in errors)
    assert stored(engine_path) == []
    assert writer.write(put(5)) == 1


def test_what_waits_when_it_is_closed_is_still_written(
    writer: GroupCommit, engine_path: Path
) -> None:
    with ThreadPoolExecutor(32) as pool:
        held = Held()
        pool.submit(writer.write, held)
        assert held.begun.wait(20)
        answer = pool.submit(writer.write, put(7))
        while not writer._orders.qsize():
            pass
        closing = pool.submit(writer.close)
        held.go.set()
        closing.result(20)
        assert answer.result(20) == 1
    assert stored(engine_path) == [7]
    with pytest.raises(WriterClosed):
        writer.write(put(8))
