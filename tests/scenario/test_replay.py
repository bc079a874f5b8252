"""A recorded session is played, compared and gone on from, by real processes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.cli import exits
from ml_intern.events import Event, ModelReplied, Recalled, ToolFinished
from tests.scenario.conftest import Waiting
from tests.scenario.world import World
from tests.support.model_server import ModelServer, Reply
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(900)]

LONG_S = 400.0
"""A whole session with its training takes half a minute where nothing else runs."""
KEY = "sk-fake-key-for-tests-0123456789"


@pytest.fixture
def other(tmp_path: Path, nursery: Nursery) -> Iterator[World]:
    """Another state directory, as on another day."""
    made = World(folder=tmp_path, state=tmp_path / "other-state", nursery=nursery)
    yield made
    made.end()
    assert made.broken_rows() == []


def evaluations(events: list[Event]) -> list[Any]:
    return [
        fact.data["metrics"]
        for event in events
        if isinstance(event, ToolFinished)
        for fact in event.facts
        if fact.kind == "evaluation"
    ]


def changed(trace: Path, now: Path, *, was: str, becomes: str) -> Path:
    """The trace, in which the first result of `evaluate` says something else."""
    lines = trace.read_text().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if '"tool":"evaluate"' in line)
    fields = json.loads(lines[number])
    result = fields["message"]["content"][0]
    result["content"] = result["content"].replace(was, becomes, 1)
    lines[number] = json.dumps(fields, separators=(",", ":")) + "\n"
    now.write_text("".join(lines))
    return now


def test_metrics_come_again_and_a_changed_result_is_the_one_difference(
    waiting: Waiting, other: World, tmp_path: Path
) -> None:
    world, session_id = waiting.world, waiting.session_id
    status, said = world.does("approve", session_id)
    assert status == exits.DONE, said
    (measured, *_) = evaluations(world.events(session_id))
    loss = json.dumps(measured["loss"])
    played = changed(
        world.trace(session_id), tmp_path / "played.jsonl", was=loss, becomes="0.123456"
    )

    again = other.start("traces", "replay", str(played), "--yes", "--json")

    assert again.ends(LONG_S) == exits.FAILED, again.said()
    comparison = json.loads(again.said().splitlines()[-1])
    (difference,) = comparison["differences"]
    assert difference["where"].endswith(": evaluate")
    assert [line.strip() for line in difference["diff"] if line.startswith(("-  ", "+  "))] == [
        '-  "loss": 0.123456,',
        f'+  "loss": {loss},',
    ]
    events = other.events(other.only_session())
    assert evaluations(events) == evaluations(world.events(session_id))
    calls = sum(len(event.tool_calls) for event in events if isinstance(event, ModelReplied))
    assert comparison["compared"] == calls


def test_another_model_goes_on_from_a_turn_of_a_recorded_session(world: World) -> None:
    trace = next(Path("traces/examples").glob("ee27*.jsonl")).absolute()
    world.environment |= {"ML_INTERN_FREE_MODELS": '["openai/*"]', "ML_INTERN_API_KEY": KEY}
    with ModelServer(lambda _: Reply(text="I would train longer.")) as server:
        world.environment |= {"ML_INTERN_API_BASE": server.openai_url}
        status, said = world.does(
            "traces", "fork", str(trace), "--at", "1", "--model", "openai/scripted", "What next?"
        )
        asked = server.requests[0].body["messages"]
    assert status == exits.DONE, said
    assert "I would train longer." in said
    assert asked[-1]["role"] == "user"
    assert asked[-1]["content"].endswith("\n\nWhat next?")
    roles = [one["role"] for one in asked]
    assert roles[:3] == ["system", "user", "assistant"]
    session_id = world.only_session()
    recalled = [event for event in world.events(session_id) if isinstance(event, Recalled)]
    assert {event.model for event in recalled if event.message.role == "assistant"} == {"autopilot"}
    first = json.loads(world.trace(session_id).read_text().splitlines()[0])
    assert first["mlIntern"]["forkedFrom"]["sessionId"] == trace.stem
