"""A daemon is killed in an effect that nobody can look up; a person says what becomes of it."""

import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from ml_intern.events import ToolFinished, ToolLost, ToolStarted, UnknownResolved
from ml_intern.messages import SessionId
from tests.scenario.test_serve import LOOK_EVERY_S, row, stands
from tests.scenario.world import Running, World, wait_until
from tests.support.model_server import Call, ModelServer, Reply, Script
from tests.support.model_server.script import Conversation
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

WAYS = ("retry", "done", "skip", "contested")


def served(world: World) -> Running:
    """A daemon with the tool `send`."""
    running = world.start("serve", module="tests.scenario.outward")
    wait_until(lambda: "ready" in running.said() or running.process.poll() is not None, "ready")
    assert running.process.poll() is None, running.said()
    return running


def sent(outside: Path) -> Counter[str]:
    path = outside / "sent.txt"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def begun(world: World) -> dict[str, SessionId]:
    """A session for each way, with its yes to send."""
    door = connect(world.state / "daemon.sock")
    assert door is not None
    with door:
        ids = {
            way: door.start_session(
                NewSession(task=f"tell {way}", started_in=str(world.folder), author="ada")
            )
            for way in WAYS
        }
        for session_id in ids.values():
            stands(world, session_id, "waiting")
            (asked,) = door.open_approvals(session_id)
            assert door.decide(asked.approval_id, "approve", decided_by="ada")
    return ids


def resolved(world: World, *words: str) -> tuple[int, str]:
    return world.does("resolve", *words, "--no-wait")


def test_an_effect_that_was_cut_off_waits_for_a_person_and_is_never_repeated_by_itself(
    world: World, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    hold = outside / "hold"
    hold.touch()
    world.environment |= {
        "TESTS_OUTSIDE": str(outside),
        "ML_INTERN_MODEL": "openai/scripted",
        "ML_INTERN_FREE_MODELS": '["openai/*"]',
        "ML_INTERN_API_KEY": "sk-fake-key-for-tests-0123456789",
        "ML_INTERN_WORKERS": "4",
    }
    conversations = [
        Conversation(
            when=re.compile(f"tell {way}"),
            replies=(Reply(calls=(Call(name="send", arguments={"to": way}),)), Reply(text="Told.")),
        )
        for way in WAYS
    ]
    with ModelServer(Script(conversations)) as server:
        world.environment["ML_INTERN_API_BASE"] = server.openai_url
        daemon = served(world)
        ids = begun(world)
        wait_until(lambda: len(sent(outside)) == len(WAYS), "all have sent", every_s=LOOK_EVERY_S)

        daemon.signal(signal.SIGKILL)
        daemon.ends()
        hold.unlink()
        served(world)
        for session_id in ids.values():
            wait_until(
                lambda session_id=session_id: any(
                    on.startswith("unknown:") for on in row(world, session_id).waiting_on
                ),
                "waiting for a person",
                every_s=LOOK_EVERY_S,
            )
        assert sent(outside) == dict.fromkeys(WAYS, 1)
        status, said = world.does("show", ids["done"])
        assert (status, "send may have taken effect or not" in said) == (0, True)
        assert f"ml-intern resolve {ids['done'][:8]} --done" in said

        assert resolved(world, ids["retry"], "--retry")[0] == 0
        assert resolved(world, ids["done"], "--done", "--note", "it arrived")[0] == 0
        assert resolved(world, ids["skip"], "--skip")[0] == 0
        both = [
            world.start("resolve", ids["contested"], f"--{choice}", "--no-wait")
            for choice in ("done", "skip")
        ]
        ends = [one.ends() for one in both]
        assert sorted(ends) == [0, 2], [one.said() for one in both]
        for session_id in ids.values():
            stands(world, session_id, "finished")
        assert resolved(world, ids["done"], "--retry")[0] == 2

    assert sent(outside) == {**dict.fromkeys(WAYS, 1), "retry": 2}
    answers = {way: answer(world, session_id) for way, session_id in ids.items()}
    assert (answers["retry"].ok, answers["retry"].output) == (True, "sent to retry")
    assert answers["done"].ok
    assert answers["done"].output.endswith("says that it took effect: it arrived")
    assert not answers["skip"].ok
    assert answers["contested"].ok == (ends[0] == 0)
    for session_id in ids.values():
        assert broken_rules(world.trace(session_id)) == []


def answer(world: World, session_id: str) -> ToolFinished:
    """The one answer of the session's one call, which was lost once and resolved once."""
    events = world.events(session_id)
    (finished,) = (event for event in events if isinstance(event, ToolFinished))
    assert sum(isinstance(event, ToolLost) for event in events) == 1
    (said,) = (event for event in events if isinstance(event, UnknownResolved))
    starts = [event for event in events if isinstance(event, ToolStarted)]
    assert len(starts) == (2 if said.choice == "retry" else 1)
    assert {start.arguments_sha256 for start in starts} == {starts[0].arguments_sha256}
    return finished
