"""A model behind HTTP drives the real process: long turns, many sessions, a provider that fails."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from ml_intern.events import ModelFailed, ModelReplied, ToolFinished
from tests.scenario.test_serve import served
from tests.scenario.world import World, wait_until
from tests.support.model_server import Call, Fault, ModelServer, Reply
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

KEY = "sk-fake-key-for-tests-0123456789"
MANY = 300
SESSIONS = 20
TURNS = 5


def wrote(number: int) -> Call:
    arguments = {"path": f"note-{number}.txt", "content": f"note {number}"}
    return Call(name="write", arguments=arguments)


@pytest.fixture
def hosted(world: World) -> Iterator[World]:
    """A world whose model is asked at `serving`'s address."""
    world.environment |= {
        "ML_INTERN_MODEL": "openai/scripted",
        "ML_INTERN_FREE_MODELS": '["openai/*"]',
        "ML_INTERN_API_KEY": KEY,
        "ML_INTERN_MAX_ITERATIONS": "400",
    }
    return world


def asks(world: World, server: ModelServer) -> None:
    world.environment["ML_INTERN_API_BASE"] = server.openai_url


def answered_once(world: World, session_id: str) -> None:
    events = world.events(session_id)
    calls = [
        call.call_id for event in events if isinstance(event, ModelReplied)
        for call in event.tool_calls
    ]  # fmt: skip
    answers = Counter(event.call_id for event in events if isinstance(event, ToolFinished))
    assert answers == dict.fromkeys(calls, 1)


def test_a_turn_of_three_hundred_calls_answers_each_once(hosted: World) -> None:
    replies = [Reply(calls=(wrote(number),)) for number in range(MANY)]
    with ModelServer([*replies, Reply(text="All written.")]) as server:
        asks(hosted, server)
        status, said = hosted.does("run", "--quiet", "write three hundred notes")
    assert status == 0, said
    assert "All written." in said
    assert Counter(seen.outcome for seen in server.requests) == {"answered": MANY + 1}
    session_id = hosted.only_session()
    answered_once(hosted, session_id)
    notes = list((hosted.state / "sessions" / session_id / "workspace").glob("note-*.txt"))
    assert len(notes) == MANY
    assert broken_rules(hosted.trace(session_id)) == []


def test_twenty_sessions_are_served_side_by_side(hosted: World) -> None:
    replies = [
        Reply(calls=(wrote(2 * number), wrote(2 * number + 1)), delay_s=0.05)
        for number in range(TURNS)
    ]
    with ModelServer([*replies, Reply(text="Done.")]) as server:
        asks(hosted, server)
        served(hosted)
        door = connect(hosted.state / "daemon.sock")
        assert door is not None
        with door:
            ids = [
                door.start_session(NewSession(task=f"task {n}", started_in="/", author="ada"))
                for n in range(SESSIONS)
            ]
            wait_until(
                lambda: (
                    Counter(row.outcome for row in door.sessions(100)) == {"finished": SESSIONS}
                ),
                "all are finished",
                every_s=0.2,
            )
    assert Counter(seen.outcome for seen in server.requests) == {"answered": SESSIONS * (TURNS + 1)}
    for session_id in ids:
        answered_once(hosted, session_id)


def test_a_provider_that_fails_is_asked_again_and_the_key_is_written_nowhere(
    hosted: World,
) -> None:
    faults = (Fault(kind="status", status=529), Fault(kind="cut"))
    replies = [Reply(text="first", calls=(wrote(1),), faults=faults), Reply(text="Done.")]
    with ModelServer(replies) as server:
        asks(hosted, server)
        status, said = hosted.does("run", f"use {KEY} to write a note")
    assert status == 0, said
    assert server.last.headers["authorization"] == f"Bearer {KEY}"
    session_id = hosted.only_session()
    failed = [event for event in hosted.events(session_id) if isinstance(event, ModelFailed)]
    assert len(failed) == 2
    assert failed[1].text
    answered_once(hosted, session_id)
    trace = hosted.trace(session_id)
    assert broken_rules(trace) == []
    for path in (trace, *(hosted.state / "logs").iterdir()):
        assert KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(kind="status", status=401), "key"),
        (Fault(kind="status", status=402), "credit"),
        (Fault(kind="html"), "web page"),
    ],
)
def test_what_asking_again_cannot_mend_ends_the_turn_with_what_to_do(
    hosted: World, fault: Fault, words: str
) -> None:
    with ModelServer([Reply(faults=(fault,) * 9)]) as server:
        asks(hosted, server)
        status, said = hosted.does("run", "do it")
    assert status == 1
    assert words in said
    assert KEY not in said


def test_a_model_that_is_not_there_can_be_replaced_while_the_session_stays(
    hosted: World, tmp_path: Path
) -> None:
    hosted.environment |= {"ML_INTERN_API_BASE": "http://127.0.0.1:9/v1"}
    running = hosted.start("run", "Train something.")
    wait_until(
        lambda: (
            any(isinstance(e, ModelFailed) for e in hosted.events(hosted.only_session()))
            if hosted.sessions()
            else False
        ),
        "it has failed once",
        every_s=0.2,
    )
    status, said = hosted.does("interrupt", hosted.only_session())
    assert status == 0, said
    assert running.ends() == 130
    status, said = hosted.does("model", hosted.only_session(), "autopilot")
    assert status == 0, said
    status, said = hosted.does("say", hosted.only_session(), "Train an image classifier.")
    assert status == 4, said
