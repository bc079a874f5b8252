"""Several processes over one state directory: whoever hosts, everybody's work is done."""

import signal
from pathlib import Path

import pytest

from tests.scenario.test_kill import starts
from tests.scenario.world import World

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


def test_two_runs_both_finish_though_the_host_is_killed(world: World, pictures: Path) -> None:
    """The first hosts, the second follows; then the first is killed and the second takes over."""
    task = f"Train an image classifier from scratch on {pictures} for 2 epochs. Do not publish."
    first = world.start("run", "--yes", task)
    world.wait_for(starts("prepare_dataset"), "preparing", first)
    second = world.start("run", "--yes", task)
    world.wait_for(starts("dummy_forward", 2), "both are checked", first)
    first.signal(signal.SIGKILL)

    assert second.ends() == 0, second.said()

    status, said = world.does("resume", "--yes")
    assert status == 0, said
    assert [row.outcome for row in world.sessions()] == ["finished", "finished"]
    assert len(world.jobs()) == 2
    assert world.left_processes() == []
