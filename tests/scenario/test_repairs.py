"""Failures that are caused from outside the product, repaired by it with the smallest change."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import ApprovalDecided, Event, JobEnded, ToolFinished, ToolStarted
from ml_intern.messages import SessionId
from tests.scenario.data import image_folder
from tests.scenario.world import ROOT, World

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

PEAK = """
import atexit, pathlib, runpy, sys
def tell():
    status = pathlib.Path("/proc/self/status").read_text()
    sys.stderr.write("peak " + status.split("VmPeak:")[1].split()[0])
atexit.register(tell)
sys.argv = ["train.py", "--help"]
runpy.run_path(RECIPE, run_name="__main__")
"""


def test_a_batch_that_memory_does_not_hold_is_split(world: World, tmp_path: Path) -> None:
    """2048 rows at a time need some 1 GB above the libraries, 1024 need half of it."""
    pictures = image_folder(tmp_path / "colours", side=64)
    limit = address_space_of_libraries() + 900_000_000

    running = world.start(
        "run",
        "--yes",
        f"Train an image classifier from scratch on {pictures} for 2 epochs with batch size 2048, "
        "patch size 8. Do not publish it.",
        before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )

    assert running.ends() == 0, running.said()
    session_id = world.only_session()
    changes = changes_of(world, session_id)
    assert set(changes) <= {"per_device_train_batch_size", "gradient_accumulation_steps"}
    assert changes["per_device_train_batch_size"][0] == 2048
    batch = changes["per_device_train_batch_size"][1]
    assert batch * changes["gradient_accumulation_steps"][1] == 2048
    trace = texts_of(world.trace(session_id))
    assert "Traceback (most recent call last)" in trace
    assert "DefaultCPUAllocator: can't allocate memory" in trace
    assert f"+    per_device_train_batch_size: int = {batch}" in trace
    assert world.left_processes() == []


def test_a_learning_rate_that_breaks_the_loss_is_lowered(world: World, pictures: Path) -> None:
    session_id = trained(
        world,
        f"Train an image classifier from scratch on {pictures} for 2 epochs with learning rate "
        "1e30. Do not publish it.",
    )

    assert changes_of(world, session_id) == {"learning_rate": (1e30, 1e-3)}
    trace = texts_of(world.trace(session_id))
    assert "FloatingPointError: " in trace
    assert "+    learning_rate: float = 0.001" in trace
    agreed = [e for e in world.events(session_id) if isinstance(e, ApprovalDecided)]
    assert [event.arguments["what"] for event in agreed] == ["learning_rate"]


def test_one_class_more_than_announced_is_counted_again(world: World, pictures: Path) -> None:
    session_id = trained(
        world,
        f"Train an image classifier from scratch for the 2 classes in {pictures} for 2 epochs. "
        "Do not publish it.",
    )

    assert changes_of(world, session_id) == {"num_labels": (2, 3)}
    trace = texts_of(world.trace(session_id))
    assert "Traceback (most recent call last)" in trace
    assert "Target 2 is out of bounds." in trace
    assert "+    num_labels: int = 3" in trace
    agreed = [e for e in world.events(session_id) if isinstance(e, ApprovalDecided)]
    assert [event.arguments["what"] for event in agreed] == ["num_labels"]


def trained(world: World, task: str) -> SessionId:
    """Run the task until a training has succeeded; what comes after is left out."""
    running = world.start("run", "--yes", task)
    world.wait_for(
        lambda event: isinstance(event, JobEnded) and event.status == "succeeded",
        "a training that succeeds",
        running,
    )
    running.signal(signal.SIGTERM)
    assert running.ends() == 75, running.said()
    return world.only_session()


def changes_of(world: World, session_id: SessionId) -> dict[str, tuple[Any, Any]]:
    """Where the last script differs from the first: argument to (was, is). Nothing else does."""
    first, last = scripts_of(world.events(session_id))
    workspace = Path(world.sessions()[0].workspace)
    assert (workspace / "train.py").read_text() == last
    differing = [
        (was, now)
        for was, now in zip(first.splitlines(), last.splitlines(), strict=True)
        if was != now
    ]
    return {was.split(":")[0].strip(): (value_of(was), value_of(now)) for was, now in differing}


def scripts_of(events: list[Event]) -> tuple[str, str]:
    """The script as the recipe and the first values make it, and after all edits."""
    starts = [event for event in events if isinstance(event, ToolStarted)]
    (written,) = [event.arguments for event in starts if event.tool == "write_recipe"]
    recipe = (ROOT / "ml_intern/recipes" / f"{written['recipe']}.py").read_text()
    first = "\n".join(_with_values(line, written["values"]) for line in recipe.splitlines())
    done = {event.call_id for event in events if isinstance(event, ToolFinished) and event.ok}
    last = first
    for event in starts:
        if event.tool == "edit" and event.call_id in done:
            assert last.count(event.arguments["old"]) == 1
            last = last.replace(event.arguments["old"], event.arguments["new"])
    assert last != first, "the script was repaired"
    return first + "\n", last + "\n"


def _with_values(line: str, values: dict[str, Any]) -> str:
    name, colon, rest = line.partition(": ")
    if not (colon and line.startswith("    ") and name.strip() in values and " = " in rest):
        return line
    value = values[name.strip()]
    if rest.startswith("float"):
        value = float(value)
    shown = json.dumps(value) if isinstance(value, str) else repr(value)
    return f"{name}: {rest.split(' = ')[0]} = {shown}"


def value_of(line: str) -> Any:
    return json.loads(line.rpartition(" = ")[2])


def texts_of(trace: Path) -> str:
    """All text of a trace, unescaped."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
            if value.startswith("{"):
                try:
                    collect(json.loads(value))
                except ValueError:
                    return
        elif isinstance(value, dict):
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    for line in trace.read_text().splitlines():
        collect(json.loads(line))
    return "\n".join(found)


def address_space_of_libraries() -> int:
    """Bytes of address space that a training process has taken before it does anything."""
    recipe = ROOT / "ml_intern/recipes/image_classification.py"
    done = subprocess.run(
        [sys.executable, "-c", f"RECIPE = {str(recipe)!r}\n{PEAK}"],
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        check=True,
    )
    return 1024 * int(done.stderr.rpartition("peak ")[2])
