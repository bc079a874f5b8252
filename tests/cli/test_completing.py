"""What a shell offers where a session is to be named."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ml_intern.cli.completing import session_ids
from ml_intern.clock import SystemClock
from ml_intern.messages import SessionId
from ml_intern.queue.store import Store
from tests.queue.given import new_session

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = "11111111-aaaa", "22222222-bbbb"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    store = Store.open(tmp_path / "ml-intern.db", SystemClock())
    for name in (ONE, TWO, f"{TWO}-c"):
        new_session(store, SessionId(name))
    store.close()
    return tmp_path / "ml-intern.db"


def test_ids_are_as_short_as_is_clear_and_say_what_they_are_about(path: Path) -> None:
    assert session_ids("1") == [("11111111", "a task")]
    assert session_ids(ONE[:10]) == [(ONE, "a task")]
    assert {name for name, _ in session_ids("2")} == {TWO, f"{TWO}-c"}
    assert len(session_ids("")) == 3
    assert session_ids("%") == []


def test_what_is_said_of_a_session_is_one_line(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE session SET title = 'a' || char(10) || char(27) || '[1m'")
    assert session_ids("1") == [("11111111", "a ?[1m")]


def test_nothing_is_changed_or_created(path: Path) -> None:
    before = {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()}
    session_ids("")
    left = {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()}
    assert {name: left[name] for name in before} == before
    assert path.with_name("daemon.sock").exists() is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ML_INTERN_STATE_DIR", "/nowhere"),
        ("ML_INTERN_WORKERS", "none"),
        ("ML_INTERN_DATABASE", "postgresql://127.0.0.1:1/none"),
    ],
)
def test_what_is_in_the_way_completes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert session_ids("") == []


def test_a_damaged_file_completes_nothing(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    assert session_ids("") == []


@pytest.mark.parametrize("command", ["show", "why", "resume", "approve", "resolve"])
def test_commands_that_take_a_session_offer_it_without_loading_the_product(
    path: Path, command: str
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_ML_INTERN_COMPLETE": "complete_bash",
        "COMP_WORDS": f"ml-intern {command} 1",
        "COMP_CWORD": "2",
    }
    words = "import sys; from ml_intern.cli.main import app\n"
    words += "try: app(prog_name='ml-intern')\n"
    words += "finally: print([name for name in sys.modules if name in ('sqlalchemy', 'httpx')])"
    done = subprocess.run(
        [sys.executable, "-c", words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["11111111", "[]"]
