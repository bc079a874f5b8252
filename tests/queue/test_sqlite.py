"""What is particular to SQLite: private files, pragmas, and what its errors tell a person to do."""

import contextlib
import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from ml_intern.clock import SystemClock
from ml_intern.errors import StoreUnavailable
from ml_intern.messages import SessionId
from ml_intern.queue import sqlite
from ml_intern.queue.sqlite import SqliteDatabase
from ml_intern.queue.store import Store
from tests.queue.child import fill
from tests.queue.given import S, T, claimed, ended, kinds, new_session, replied, turn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ml-intern.db"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store.open(path, SystemClock())
    try:
        yield store
    finally:
        store.close()


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_files_are_for_this_user_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(path) as store:
            new_session(store)
            found = {each.name: mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert mode(path.parent) == "0o700"
    assert found == dict.fromkeys(
        ["ml-intern.db", "ml-intern.db-shm", "ml-intern.db-wal", "ml-intern.db.writer"], "0o600"
    )


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    with opened(path):
        assert mode(path) == "0o600"


def test_what_was_stored_is_there_after_opening_again(path: Path) -> None:
    with opened(path) as store:
        new_session(store)
        store.finish(claimed(store), turn(), ended())
    with opened(path) as store:
        assert kinds(store) == ["session_started", "turn_started", "turn_finished"]


def test_the_last_one_leaves_no_log_behind(path: Path) -> None:
    with opened(path) as store:
        new_session(store)
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "ml-intern.db",
        "ml-intern.db.writer",
    ]


EXPECTED = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def pragmas(connection: Connection) -> dict[str, object]:
    names = [*EXPECTED, "query_only"]
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(path, SystemClock())
    yield database
    database.close()


def test_every_connection_is_durable_and_checks_references(database: SqliteDatabase) -> None:
    assert database.write(pragmas) == {**EXPECTED, "query_only": 0}
    with database.read() as connection:
        assert pragmas(connection) == {**EXPECTED, "query_only": 1}


def test_a_reader_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(StoreUnavailable), database.read() as connection:
        connection.execute(text("DELETE FROM session"))


def test_a_transaction_keeps_other_writers_out_from_its_beginning(
    path: Path, database: SqliteDatabase
) -> None:
    def work(_connection: Connection) -> None:
        with (
            contextlib.closing(sqlite3.connect(path, timeout=0)) as plain,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            plain.execute("BEGIN IMMEDIATE")

    database.write(work)


def read_nothing(database: SqliteDatabase) -> None:
    with database.read():
        pass


def test_a_closed_database_is_unavailable(database: SqliteDatabase) -> None:
    database.close()
    database.close()
    for use in (read_nothing, SqliteDatabase.probe):
        with pytest.raises(StoreUnavailable, match="closed"):
            use(database)


def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path) -> None:
    with opened(path) as store:
        new_session(store)
    with contextlib.closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(StoreUnavailable, match="newer version"):
        Store.open(path, SystemClock())
    with contextlib.closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT count(*) FROM session").fetchone() == (1,)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("my diary, " * 1000)
    with pytest.raises(StoreUnavailable, match="no database of ml-intern"):
        Store.open(path, SystemClock())
    assert path.read_text() == "my diary, " * 1000


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="another state folder"):
        Store.open(path, SystemClock())


def test_a_state_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="another state folder"):
        Store.open(tmp_path / "file" / "ml-intern.db", SystemClock())


