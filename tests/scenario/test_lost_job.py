"""A training job whose runner and trainer are killed goes on where it stood."""

import json
import os
import signal
from pathlib import Path

import pytest

from ml_intern.events import JobEnded, ToolStarted
from tests.scenario.world import World, wait_until

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(400)]


def saved_steps(world: World) -> list[int]:
    """The steps of the checkpoints that are whole."""
    states = world.state.glob("sessions/*/workspace/runs/1/checkpoint-*/trainer_state.json")
    return sorted(int(path.parent.name.partition("-")[2]) for path in states)


def kill_job(folder: Path) -> None:
    """The runner first, so that nobody writes down how the job ended."""
    record = json.loads((folder / "process.json").read_text())
    for who in ("runner", "process"):
        try:
            os.kill(record[who][0], signal.SIGKILL)
        except ProcessLookupError:
            continue


def metric_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"event"')]


def test_a_job_that_was_killed_goes_on_from_its_checkpoint(world: World, pictures: Path) -> None:
    running = world.start(
        "run",
        "--yes",
        f"Train an image classifier from scratch on {pictures} for 30 epochs. Do not publish it.",
    )
    wait_until(
        lambda: saved_steps(world) or running.process.poll() is not None, "a checkpoint", 300.0
    )
    (first,) = world.jobs()
    kill_job(first)
    reached = saved_steps(world)
    assert running.ends(300.0) == 0, running.said()

    session_id = world.only_session()
    events = world.events(session_id)
    ended = [event.status for event in events if isinstance(event, JobEnded)]
    assert ended == ["lost", "succeeded"]
    starts = [event for event in events if isinstance(event, ToolStarted)]
    launched = [one.arguments["output_dir"] for one in starts if one.tool == "launch_training"]
    assert launched == ["runs/1", "runs/1"]
    assert [one for one in starts if one.tool == "edit"] == []

    (second,) = [folder for folder in world.jobs() if folder != first]
    again = metric_lines((second / "log.txt").read_text())
    assert int(str(again[0]["step"])) > reached[0]
    run = world.state / "sessions" / session_id / "workspace" / "runs" / "1"
    course = [
        (line["event"], line["step"]) for line in metric_lines((run / "metrics.jsonl").read_text())
    ]
    assert len(set(course)) == len(course)
    steps = [int(str(step)) for _, step in course]
    assert steps == sorted(steps)
    assert steps[0] <= reached[0]
    done = json.loads((run / "done.json").read_text())
    assert done["global_step"] == done["max_steps"] == steps[-1]
    assert world.left_processes() == []
