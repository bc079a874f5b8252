"""`traces fork`, as a person runs it: real processes, the planner that needs no model."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.transcript.parts import part_id
from tests.cli.services import scripted_service, started
from tests.support.hub import TOKEN, USER, HubServer
from tests.support.nursery import Nursery
from tests.support.waiting import wait_until

EXAMPLE = next(Path("traces/examples").glob("ee27*.jsonl")).absolute()
COMMAND = (sys.executable, "-m", "ml_intern.cli.main", "traces", "fork")


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ML_INTERN_STATE_DIR": str(home / "state"),
        "ML_INTERN_SANDBOX": "process",
        "PYTHONPATH": str(Path.cwd()),
    }


@pytest.fixture
def run(nursery: Nursery):
    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        words = ("traces", "fork", *arguments)
        return nursery.run(*words, environment=environment(home), folder=home)

    return run


@pytest.fixture
def parent(tmp_path: Path) -> str:
    """A session with one turn, which has ended."""
    with scripted_service(tmp_path / "state", ["I looked around."]) as service:
        session_id = started(service, "Train a text classifier")
        service.try_host()
        wait_until(lambda: service.store.session(session_id).outcome == "finished")
    return session_id


def test_a_session_is_gone_on_from_with_the_model_of_the_settings(tmp_path, parent, run) -> None:
    done = run(tmp_path, parent[:8], "--at", "1", "Which", "data?", "--json")
    *events, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode in (exits.DONE, exits.WAITING), done.stderr
    assert summary["session_id"] != parent
    told = [one["event"] for one in events if one["event"]["kind"] in ("recalled", "user_said")]
    assert [one["kind"] for one in told] == ["recalled", "recalled", "user_said"]
    assert told[-1]["text"] == "Which data?"


def test_without_a_turn_it_is_the_last_one_which_is_said(tmp_path, parent, run) -> None:
    done = run(tmp_path, parent, "--no-wait")
    assert done.returncode == exits.DONE
    assert f"New session {done.stdout[:8]}: Train a text classifier (from turn 1)" in done.stderr


def test_a_file_is_gone_on_from_later(tmp_path, run) -> None:
    done = run(tmp_path, str(EXAMPLE), "--at", "1", "--no-wait", "--json")
    assert done.returncode == exits.DONE, done.stderr
    stored = json.loads(done.stdout)
    assert stored["worked_on_by_pid"] is None
    workspace = tmp_path / "state" / "sessions" / stored["session_id"] / "workspace"
    assert not workspace.exists()


def test_what_is_killed_while_it_copies_leaves_nothing_behind(tmp_path, parent) -> None:
    sessions = tmp_path / "state" / "sessions"
    many = sessions / parent / "workspace" / "many"
    many.mkdir()
    for number in range(20_000):
        (many / f"{number}.txt").touch()
    process = subprocess.Popen((*COMMAND, parent, "--at", "1"), env=environment(tmp_path))
    wait_until(lambda: half(sessions), 60.0)
    process.kill()
    process.wait()
    assert len(list(sessions.glob(".*.forking"))) == 1

    with scripted_service(tmp_path / "state") as service:
        assert [row.session_id for row in service.door.sessions(10)] == [parent]
        assert service.try_host()
    assert [path.name for path in sessions.iterdir()] == [parent]


def half(sessions: Path) -> bool:
    """Whether a copy has begun; then it is far from its end."""
    return len(list(sessions.glob("*/workspace/many"))) == 2


def little_room() -> None:
    """No file may grow beyond 4 MB: what a full disk looks like from inside."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))


def test_a_copy_for_which_there_is_no_room_is_refused_and_not_kept(tmp_path, parent, run) -> None:
    sessions = tmp_path / "state" / "sessions"
    (sessions / parent / "workspace" / "small").write_bytes(b"x")
    (sessions / parent / "workspace" / "weights").write_bytes(b"x" * 5_000_000)
    done = subprocess.run(
        (*COMMAND, parent, "--at", "1", "--no-wait"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=little_room,
    )
    assert done.returncode == exits.USAGE
    assert "workspace cannot be copied: File too large. Nothing was kept" in done.stderr
    assert [path.name for path in sessions.iterdir()] == [parent]
    assert run(tmp_path, parent, "--at", "1", "--no-wait").returncode == exits.DONE


def later_part() -> tuple[str, bytes]:
    """A second part of the example, with a second turn in it: its name and content."""
    name = part_id(EXAMPLE.stem, 2)
    continues = {"continues": {"sessionId": EXAMPLE.stem, "number": 2}}
    said = [("Part 2.", continues), ("And then?", {})]
    lines = [
        {
            "type": "user", "uuid": str(number), "parentUuid": None, "sessionId": name,
            "message": {"role": "user", "content": text}, "mlIntern": extra,
        }
        for number, (text, extra) in enumerate(said)
    ]  # fmt: skip
    return f"{name}.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def test_a_file_of_the_hub_is_fetched_with_its_later_parts(tmp_path, monkeypatch, run) -> None:
    later, content = later_part()
    with HubServer() as server:
        held = server.datasets.add(f"{USER}/logs")
        held.edit(f"sessions/2026-11-20/{EXAMPLE.name}", EXAMPLE.read_bytes())
        held.edit(f"sessions/2026-11-20/{later}", content)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        path = f"{USER}/logs/sessions/2026-11-20/{EXAMPLE.name}"
        done = run(tmp_path, path, "--at", "2", "--no-wait", "--json")
        assert done.returncode == exits.DONE, done.stderr
        missing = run(tmp_path, path.replace("2026", "2025"), "--at", "1", "--no-wait")
        assert missing.returncode == exits.USAGE
        assert "here, and on the Hub" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("{parent}", "--at", "7"), "has 1 turn; there is no turn 7"),
        (("nowhere", "--at", "1"), "There is no trace 'nowhere'"),
        (("{parent}", "--at", "1", "--model", "no-such/model"), "no-such"),
    ],
)
def test_what_cannot_be_gone_on_from_is_said(tmp_path, parent, arguments, words, run) -> None:
    done = run(tmp_path, *(one.format(parent=parent) for one in arguments))
    assert done.returncode in (exits.USAGE, exits.CONFIGURATION)
    assert words in done.stderr
