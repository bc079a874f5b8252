"""Backups: of one moment, whole, private, and never over something else."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ml_intern.errors import InputError, StoreUnavailable
from ml_intern.messages import SessionId
from ml_intern.queue.backup import back_up, restore
from ml_intern.queue.store import Store
from tests.queue.checked import lived_in, told
from tests.queue.given import HERE, HandClock, S, new_session


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
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        back_up(path, tmp_path / "no/copy.db")


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
    child = os.fork()
    if child == 0:  # dies without closing, as by `kill -9`
        new_session(Store.open(path, HandClock(), HERE), SessionId("later"))
        os._exit(0)
    os.waitpid(child, 0)
    assert path.with_name("ml-intern.db-wal").stat().st_size > 0
    kept = restore(tmp_path / "copy.db", path, "today")
    assert kept is not None
    assert rows(path) == before
    assert len(rows(kept)) == len(before) + 1


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


@pytest.mark.parametrize("step", range(1, 9))
def test_a_restore_that_is_killed_loses_nothing(path: Path, tmp_path: Path, step: int) -> None:
    """The process dies at its `step`-th change of a name, or comes to its end."""
    back_up(path, tmp_path / "copy.db")
    before = rows(path)
    child = os.fork()
    if child == 0:
        new_session(Store.open(path, HandClock(), HERE), SessionId("later"))
        _die_at(step)
        restore(tmp_path / "copy.db", path, "today")
        os._exit(0)
    os.waitpid(child, 0)
    assert told(path) == []
    assert rows(path)[: len(before)] == before
    kept = path.with_name("ml-intern.db.today")
    assert max(len(rows(each)) for each in (path, kept) if each.exists()) == len(before) + 1
    assert restore(tmp_path / "copy.db", path, "tomorrow") is not None
    assert rows(path) == before


def _die_at(step: int) -> None:
    left = iter(range(step - 1, -1, -1))

    def dying(act):
        def acted(*given, **named):
            if next(left, 1) == 0:
                os._exit(9)
            return act(*given, **named)

        return acted

    os.link = dying(os.link)
    Path.unlink = dying(Path.unlink)
    Path.replace = dying(Path.replace)


def test_a_name_that_is_too_long_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="could not be made"):
        back_up(path, tmp_path / ("n" * 300))
