"""A session that is never without a model: two behind HTTP that fail, and one in weights."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern import tool
from ml_intern.client.door import NewSession
from ml_intern.daemon.service import Service
from ml_intern.events import Event, ModelFailed, ModelReplied, ModelSwitched, TurnFinished
from ml_intern.messages import SessionId
from ml_intern.ops import UserInput
from ml_intern.settings import Settings
from tests.llm.weights import tiny
from tests.support.clocks import LeapClock
from tests.support.model_server import Fault, ModelServer, Reply
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

FIRST, SECOND = "vllm/scripted", "llamacpp/scripted"
CUT = Fault(kind="cut", after=3)
LIMITED = Fault(kind="status", status=429, retry_after="120", message="Too many requests")


@pytest.fixture
def clock() -> LeapClock:
    return LeapClock()


@pytest.fixture
def healed() -> threading.Event:
    """Set: the first model answers."""
    return threading.Event()


@pytest.fixture
def service(
    folder: Path,
    clock: LeapClock,
    healed: threading.Event,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Service, ModelServer, ModelServer]]:
    """With the servers of its first and its second model."""

    @tool(effect="read")
    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    dying = Reply(text="Half of an answer, and then", faults=(CUT,) * 99)
    well = Reply(text="I am back.")
    never = [Reply(text="never", faults=(LIMITED,) * 99)] * 9
    first_of_all = ModelServer(lambda _: well if healed.is_set() else dying)
    with first_of_all as first, ModelServer(never) as second:
        monkeypatch.setenv("VLLM_API_BASE", first.openai_url)
        monkeypatch.setenv("LLAMACPP_API_BASE", second.openai_url)
        made = Service.open(
            Settings(
                state_dir=tmp_path / "state",
                sandbox="process",
                model=FIRST,
                fallback_models=(SECOND, f"transformers/{folder}"),
            ),
            clock,
            tools=[double],
        )
        try:
            assert made.try_host()
            yield made, first, second
        finally:
            made.close()


def events(service: Service, session_id: SessionId) -> list[Event]:
    return [recorded.event for recorded in service.store.events(session_id)]


def ended(service: Service, session_id: SessionId, turns: int) -> list[Event]:
    def all_of_them() -> bool:
        found = [e for e in events(service, session_id) if isinstance(e, TurnFinished)]
        return len(found) == turns

    wait_until(all_of_them, 240)
    return events(service, session_id)


def test_a_chain_goes_on_with_weights_and_comes_back_to_its_first(
    service: tuple[Service, ModelServer, ModelServer],
    folder: Path,
    clock: LeapClock,
    healed: threading.Event,
) -> None:
    daemon, first, second = service
    third = f"transformers/{folder}"
    new = NewSession(task="What is twice 21?", started_in="/", author="ada")
    session_id = daemon.door.start_session(new)
    happened = ended(daemon, session_id, 1)

    assert happened[-1] == TurnFinished(outcome="finished", detail=tiny.DONE)
    replies = [each.model for each in happened if isinstance(each, ModelReplied)]
    assert replies == [third, third]
    failures = [each for each in happened if isinstance(each, ModelFailed)]
    assert [(each.model, each.trouble) for each in failures[:4]] == [
        *[(FIRST, "away")] * 3,
        (SECOND, "rate"),
    ]
    assert all(each.text for each in failures[:3]), "what had arrived is kept"
    assert {seen.outcome for seen in first.requests} == {"cut"}

    healed.set()
    clock.leap(90)  # the first may be asked again, the second not yet
    daemon.door.submit(session_id, UserInput(text="And now?", author="ada"))
    happened = ended(daemon, session_id, 2)

    assert happened[-1] == TurnFinished(outcome="finished", detail="I am back.")
    assert len(second.requests) == 1, "it is left alone for as long as it said"
    switches = [
        (each.instead_of, each.model) for each in happened if isinstance(each, ModelSwitched)
    ]
    assert switches == [(FIRST, third), (third, FIRST)]
