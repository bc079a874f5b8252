"""The door of this process: what it accepts, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.daemon.service import Service
from ml_intern.errors import ConfigError, Draining, InputError, StateConflict, UnknownSession
from ml_intern.events import BudgetExtended, SessionStarted
from ml_intern.messages import SessionId
from ml_intern.ops import ChangeModel, UserInput
from ml_intern.queue.mail import Draft
from ml_intern.settings import Settings
from tests.cli.services import scripted_service
from tests.support.lost import lose_call

TASK = NewSession(task="Train it", started_in="/", author="ada")


@pytest.fixture
def service(tmp_path: Path):
    with scripted_service(tmp_path / "state") as service:
        yield service


def test_the_same_key_gives_the_same_session(service):
    door = service.door
    first = door.start_session(TASK, key="k")
    assert door.start_session(TASK, key="k") == first
    assert door.start_session(TASK, key="other") != first
    assert len(door.sessions(10)) == 2
    assert len(door.events(first)) == 1


def test_the_same_key_queues_a_request_once(service):
    door = service.door
    session_id = door.start_session(TASK)
    words = UserInput(text="and quickly", author="ada")
    assert door.submit(session_id, words, key="k") is not None
    assert door.submit(session_id, words, key="k") is None


def test_more_room_is_told_to_the_model(service):
    session_id = service.door.start_session(TASK)
    assert service.door.extend(session_id, "session", 2_500_000, extended_by="ada")
    extended = service.door.events(session_id)[-1].event
    assert isinstance(extended, BudgetExtended)
    assert extended.told == "[ml-intern] A person gave $2.50 more for the session's money."


def test_what_a_new_session_asks_for_stands_in_its_first_event(service):
    new = NewSession(
        task="x",
        started_in="/",
        author="a",
        model="autopilot",
        instructions="be brief",
        max_iterations=7,
    )
    started = service.door.events(service.door.start_session(new))[0].event
    assert isinstance(started, SessionStarted)
    assert (started.model, started.instructions, started.max_iterations) == (
        "autopilot",
        "be brief",
        7,
    )


def test_a_closed_door_still_shows(service):
    session_id = service.door.start_session(TASK)
    service.door.close()
    for refused in (
        lambda: service.door.start_session(TASK),
        lambda: service.door.submit(session_id, UserInput(text="x", author="a")),
        lambda: service.door.decide("x", "approve", decided_by="a"),
    ):
        with pytest.raises(Draining):
            refused()
    assert service.door.session(session_id).title == "Train it"
    assert service.door.health().state == "draining"


def test_health_counts_sessions(service):
    service.door.start_session(TASK)
    health = service.door.health()
    assert (health.state, health.queued, health.running) == ("ready", 1, 0)


def test_health_counts_the_calls_that_a_person_must_answer_for(service):
    door = service.door
    door.start_session(TASK)
    session_id = lose_call(service.store, "send")
    assert door.health().unknown_calls == 1
    door.resolve(session_id, "", "skip", resolved_by="ada")
    assert door.health().unknown_calls == 0


def test_health_tells_what_nobody_was_told(service):
    mail = service.store.mail
    mail.put("slack", [Draft(lane=lane, dedupe=lane, body={}) for lane in ("one", "two")])
    mail.drop(mail.ready("slack", 1)[0], "failed")
    health = service.door.health()
    assert (health.messages_waiting, health.messages_refused) == (1, 1)
    assert 0 <= health.oldest_message_s < 60


def test_a_store_in_trouble_is_told_and_not_raised(service):
    service.store.close()
    health = service.door.health()
    assert health.state == "degraded"
    assert "closed" in health.trouble


def test_empty_words_and_unknown_sessions_are_refused(service):
    session_id = service.door.start_session(TASK)
    with pytest.raises(InputError):
        service.door.submit(session_id, UserInput(text=" ", author="a"))
    missing = SessionId("11111111-1111-4111-8111-111111111111")
    with pytest.raises(UnknownSession):
        service.door.submit(missing, UserInput(text="x", author="a"))
    with pytest.raises(UnknownSession):
        service.door.watch(missing, 0, bool)


def test_a_model_that_cannot_be_used_is_refused_when_it_is_asked_for(tmp_path):
    settings = Settings(state_dir=tmp_path / "state", sandbox="process")
    service = Service.open(settings)
    session_id = service.door.start_session(TASK)
    with pytest.raises(ConfigError):
        service.door.submit(session_id, ChangeModel(model="no-such-model", asked_by="a"))
    service.close()


def test_an_effort_that_does_not_exist_is_refused_with_those_that_do(service):
    door, session_id = service.door, service.door.start_session(TASK)
    asked = "choose one of none, minimal, low, medium, high, xhigh, max"
    with pytest.raises(InputError, match=asked):
        door.start_session(replace(TASK, effort="extreme"))
    with pytest.raises(InputError, match=asked):
        door.submit(session_id, ChangeModel(model="autopilot", asked_by="a", effort="extreme"))
    assert len(door.sessions(9)) == 1


def test_a_key_that_was_used_for_another_task_is_no_key_for_this_one(service):
    service.door.start_session(TASK, key="k")
    other = NewSession(task="Something else", started_in="/", author="ada")
    with pytest.raises(StateConflict):
        service.door.start_session(other, key="k")


def test_a_session_is_watched_by_the_beginning_of_its_id(service):
    session_id = service.door.start_session(TASK)
    watch = service.door.watch(SessionId(session_id[:8]), 0, bool)
    assert [item.session_id for item in watch.take()] == [session_id]
