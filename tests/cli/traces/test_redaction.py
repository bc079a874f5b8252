"""`traces redaction`, as a person runs it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ml_intern.cli import exits
from tests.support.nursery import Nursery

SESSION = "550e8400-e29b-41d4-a716-446655440000"
LINES = (
    {"type": "user", "message": {"content": "use [REDACTED:hf-token] and [REDACTED:hf-token]"}},
    {"type": "user", "message": {"content": "and [REDACTED:password]"}},
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    day = tmp_path / "traces" / "sessions" / "2026-11-21"
    day.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    (day / f"{SESSION}.jsonl").write_text(text)
    return tmp_path


@pytest.fixture
def run(home: Path, nursery: Nursery):
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ML_INTERN_STATE_DIR": str(home), **variables}
        words = ("traces", "redaction", *arguments)
        return nursery.run(*words, environment=environment, folder=home)

    return run


def leave(home: Path, **fields: str) -> None:
    with next(home.glob("traces/sessions/*/*.jsonl")).open("a") as file:
        file.write(json.dumps({"type": "user", "message": {"content": [fields]}}) + "\n")


def test_what_was_replaced_is_counted_by_kind(home: Path, run) -> None:
    told = run()
    assert told.returncode == exits.DONE
    assert f"{SESSION}  3 replaced: 2 hf-token, 1 password" in told.stdout
    assert "the second look finds nothing" in told.stdout


def test_what_is_left_is_told_by_its_place_and_not_shown(home: Path, run) -> None:
    leave(home, password="hunter2")
    told = run(SESSION[:8])
    assert told.returncode == exits.FAILED
    assert "line 3: value of password in message.content[0].password" in told.stdout
    assert "hunter2" not in told.stdout


def test_programs_get_both_as_json(home: Path, run) -> None:
    leave(home, password="hunter2")
    (told,) = json.loads(run("--json").stdout)
    assert told["replaced"] == {"hf-token": 2, "password": 1}
    assert [one["line"] for one in told["left"]] == [3]


def test_what_is_allowed_is_not_reported(home: Path, run) -> None:
    leave(home, password="hunter2")
    assert run(ML_INTERN_REDACT_ALLOW='["hunter2"]').returncode == exits.DONE


def test_what_this_process_holds_is_found_whatever_it_looks_like(home: Path, run) -> None:
    leave(home, text="it says plainwords there")
    told = run(MY_TOKEN="plainwords")
    assert "value of MY_TOKEN" in told.stdout
