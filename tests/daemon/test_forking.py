"""Forks: where their messages and files come from, and that nothing half made is left."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_intern.client.door import Fork
from ml_intern.daemon import forking
from ml_intern.daemon.service import Service
from ml_intern.errors import Busy, InputError, MaybeStored, StoreUnavailable, UnknownSession
from ml_intern.events import Hinted, Recalled, SessionStarted
from ml_intern.messages import SessionId, UserMessage
from ml_intern.queue.lock import DaemonLock
from tests.cli.services import scripted_service, started
from tests.support.waiting import wait_until

EXAMPLE = next(Path("traces/examples").glob("ee27*.jsonl")).absolute()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with scripted_service(tmp_path / "state", ["I looked.", "I went on."]) as service:
        yield service


@pytest.fixture
def parent(service: Service) -> SessionId:
    """A session whose one turn has ended, with files."""
    session_id = started(service, "Look around")
    assert service.try_host()
    wait_until(lambda: service.door.session(session_id).outcome == "finished")
    folder = sessions(service) / session_id
    (folder / "workspace" / "runs").mkdir()
    (folder / "workspace" / "runs" / "weights.bin").write_bytes(b"123")
    (folder / "workspace" / "link").symlink_to("/etc/hostname")
    (folder / "held_out" / "digits").mkdir()
    (folder / "held_out" / "digits" / "test.csv").write_text("x")
    return session_id


def sessions(service: Service) -> Path:
    return service.settings.sessions_path


def wish(source: str, turn: int | None = 1, **more: Any) -> Fork:
    return Fork(source=source, turn=turn, words="Go on.", started_in="/", author="ada", **more)


def first_events(service: Service, session_id: SessionId) -> tuple[Any, list[Any], Any]:
    """Its start, the messages that it recalls, and what its model is told of its place."""
    start, *rest = [recorded.event for recorded in service.door.events(session_id)]
    recalled = [event for event in rest if isinstance(event, Recalled)]
    return start, recalled, next(event for event in rest if isinstance(event, Hinted))


def test_a_session_of_ours_brings_its_messages_and_a_copy_of_its_files(service, parent):
    session_id = service.door.fork(replace(wish(parent[:8]), effort="low"))
    start, recalled, told = first_events(service, session_id)
    assert isinstance(start, SessionStarted)
    assert start.effort == "low"
    assert (start.forked_from.session_id, start.forked_from.turn) == (parent, 1)
    assert start.title == "Look around (from turn 1)"
    assert [event.message.text for event in recalled] == ["Look around", "I looked."]
    folder = sessions(service) / session_id
    assert start.workspace == str(folder / "workspace")
    assert (folder / "workspace/runs/weights.bin").read_bytes() == b"123"
    assert (folder / "workspace/link").readlink() == Path("/etc/hostname")
    assert (folder / "held_out/digits/test.csv").read_text() == "x"
    assert (folder / "held_out").stat().st_mode & 0o777 == 0o700
    assert "copied into your workspace as they are now" in told.text
    wait_until(lambda: service.door.session(session_id).outcome == "finished")
    assert list(sessions(service).glob(".*")) == []


def test_a_long_title_is_seen_to_be_cut(service):
    parent = started(service, "Look around in all of the folders that you find in the workspace")
    assert service.try_host()
    wait_until(lambda: service.door.session(parent).outcome == "finished")
    start, _, _ = first_events(service, service.door.fork(wish(parent)))
    assert start.title == (
        "Look around in all of the folders that you find in the work… (from turn 1)"
    )


def test_what_the_parent_does_to_its_files_later_does_not_reach_the_fork(service, parent):
    session_id = service.door.fork(wish(parent))
    (sessions(service) / parent / "workspace/runs/weights.bin").write_bytes(b"other")
    copy = sessions(service) / session_id / "workspace/runs/weights.bin"
    assert copy.read_bytes() == b"123"


def test_a_file_of_our_own_traces_stands_for_its_session(service, parent):
    service.traces.catch_up()
    path = service.door.trace_path(parent)
    start, recalled, _ = first_events(service, service.door.fork(wish(path)))
    assert start.forked_from.source == ""
    assert len(recalled) == 2


def test_any_other_file_is_read_and_brings_no_files(service):
    session_id = service.door.fork(wish(str(EXAMPLE)))
    start, recalled, told = first_events(service, session_id)
    assert start.forked_from.source == str(EXAMPLE)
    assert start.forked_from.scored
    assert all(message.recalled for message in _words(recalled))
    assert "your workspace is empty" in told.text


def _words(recalled: list[Recalled]) -> list[UserMessage]:
    found = [event.message for event in recalled if isinstance(event.message, UserMessage)]
    assert found
    return found


def test_a_copy_of_our_trace_without_its_scores_does_not_hide_what_was_scored(service, tmp_path):
    parent = service.door.fork(wish(str(EXAMPLE)))
    scored = first_events(service, parent)[0].forked_from.scored
    service.traces.catch_up()
    first, _, rest = Path(service.door.trace_path(parent)).read_text().partition("\n")
    fields = json.loads(first)
    del fields["mlIntern"]["forkedFrom"]
    copy = tmp_path / f"{parent}.jsonl"
    copy.write_text(f"{json.dumps(fields)}\n{rest}")
    start, *_ = first_events(service, service.door.fork(wish(str(copy), turn=None)))
    assert scored
    assert start.forked_from.scored == scored


def replayed(service: Service, path: str | Path) -> Any:
    """What a replay of the file knows of test splits."""
    session_id = started(service, model=f"replay/{path}")
    return service.door.events(session_id)[0].event.replayed


def test_a_replay_may_score_what_the_recording_did_and_not_what_was_scored_before(service):
    of_recording = replayed(service, EXAMPLE)
    assert of_recording.scored_before == ()
    assert len(of_recording.scored) == 1
    fork = service.door.fork(wish(str(EXAMPLE)))
    assert service.try_host()
    wait_until(lambda: service.door.session(fork).outcome == "finished")
    service.traces.catch_up()
    of_fork = replayed(service, service.door.trace_path(fork))
    assert set(map(str, of_fork.scored_before)) == set(map(str, of_recording.scored))
    assert of_fork.scored == ()


def test_a_copy_under_another_name_without_its_scores_does_not_hide_them_from_a_replay(
    service, tmp_path
):
    fork = service.door.fork(wish(str(EXAMPLE)))
    assert service.try_host()
    wait_until(lambda: service.door.session(fork).outcome == "finished")
    service.traces.catch_up()
    first, _, rest = Path(service.door.trace_path(fork)).read_text().partition("\n")
    fields = json.loads(first)
    del fields["mlIntern"]["forkedFrom"]
    copy = tmp_path / "copy.jsonl"
    copy.write_text(f"{json.dumps(fields)}\n{rest}")
    assert replayed(service, copy).scored_before


def test_who_plays_a_replay_again_knows_what_it_knew(service):
    fork = service.door.fork(wish(str(EXAMPLE)))
    assert service.try_host()
    wait_until(lambda: service.door.session(fork).outcome == "finished")
    service.traces.catch_up()
    again = started(service, model=f"replay/{service.door.trace_path(fork)}")
    wait_until(lambda: service.door.session(again).outcome == "finished")
    service.traces.catch_up()
    assert replayed(service, service.door.trace_path(again)).scored_before


def test_a_parent_without_files_here_is_told_to_the_model(service, parent):
    shutil.rmtree(sessions(service) / parent)
    *_, told = first_events(service, service.door.fork(wish(parent)))
    assert "your workspace is empty" in told.text


def test_what_cannot_be_copied_is_named_and_the_rest_is_copied(service, parent):
    os.mkfifo(sessions(service) / parent / "workspace/runs/pipe")
    session_id = service.door.fork(wish(parent))
    *_, told = first_events(service, session_id)
    assert "1 of them could not be copied, e.g. pipe." in told.text
    runs = sessions(service) / session_id / "workspace/runs"
    assert [path.name for path in runs.iterdir()] == ["weights.bin"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"turn": 2}, InputError, "has 1 turn; there is no turn 2"),
        ({"words": " "}, InputError, "empty"),
        ({"max_cost_micro_usd": -1}, InputError, "0 or more"),
        ({"effort": "extreme"}, InputError, "none, minimal, low"),
        ({"source": "zzz"}, UnknownSession, "zzz"),
        ({"source": "/nowhere.jsonl"}, InputError, "no file"),
        ({"source": "/dev/zero"}, InputError, "no file"),
        ({"source": "/a\0b"}, InputError, "no file"),
    ],
)
def test_what_cannot_be_forked_leaves_nothing(service, parent, changes, error, words):
    with pytest.raises(error, match=words):
        service.door.fork(replace(wish(parent), **changes))
    assert [path.name for path in sessions(service).iterdir()] == [parent]
    assert len(service.door.sessions(10)) == 1


def test_the_same_key_gives_the_same_session(service, parent):
    first = service.door.fork(wish(parent), key="k")
    assert service.door.fork(wish(parent), key="k") == first
    assert service.door.fork(wish(parent), key="other") != first


@pytest.mark.parametrize(
    "refusal",
    [Busy("Too many sessions are open.", retry_after_s=1.0), StoreUnavailable("No room.")],
)
def test_a_store_that_refuses_leaves_no_files(service, parent, monkeypatch, refusal):
    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(service.store, "create_session", refuse)
    with pytest.raises(type(refusal)):
        service.door.fork(wish(parent))
    assert [path.name for path in sessions(service).iterdir()] == [parent]


@pytest.mark.parametrize("stored", [True, False])
def test_the_files_of_a_session_that_may_have_been_stored_wait_for_who_can_tell(
    service, parent, monkeypatch, stored
):
    create = service.store.create_session

    def break_off(*given: Any) -> None:
        if stored:
            create(*given)
        raise MaybeStored("The connection broke.")

    monkeypatch.setattr(service.store, "create_session", break_off)
    with pytest.raises(MaybeStored):
        service.door.fork(wish(parent), key="k")
    folder = sessions(service) / service.door._new_id("k")
    assert (folder / "workspace/runs/weights.bin").exists()
    assert forking.remove_orphans(sessions(service), service.store.exists) == (not stored)
    assert folder.exists() == stored


def test_who_comes_while_the_same_fork_is_made_is_told_to_come_again(tmp_path):
    with (
        forking.claimed(tmp_path / "f"),
        pytest.raises(Busy, match="already"),
        forking.claimed(tmp_path / "f"),
    ):
        pytest.fail("two at once")


def half_made(folder: Path) -> None:
    """As a process leaves it that is killed while it copies."""
    lock = DaemonLock(folder.with_name(f".{folder.name}.forking"))
    assert lock.try_acquire()
    (folder / "workspace").mkdir(parents=True)
    lock.release()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    for name in ("orphan", "begun", "plain"):
        (tmp_path / name / "workspace").mkdir(parents=True)
    half_made(tmp_path / "killed")
    half_made(tmp_path / "stored")
    with forking.claimed(tmp_path / "being-made"):
        (tmp_path / "being-made").mkdir()
        assert forking.remove_orphans(tmp_path, lambda session_id: session_id == "stored") == 1
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {"orphan", "begun", "plain", "stored", "being-made", ".being-made.forking"}


def test_the_same_key_makes_a_fork_that_was_cut_off(service, parent):
    key = service.door._new_id("k")
    half_made(sessions(service) / key)
    (sessions(service) / key / "workspace/torn").write_text("to")
    assert service.door.fork(wish(parent), key="k") == key
    assert not (sessions(service) / key / "workspace/torn").exists()


def test_who_begins_to_work_removes_what_a_killed_process_left(service):
    half_made(sessions(service) / "killed")
    assert service.try_host()
    assert list(sessions(service).iterdir()) == []
