"""`db backup`, `db restore` and `db copy` as a shell sees them."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ml_intern.cli import exits
from ml_intern.cli.main import app
from ml_intern.errors import Busy, InputError
from ml_intern.queue import schema
from ml_intern.queue.lock import DaemonLock
from tests.queue.checked import damage, lived_in, told


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    state = tmp_path / "state"
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(state))
    lived_in(state / "ml-intern.db")
    return state / "ml-intern.db"


def db(*words: str) -> Result:
    return CliRunner().invoke(app, ["db", *words], standalone_mode=False)


def test_a_backup_without_a_name_is_dated_and_its_path_is_printed(path: Path) -> None:
    done = db("backup")
    assert done.return_value == exits.DONE
    made = Path(done.stdout.strip())
    assert made.parent == path.parent / "backups"
    assert re.fullmatch(r"ml-intern-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.db", made.name)
    assert made.parent.stat().st_mode & 0o777 == 0o700
    assert told(made) == []


def test_a_backup_goes_where_it_is_wanted(path: Path, tmp_path: Path) -> None:
    assert db("backup", str(tmp_path / "copy.db")).return_value == exits.DONE
    assert isinstance(db("backup", str(tmp_path / "copy.db")).exception, InputError)


def test_a_backup_into_a_folder_that_is_not_there_is_wrong_usage(
    path: Path, tmp_path: Path
) -> None:
    done = db("backup", str(tmp_path / "no/copy.db"))
    assert isinstance(done.exception, InputError)
    assert exits.of_error(done.exception) == exits.USAGE
    assert f"There is no folder {tmp_path}/no;" in str(done.exception)


def test_a_database_that_fsck_would_refuse_is_not_backed_up(path: Path, tmp_path: Path) -> None:
    damage(path, "DELETE FROM job")
    done = db("backup", str(tmp_path / "copy.db"))
    assert done.return_value == exits.DAMAGED
    assert "job\tsession aaaa-1, job j1\tthe journal knows it" in done.output
    assert f"ml-intern fsck {path}" in done.output
    assert not list(tmp_path.glob("copy*"))


def test_a_backup_is_put_back_and_what_stood_there_is_named(path: Path, tmp_path: Path) -> None:
    db("backup", str(tmp_path / "copy.db"))
    damage(path, "DELETE FROM job")
    done = db("restore", str(tmp_path / "copy.db"))
    assert done.return_value == exits.DONE
    assert told(path) == []
    kept = Path(done.output.strip().rpartition("kept: ")[2])
    assert len(told(kept)) == 2


def test_a_damaged_backup_is_not_put_back(path: Path, tmp_path: Path) -> None:
    db("backup", str(tmp_path / "copy.db"))
    damage(tmp_path / "copy.db", "DELETE FROM job")
    before = path.read_bytes()
    done = db("restore", str(tmp_path / "copy.db"))
    assert done.return_value == exits.DAMAGED
    assert "job\tsession aaaa-1, job j1\tthe journal knows it" in done.output
    assert path.read_bytes() == before


def test_a_backup_of_a_newer_schema_is_refused(path: Path, tmp_path: Path) -> None:
    db("backup", str(tmp_path / "copy.db"))
    damage(tmp_path / "copy.db", f"UPDATE schema_version SET version = {schema.VERSION + 1}")
    done = db("restore", str(tmp_path / "copy.db"))
    assert isinstance(done.exception, InputError)
    assert f"has schema {schema.VERSION + 1}" in str(done.exception)


def test_of_an_older_schema_only_the_file_is_looked_at(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db("backup", str(tmp_path / "copy.db"))
    damage(tmp_path / "copy.db", "DROP TABLE outbox")
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    assert db("restore", str(tmp_path / "copy.db")).return_value == exits.DONE


def test_nothing_is_restored_under_a_running_daemon(path: Path, tmp_path: Path) -> None:
    db("backup", str(tmp_path / "copy.db"))
    lock = DaemonLock(path.parent / "daemon.lock")
    assert lock.try_acquire()
    done = db("restore", str(tmp_path / "copy.db"))
    lock.release()
    assert isinstance(done.exception, Busy)
    assert "stop it first" in str(done.exception)


def test_the_database_is_no_backup_of_itself(path: Path) -> None:
    assert isinstance(db("restore", str(path)).exception, InputError)


def test_a_copy_says_what_was_copied(path: Path, tmp_path: Path) -> None:
    done = db("copy", str(path), f"sqlite:///{tmp_path}/new.db")
    assert done.return_value == exits.DONE
    assert done.output.startswith("70 rows copied and compared: approval 4, event 42, job 2, ")
    assert told(tmp_path / "new.db") == []


def test_nothing_is_copied_beside_a_running_daemon(path: Path, tmp_path: Path) -> None:
    lock = DaemonLock(path.parent / "daemon.lock")
    assert lock.try_acquire()
    done = db("copy", str(path), str(tmp_path / "new.db"))
    lock.release()
    assert isinstance(done.exception, Busy)
    assert not (tmp_path / "new.db").exists()


def test_a_backup_is_no_database_of_a_server(path: Path) -> None:
    for word in ("backup", "restore"):
        refused = db(word, "postgresql://ada:secret@host/lab")
        assert isinstance(refused.exception, InputError)
        assert "secret" not in str(refused.exception)
