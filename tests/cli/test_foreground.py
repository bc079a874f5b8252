"""What is said of another process that does the work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.queue.lock import DaemonLock

COMMAND = (sys.executable, "-c", "from ml_intern.cli.main import main; main()")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Path]:
    """A state directory in which a replay works: this process."""
    lock = DaemonLock(tmp_path / "daemon.lock")
    assert lock.try_acquire("ml-intern traces replay")
    yield tmp_path
    lock.release()


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "ML_INTERN_STATE_DIR": str(home), "ML_INTERN_MODEL": "autopilot"}
    return subprocess.run(
        (*COMMAND, *arguments), env=env, capture_output=True, text=True, check=False
    )


def test_a_session_that_is_left_to_a_replay_is_not_left_to_the_daemon(taken: Path) -> None:
    told = run(taken, "submit", "Train a classifier for digits.")
    assert told.returncode == exits.DONE
    who = f"Process {os.getpid()} (ml-intern traces replay)"
    assert told.stderr.startswith(f"{who} works on it while it runs: ml-intern attach ")


def test_a_daemon_that_finds_its_place_taken_says_by_what(taken: Path) -> None:
    told = run(taken, "serve")
    assert told.returncode == exits.TRY_LATER
    who = f"Process {os.getpid()} (ml-intern traces replay)"
    assert f"{who} works in {taken} already, and only one may. Wait until it ends" in told.stderr
