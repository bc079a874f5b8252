"""`kill -9` at any moment loses nothing and does nothing twice."""

import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_intern.events import (
    ApprovalDecided,
    Event,
    JobEnded,
    JobProgressed,
    ModelReplied,
    ToolFinished,
    ToolStarted,
    TurnFinished,
)
from tests.chaos.ledger import check
from tests.chaos.peek import Peek
from tests.scenario.test_serve import served, submitted
from tests.scenario.world import World, wait_until
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


def starts(tool: str, count: int = 1) -> Callable[[Event], bool]:
    """True from the `count`th start of `tool` on."""
    seen = []

    def wanted(event: Event) -> bool:
        if isinstance(event, ToolStarted) and event.tool == tool:
            seen.append(event)
        return len(seen) >= count

    return wanted


def test_a_session_survives_a_kill_at_every_stage(world: World, pictures: Path) -> None:
    running = world.start(
        "run",
        "--yes",
        f"Train a small image classifier from scratch on {pictures} for 8 epochs."
        " Publish it as colours.",
    )
    moments = {
        "inspect_dataset starts": starts("inspect_dataset"),
        "prepare_dataset starts": starts("prepare_dataset"),
        "dummy_forward starts": starts("dummy_forward"),
        "smoke_test starts": starts("smoke_test"),
        "launch_training starts": starts("launch_training"),
        "the job tells its progress": lambda event: isinstance(event, JobProgressed),
        "test is scored": starts("evaluate", 2),
        "publishing is approved": lambda event: isinstance(event, ApprovalDecided),
    }
    for moment, wanted in moments.items():
        world.wait_for(wanted, moment, running)
        running.signal(signal.SIGKILL)
        assert running.ends() == -signal.SIGKILL
        running = world.start("resume", "--yes")

    assert running.ends() == 0, running.said()
    session_id = world.only_session()
    events = world.events(session_id)
    assert_nothing_lost_or_doubled(events)
    assert len(world.jobs()) == 1
    assert sum(isinstance(event, JobEnded) for event in events) == 1
    published = [
        event
        for event in events
        if isinstance(event, ToolFinished) and event.tool == "publish" and event.ok
    ]
    assert len(published) == 1
    assert broken_rules(world.trace(session_id)) == []
    assert_trace_has_every_call_once(world.trace(session_id), events)
    assert world.left_processes() == []


def test_a_service_that_is_killed_while_a_model_trains_goes_on_and_trains_it_once(
    world: World, pictures: Path
) -> None:
    service = served(world)
    task = f"Train a small image classifier from scratch on {pictures} for 8 epochs."
    session_id = submitted(world, f"{task} Do not publish.")
    for moment, wanted in {
        "launch_training starts": starts("launch_training"),
        "the job tells its progress": lambda event: isinstance(event, JobProgressed),
    }.items():
        world.wait_for(wanted, moment, service)
        service.signal(signal.SIGKILL)
        assert service.ends() == -signal.SIGKILL
        service = served(world)

    status, said = world.does("attach", session_id)

    assert status == 0, said
    assert_nothing_lost_or_doubled(world.events(session_id))
    assert len(world.jobs()) == 1
    service.signal(signal.SIGTERM)
    assert service.ends() == 0, service.said()
    count = check(Peek(world.state).tables(), world.state, ())
    assert count.problems == []
    assert broken_rules(world.trace(session_id)) == []
    assert world.left_processes() == []


def assert_nothing_lost_or_doubled(events: list[Event]) -> None:
    """Each call that a model made has one answer; the session has one last end."""
    planned = [
        call.call_id
        for event in events
        if isinstance(event, ModelReplied)
        for call in event.tool_calls
    ]
    answered = Counter(event.call_id for event in events if isinstance(event, ToolFinished))
    assert answered == Counter(planned)
    assert [event.op_seq for event in events if event.kind == "op_cancelled"] == []
    ends = [event for event in events if isinstance(event, TurnFinished)]
    assert ends[-1].outcome == "finished"
    assert all(end.outcome == "waiting" for end in ends[:-1])


def assert_trace_has_every_call_once(trace: Path, events: list[Event]) -> None:
    """Calls and answers of the trace are those of the journal."""
    blocks: Counter[str] = Counter()
    for line in trace.read_text().splitlines():
        message = json.loads(line).get("message")
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if block.get("type") in ("tool_use", "tool_result"):
                blocks[f"{block['type']} {block.get('id') or block.get('tool_use_id')}"] += 1
    answers = sum(isinstance(event, ToolFinished) for event in events)
    assert set(blocks.values()) == {1}
    assert len(blocks) == 2 * answers


def test_a_step_that_kills_its_process_three_times_is_given_up_until_somebody_speaks(
    world: World, pictures: Path
) -> None:
    def is_at_it() -> bool:
        return any("--dummy_forward" in line for line in world.left_processes())

    running = world.start("run", "--yes", f"Train an image classifier on {pictures} for 2 epochs.")
    for _ in range(3):
        wait_until(is_at_it, "dummy_forward runs")
        running.signal(signal.SIGKILL)
        running.ends()
        wait_until(lambda: not world.left_processes(), "what the dead one had started ends")
        running = world.start("resume", "--yes")

    assert running.ends() == 1, running.said()
    assert "worker was lost 3 times" in running.said()
    assert "ml-intern say" in running.said()
    assert world.left_processes() == []

    running = world.start("say", world.only_session(), "continue", "--yes")
    world.wait_for(starts("smoke_test"), "going on where it was", running)
    running.signal(signal.SIGINT)
    assert running.ends() == 130, running.said()
    events = world.events(world.only_session())
    done = [event.tool for event in events if isinstance(event, ToolFinished) and event.ok]
    assert done.count("prepare_dataset") == 1
    assert done.count("dummy_forward") == 1
