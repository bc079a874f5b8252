"""What a shell offers where a session is to be named."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ml_intern.cli.completing import session_ids, trace_ids, turns
from ml_intern.cli.traces.importing import import_files
from ml_intern.cli.traces.listing import list_traces
from ml_intern.clock import SystemClock
from ml_intern.messages import SessionId
from ml_intern.queue.store import Store
from tests.queue.given import new_session

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "traces" / "examples" / "7f049ce1-5d5d-5826-b8ab-0b7a70388dda.jsonl"
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
    assert completed(completing(f"{command} 1")) == ["11111111", "[]"]


def completing(words: str) -> dict[str, str]:
    """The environment in which a shell asks what may stand in the place of the last word."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_ML_INTERN_COMPLETE": "complete_bash",
        "COMP_WORDS": f"ml-intern {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }


def completed(environment: dict[str, str]) -> list[str]:
    """What the shell is told, and which large packages were loaded for it."""
    words = "import sys; from ml_intern.cli.main import app\n"
    words += "try: app(prog_name='ml-intern')\n"
    words += "finally: print([name for name in sys.modules if name in ('sqlalchemy', 'httpx')])"
    done = subprocess.run(
        [sys.executable, "-c", words], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "offered"), [("traces show 1", "11111111"), (f"traces fork {EXAMPLE} --at ", "1")]
)
def test_commands_about_traces_offer_them_and_their_turns(
    path: Path, words: str, offered: str
) -> None:
    first, *_, loaded = completed(completing(words))
    assert (first, loaded) == (offered, "[]")


def test_imported_traces_are_offered_under_both_their_ids(path: Path, tmp_path: Path) -> None:
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": "Done."}]
    source = tmp_path / "source.json"
    source.write_text(json.dumps({"session_id": "run-42", "messages": said}))
    assert import_files([source], as_json=False) == 0
    assert list_traces(20, as_json=False) == 0
    assert trace_ids("run") == [("run-42", "go")]
    imported = {name for name, about in trace_ids("") if about == "go"}
    assert len(imported) == 2
    assert trace_ids("1") == session_ids("1")
    for command, offered in (("show", ["run-42"]), ("rewrite", []), ("share", []), ("release", [])):
        environment = completing(f"traces {command} run")
        assert [line for line in completed(environment) if line.startswith("run")] == offered


def test_turns_are_offered_with_what_was_said_in_them(path: Path) -> None:
    found = turns(str(EXAMPLE), "")
    assert [number for number, _ in found] == [str(n) for n in range(1, len(found) + 1)]
    assert all(about for _, about in found)
    assert turns(str(EXAMPLE), "1")[0] == found[0]
    assert turns(str(EXAMPLE), "9") == []
    assert turns("no such trace", "") == turns("/bin/ls", "") == []
