"""The service as a real process: submit, attach, answer, stop, kill and start again."""

import signal
from pathlib import Path

import pytest

from ml_intern.client.remote import connect
from ml_intern.events import JobEnded, JobProgressed, JobStarted, ToolStarted
from ml_intern.messages import SessionId
from ml_intern.queue.rows import SessionRow
from tests.scenario.world import Running, World, wait_until
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

LOOK_EVERY_S = 0.2
ASKS = "Train an image classifier from scratch."
"""The planner asks on which data, and waits for the answer."""


def served(world: World) -> Running:
    """A daemon that has said that it is ready."""
    running = world.start("serve")
    wait_until(lambda: "ready" in running.said() or running.process.poll() is not None, "ready")
    assert running.process.poll() is None, running.said()
    return running


def submitted(world: World, task: str) -> SessionId:
    status, said = world.does("submit", "--json", task)
    assert status == 0, said
    return SessionId(next(row.session_id for row in world.sessions() if row.session_id in said))


def row(world: World, session_id: str) -> SessionRow:
    (found,) = (one for one in world.sessions() if one.session_id == session_id)
    return found


def stands(world: World, session_id: str, *outcomes: str) -> None:
    wait_until(
        lambda: row(world, session_id).outcome in outcomes, f"{outcomes}", every_s=LOOK_EVERY_S
    )


def test_two_sessions_are_where_they_were_when_the_service_comes_back(world: World) -> None:
    daemon = served(world)
    one, two = submitted(world, ASKS), submitted(world, ASKS)
    stands(world, one, "waiting")
    stands(world, two, "waiting")
    status, said = world.does("interrupt", two)
    assert status == 0, said
    before = {number: world.events(number) for number in (one, two)}

    daemon.signal(signal.SIGTERM)
    assert daemon.ends() == 0
    assert not (world.state / "daemon.sock").exists()
    daemon = served(world)

    assert {number: world.events(number) for number in (one, two)} == before
    assert (row(world, one).outcome, row(world, two).outcome) == ("waiting", "interrupted")
    status, said = world.does("attach", two)
    assert status == 130, said
    daemon.signal(signal.SIGINT)
    assert daemon.ends() == 0
    assert world.left_processes() == []


def test_what_is_submitted_without_a_daemon_is_done_by_the_next_one(world: World) -> None:
    status, said = world.does("submit", ASKS)
    assert status == 0
    assert "ml-intern serve" in said
    session_id = world.only_session()
    assert row(world, session_id).state == "ready"
    status, said = world.does("attach", session_id)
    assert status == 75
    assert "ml-intern resume" in said

    served(world)

    stands(world, session_id, "waiting")


def test_only_one_daemon_works_in_a_state_directory(world: World) -> None:
    first = served(world)
    status, said = world.does("serve")
    assert status == 78
    assert f"Process {first.process.pid}" in said
    assert "ML_INTERN_STATE_DIR" in said
    assert first.process.poll() is None
    status, said = world.does("run", "--here", ASKS)
    assert status == 75
    assert "--here" in said


def test_a_job_outlives_the_daemon_and_its_end_is_taken_up_by_the_next_one(
    world: World, pictures: Path
) -> None:
    daemon = served(world)
    session_id = submitted(
        world,
        f"Train a small image classifier from scratch on {pictures} for 20 epochs. Do not publish.",
    )
    world.wait_for(
        lambda event: isinstance(event, JobProgressed), "the job tells its progress", daemon
    )
    daemon.signal(signal.SIGTERM)
    assert daemon.ends() == 0, daemon.said()
    assert not any(isinstance(event, JobEnded) for event in world.events(session_id))

    daemon = served(world)
    daemon.signal(signal.SIGKILL)
    daemon.ends()
    served(world)  # over the socket that the killed one left

    attached = world.start("attach", session_id)
    assert attached.ends() == 0, attached.said()
    assert sum(isinstance(event, JobStarted) for event in world.events(session_id)) == 1
    calls = [e.call_id for e in world.events(session_id) if isinstance(e, ToolStarted)]
    assert len(calls) == len(set(calls))
    assert broken_rules(world.trace(session_id)) == []


def test_who_is_attached_sees_it_through_a_restart(world: World) -> None:
    daemon = served(world)
    session_id = submitted(world, ASKS)
    stands(world, session_id, "waiting")
    world.does("say", session_id, "the handwritten digits, 1 epoch")
    following = world.start("attach", session_id)
    wait_until(lambda: "✓" in following.said(), "a step is shown as it ends")
    daemon.signal(signal.SIGKILL)
    daemon.ends()
    wait_until(lambda: "does not answer" in following.said(), "it is told")
    served(world)
    status, said = world.does("interrupt", session_id)
    assert status == 0, said
    assert following.ends() == 130, following.said()


def test_a_session_can_be_changed_between_its_turns(world: World) -> None:
    served(world)
    session_id = submitted(world, ASKS)
    stands(world, session_id, "waiting")
    status, said = world.does("compact", session_id)
    assert (status, "Nothing was changed" in said) == (2, True)
    status, said = world.does("model", session_id, "no-such-model")
    assert status == 78, said
    status, said = world.does("undo", session_id)
    assert status == 0, said
    assert "Taken back" in said
    stands(world, session_id, "interrupted")


def test_the_socket_answers_while_the_daemon_drains_and_refuses_new_work(world: World) -> None:
    daemon = served(world)
    door = connect(world.state / "daemon.sock")
    assert door is not None
    assert door.health().state == "ready"
    assert (world.state / "daemon.sock").stat().st_mode & 0o777 == 0o600
    daemon.signal(signal.SIGTERM)
    assert daemon.ends() == 0
    door.close()
