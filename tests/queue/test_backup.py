"""Backups: of one moment, whole, private, and never over something else."""

import os
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ml_intern.errors import InputError, StoreUnavailable
from ml_intern.messages import SessionId
from ml_intern.queue.backup import back_up, restore
from ml_intern.queue.sqlite import writing_alone
from ml_intern.queue.store import Store
from tests.queue.checked import lived_in, told
from tests.queue.given import HERE, HandClock, S, new_session

ACTS = ("open", "os.remove", "os.rename", "os.link", "sqlite3.connect")
"""Audit events of all that a restore does to files and their names."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    lived_in(tmp_path / "state/ml-intern.db")
    return tmp_path / "state/ml-intern.db"


def rows(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM event ORDER BY position").fetchall()


def test_a_backup_is_one_private_file_with_everything_in_it(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "out/copy.db"
    target.parent.mkdir()
    back_up(path, target)
    assert rows(target) == rows(path)
    assert told(target) == []
    assert target.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in target.parent.iterdir()] == ["copy.db"]


def test_a_backup_beside_a_writer_is_of_one_moment(path: Path, tmp_path: Path) -> None:
    store = Store.open(path, HandClock(), HERE)
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            new_session(store, SessionId(f"s{number}"), "x" * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(path, tmp_path / f"{number}.db")
    finally:
        over.set()
        writer.join()
    assert [told(tmp_path / f"{number}.db") for number in range(5)] == [[]] * 5
    store.close()


def test_nothing_is_written_over(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        back_up(path, target)
    assert target.read_text() == "mine"


def test_of_a_damaged_database_no_backup_is_kept(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000] + b"\xa5" * 8192 + whole[28_192:])
    assert back_up(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_a_folder_that_is_not_there_is_said(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"There is no folder {tmp_path}/no;"):
        back_up(path, tmp_path / "no/copy.db")


def test_what_is_in_the_way_is_said_of_the_file_that_was_named(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db.part").mkdir()
    with pytest.raises(StoreUnavailable, match=rf"{tmp_path}/copy.db could not be made") as caught:
        back_up(path, tmp_path / "copy.db")
    assert ".part" not in str(caught.value)


def test_a_restore_keeps_what_stood_there(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "copy.db")
    before = rows(path)
    store = Store.open(path, HandClock(), HERE)
    new_session(store, SessionId("later"))
    after = rows(path)
    store.close()
    kept = restore(tmp_path / "copy.db", path, "today")
    assert kept == path.with_name("ml-intern.db.today")
    assert (rows(path), rows(kept)) == (before, after)
    assert path.stat().st_mode & 0o777 == 0o600
    assert told(path) == []


def test_a_log_that_was_not_folded_is_kept_and_not_taken_for_the_new_one(
    path: Path, tmp_path: Path
) -> None:
    back_up(path, tmp_path / "copy.db")
    before = rows(path)
    _killed_with_a_log(path)
    kept = restore(tmp_path / "copy.db", path, "today")
    assert kept is not None
    assert rows(path) == before
    assert len(rows(kept)) == len(before) + 1


def test_what_is_no_database_is_kept_with_its_log(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "copy.db")
    path.write_bytes(b"no database" * 1000)
    path.with_name("ml-intern.db-wal").write_bytes(b"no log")
    kept = restore(tmp_path / "copy.db", path, "today")
    assert kept is not None
    assert kept.read_bytes().startswith(b"no database")
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"no log"
    assert told(path) == []


def test_a_database_that_is_read_is_not_replaced(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_intern.queue.backup.BUSY_TIMEOUT_S", 0.1)
    back_up(path, tmp_path / "copy.db")
    _killed_with_a_log(path)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM event").fetchall()
        new_session(store := Store.open(path, HandClock(), HERE), SessionId("latest"))
        with pytest.raises(StoreUnavailable, match="Another process reads"):
            restore(tmp_path / "copy.db", path, "today")
        assert reader.execute("SELECT count(*) FROM event").fetchall() == before
    store.close()
    assert list(path.parent.glob("*.today*")) == []


def test_a_database_that_is_written_to_is_not_replaced(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_intern.queue.sqlite.BUSY_TIMEOUT_S", 0.1)
    back_up(path, tmp_path / "copy.db")
    with writing_alone(path), pytest.raises(StoreUnavailable, match="locked by another process"):
        restore(tmp_path / "copy.db", path, "today")
    assert list(path.parent.glob("*.today*")) == []


def test_where_nothing_stood_nothing_is_kept(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new/ml-intern.db"
    new.parent.mkdir()
    assert restore(path, new, "today") is None
    store = Store.open(new, HandClock(), HERE)
    assert len(store.events(S)) == 30
    store.close()


def test_a_restore_that_fails_changes_nothing(path: Path, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear aunt " * 1000)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable):
        restore(tmp_path / "letter", path, "today")
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.glob("*.today")] == []


def test_a_restore_that_is_killed_leaves_the_backup_or_all_that_stood_there(
    path: Path, tmp_path: Path
) -> None:
    """The process dies before its first act on a file or a name, the second, and so on."""
    back_up(path, tmp_path / "copy.db")
    store = Store.open(tmp_path / "copy.db", HandClock(), HERE)
    new_session(store, SessionId("in the backup"))
    store.close()
    backup, before = rows(tmp_path / "copy.db"), rows(path)
    seen = []
    for step in range(1, 200):
        place = tmp_path / f"{step}" / "ml-intern.db"
        place.parent.mkdir()
        place.write_bytes(path.read_bytes())
        _killed_with_a_log(place)
        status = _restored_until(step, tmp_path / "copy.db", place)
        left = rows(place)
        assert left == backup or left[:-1] == before, f"step {step}"
        assert told(place) == []
        seen.append(left == backup)
        if status == 0:
            break
        assert restore(tmp_path / "copy.db", place, "tomorrow") is not None
        assert rows(place) == backup
    assert status == 0
    assert set(seen) == {False, True}


def _killed_with_a_log(path: Path) -> None:
    """Let a process write one more session, which stays in the log."""
    child = os.fork()
    if child == 0:
        new_session(Store.open(path, HandClock(), HERE), SessionId("later"))
        os._exit(0)
    os.waitpid(child, 0)
    assert path.with_name("ml-intern.db-wal").stat().st_size > 0


def _restored_until(step: int, backup: Path, path: Path) -> int:
    """Restore in a process that dies before its `step`-th act; 0 where there are not so many."""
    child = os.fork()
    if child == 0:
        left = iter(range(step - 1, -1, -1))

        def die(event: str, _given: object) -> None:
            if event in ACTS and next(left, 1) == 0:
                os._exit(9)

        sys.addaudithook(die)
        restore(backup, path, "today")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_name_that_is_too_long_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="could not be made"):
        back_up(path, tmp_path / ("n" * 300))
