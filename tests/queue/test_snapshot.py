"""A look at a database that others work with."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ml_intern.errors import InputError, StoreUnavailable
from ml_intern.queue import address
from ml_intern.queue.schema import event
from ml_intern.queue.snapshot import snapshot
from ml_intern.queue.store import Store
from tests.queue.given import HERE, HandClock, T, new_session

EVENTS = select(func.count()).select_from(event)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ml-intern.db"


def test_what_is_written_meanwhile_is_not_seen(path: Path) -> None:
    store = Store.open(path, HandClock(), HERE)
    new_session(store)
    with snapshot(address.of_file(path)) as connection:
        assert connection.execute(EVENTS).scalar_one() == 1
        new_session(store, T)
        assert connection.execute(EVENTS).scalar_one() == 1
    store.close()


def test_it_cannot_write_and_folds_no_log(path: Path) -> None:
    code = (
        "import os; from tests.queue.given import *; from pathlib import Path\n"
        f"new_session(Store.open(Path({str(path)!r}), HandClock(), HERE)); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    log = path.with_name("ml-intern.db-wal")
    before = (path.read_bytes(), log.read_bytes())
    assert before[1]
    with snapshot(address.of_file(path)) as connection:
        assert connection.execute(EVENTS).scalar_one() == 1
        driver = connection.connection.driver_connection
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            driver.execute("DELETE FROM event")
    assert (path.read_bytes(), log.read_bytes()) == before


def test_a_database_that_is_not_there_is_not_created(path: Path) -> None:
    with pytest.raises(InputError, match="no database"), snapshot(address.of_file(path)):
        pass
    assert not path.exists()


def test_what_cannot_even_be_looked_at_is_said_so(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="cannot be looked at"),
        snapshot(address.of_file(tmp_path / ("n" * 300))),
    ):
        pass


def test_a_log_that_was_removed_under_its_owner_is_no_damage(path: Path) -> None:
    store = Store.open(path, HandClock(), HERE)
    new_session(store)
    path.with_name(path.name + "-wal").unlink()
    with pytest.raises(StoreUnavailable, match="stop that"), snapshot(address.of_file(path)):
        pass
    store.close()
    with snapshot(address.of_file(path)) as connection:
        assert connection.execute(EVENTS).scalar_one() == 1


def test_a_name_that_is_not_utf_8_is_as_good_as_another(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.db")
    store = Store.open(path, HandClock(), HERE)
    new_session(store)
    with snapshot(address.of_file(path)) as connection:
        assert connection.execute(EVENTS).scalar_one() == 1
    store.close()
