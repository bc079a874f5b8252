"""`traces rewrite`, as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

from ml_intern.cli import exits
from ml_intern.messages import AssistantMessage
from tests.cli.services import scripted_service, started
from tests.support.waiting import wait_until
from tests.tracing.rules import broken_rules

COMMAND = (sys.executable, "-c", "from ml_intern.cli.main import main; main()", "traces", "rewrite")
VALUE = "not-known-to-be-secret"


def run(home: Path, session: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, session),
        env={**os.environ, "ML_INTERN_STATE_DIR": str(home), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_secret_that_became_known_later_is_taken_out(tmp_path: Path) -> None:
    words = f"The pass phrase is {VALUE}."
    with scripted_service(tmp_path, [AssistantMessage(text=words)]) as service:
        session = started(service, words)
        service.try_host()
        wait_until(lambda: service.door.session(session).outcome == "finished")
    (path,) = tmp_path.glob("traces/sessions/*/*.jsonl")
    assert path.read_text().count(VALUE) > 1
    before = path.read_text().count("\n")
    done = run(tmp_path, session[:8], OUR_SECRET=VALUE)
    assert (done.returncode, done.stderr) == (exits.DONE, "")
    assert done.stdout.startswith(f"1 file of session {session[:8]} written anew.\n")
    assert "stays in the history of its repository" in done.stdout
    assert VALUE not in path.read_text()
    assert path.read_text().count("\n") == before
    assert broken_rules(path) == []


def test_a_session_that_nobody_knows_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "abcd")
    assert done.returncode == exits.USAGE
    assert "abcd" in done.stderr


def test_an_imported_session_is_to_be_imported_again(tmp_path: Path) -> None:
    folder = tmp_path / "traces" / "imported" / "2026-11-20"
    folder.mkdir(parents=True)
    (folder / "0c9f1d52-0000-4000-8000-000000000001.jsonl").write_text("{}\n")
    done = run(tmp_path, "0c9f1d52")
    assert done.returncode == exits.USAGE
    assert "is imported, and no journal has it. Import its source again" in done.stderr


def test_a_session_without_a_trace_here_is_told(tmp_path: Path) -> None:
    with scripted_service(tmp_path) as service:
        session = started(service)
    done = run(tmp_path, session)
    assert done.returncode == exits.USAGE
    assert "no trace on this machine" in done.stderr
