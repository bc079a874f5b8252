"""What `why` prints and writes, with and without a process that works."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ml_intern.cli import exits
from ml_intern.cli.main import app
from ml_intern.messages import SessionId
from tests.cli.services import change, scripted_service, started
from tests.support.waiting import wait_until


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionId:
    """A session that waits for an approval; nobody works now."""
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ML_INTERN_SANDBOX", "process")
    with scripted_service(tmp_path, [change()]) as service:
        session_id = started(service, "Try a smaller batch")
        service.try_host()
        wait_until(lambda: service.store.session(session_id).state == "waiting")
    return session_id


def why(*words: str) -> Result:
    return CliRunner().invoke(app, ["why", *words], standalone_mode=False, obj=False)


def test_a_person_reads_what_is_awaited_what_to_type_and_what_was_last(waiting: SessionId) -> None:
    done = why(waiting[:8])
    assert done.return_value == exits.DONE
    lines = done.output.splitlines()
    assert lines[0] == f"{waiting[:8]}  waiting  Try a smaller batch"
    assert lines[1].startswith("A person must decide about propose_change")
    assert lines[2].startswith("  → ml-intern approve ")
    assert lines[3].startswith("  → ml-intern deny ")
    assert lines[5] == "last events"
    assert "turn_finished" in lines[-1]


def test_json_says_the_same(waiting: SessionId) -> None:
    document = json.loads(why(waiting, "--json").output)
    assert document["session_id"] == waiting
    (awaited,) = document["waits_for"]
    assert awaited["kind"] == "person"
    assert awaited["since"] is not None
    assert len(awaited["commands"]) == 2
    assert (document["ahead"], document["lease"], document["open_ops"]) == (0, None, [])
    assert document["events"][-1]["event"]["kind"] == "turn_finished"