def test_a_damaged_file_is_told_from_a_missing_event(path: Path) -> None:
    with opened(path) as store:
        new_session(store)
        lease = claimed(store).lease
        for number in range(50):
            store.append(lease, replied(*(f"{number}-{n}" for n in range(20))))
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (path.stat().st_size - 3 * 4096))
    with pytest.raises(StoreUnavailable, match="backup"), opened(path) as store:
        store.events(S)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data", '{"kind": "from_the_future"}'),
        ("data", "{"),
        ("data", b"\xff"),
        ("at", "noon"),
        ("at", b"\xff"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(path: Path, column: str, value: str) -> None:
    with opened(path) as store:
        new_session(store)
        store.append(claimed(store).lease, turn(), replied())
        with contextlib.closing(sqlite3.connect(path)) as plain, plain:
            plain.execute(f"UPDATE event SET {column} = ? WHERE seq = 2", [value])
        with pytest.raises(StoreUnavailable, match=f"Event 2 of session {S}"):
            store.events(S)
        with pytest.raises(StoreUnavailable, match=f"Event 2 of session {S}"):
            store.follow(1, 10)
        assert [each.seq for each in store.follow(0, 10)] == [1]
        assert [each.seq for each in store.follow(2, 10)] == [3]


def test_an_event_whose_number_is_none_is_named_with_what_looks_further(path: Path) -> None:
    with opened(path) as store:
        new_session(store)
        with contextlib.closing(sqlite3.connect(path)) as plain, plain:
            plain.execute("UPDATE event SET seq = 'x' WHERE position = 1")
        with pytest.raises(StoreUnavailable, match=r"position 1.* number is 'x'.*ml-intern fsck"):
            store.events(S)


@pytest.mark.parametrize(
    ("column", "value"),
    [("created", "noon"), ("updated", b"\xff"), ("state", "lost"), ("waiting_on", "{")],
)
def test_a_session_whose_row_is_damaged_is_named_among_the_others(
    path: Path, column: str, value: object
) -> None:
    with opened(path) as store:
        new_session(store)
        new_session(store, T)
        with contextlib.closing(sqlite3.connect(path)) as plain, plain:
            plain.execute(f"UPDATE session SET {column} = ? WHERE id = ?", [value, S])
        found = {row.session_id: row.detail for row in store.sessions(10)}
        assert found[T] == ""
        assert "damaged" in found[S]
        assert store.session(S).outcome == "failed"


def test_an_op_that_cannot_be_read_is_given_up(path: Path) -> None:
    with opened(path) as store:
        new_session(store)
        with contextlib.closing(sqlite3.connect(path)) as plain, plain:
            plain.execute("""UPDATE op SET payload = '{"kind": "from_the_future"}'""")
        assert store.claim(0) is None
        row = store.session(S)
        assert (row.state, row.outcome) == ("idle", "failed")
        assert "cannot be read" in row.detail


def test_a_lock_held_too_long_is_reported_and_then_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    with opened(path) as store, contextlib.closing(sqlite3.connect(path)) as plain:
        new_session(store)
        lease = claimed(store).lease
        plain.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            store.append(lease, turn())
        assert kinds(store) == ["session_started"]
        plain.rollback()
        assert store.append(lease, turn()) == [2]


def test_a_gate_held_too_long_is_reported_and_then_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    with opened(path) as store:
        new_session(store)
        with path.with_name("ml-intern.db.writer").open() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            with pytest.raises(StoreUnavailable, match="locked by another process"):
                store.submit(S, claimed(store).op)
        claimed(store)


def test_only_who_works_through_the_ops_folds_the_log(path: Path) -> None:
    log = path.with_name("ml-intern.db-wal")
    with opened(path) as store:
        new_session(store)
        lease = claimed(store).lease
        write_mebibytes(store, lease, 6)
        assert log.stat().st_size > 6 << 20
        store.recover()
        write_mebibytes(store, lease, 1)
        before = log.stat().st_size
        write_mebibytes(store, lease, 3)
        assert log.stat().st_size == before


def write_mebibytes(store: Store, lease: object, size: int) -> None:
    large = replied()
    object.__setattr__(large, "text", "x" * (1 << 18))
    for _ in range(size * 4):
        store.append(lease, large)


def test_a_limit_of_the_file_size_refuses_whole_appends(path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.queue.child", "fill", path, str(3 << 20)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    words, counts = found.stdout.splitlines()
    accepted, after, stored = map(int, counts.split())
    assert "nothing was accepted" in words
    assert (after, stored) == (accepted + 1, accepted + 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount; the limit of the file size is tested anyway")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_refuses_whole_appends(small_disk: Path) -> None:
    with opened(small_disk / "ml-intern.db") as store:
        new_session(store)
        lease = claimed(store).lease
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * (1 << 20))
        accepted = fill(store, lease)
        assert accepted > 1
        assert store.session(S).state == "leased"
        with pytest.raises(StoreUnavailable, match="full"):
            store.append(lease, *[replied(*(str(n) for n in range(3000)))])
        assert [each.seq for each in store.events(S)] == list(range(1, accepted + 1))
        ballast.unlink()
        assert store.append(lease, turn()) == [accepted + 1]


def test_nothing_is_accepted_into_a_file_that_has_lost_its_name(path: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    with opened(path) as store:
        new_session(store)
        claim = claimed(store)
        path.rename(away)
        with pytest.raises(StoreUnavailable, match="was moved, removed or replaced"):
            store.finish(claim, turn(), ended())
        with pytest.raises(StoreUnavailable, match="was moved, removed or replaced"):
            new_session(store, SessionId("later"))
        path.write_bytes(away.read_bytes())
        with pytest.raises(StoreUnavailable, match="was moved, removed or replaced"):
            store.finish(claim, turn(), ended())
        away.replace(path)
        store.finish(claim, turn(), ended())
        assert kinds(store) == ["session_started", "turn_started", "turn_finished"]


@pytest.mark.parametrize("rest", ["-wal", "-shm"])
def test_a_log_that_was_removed_is_saved_by_whoever_has_it_open(path: Path, rest: str) -> None:
    with opened(path) as store:
        new_session(store)
        path.with_name(path.name + rest).unlink()
        with pytest.raises(StoreUnavailable, match="SIGTERM"):
            new_session(store, SessionId("later"))
    with opened(path) as store:
        assert kinds(store) == ["session_started"]
