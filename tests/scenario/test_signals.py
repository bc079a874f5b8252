"""Ctrl-C stops a session and all that it runs; TERM leaves it for a later `resume`."""

import signal
import time
from pathlib import Path

import pytest

from ml_intern.events import JobEnded, JobProgressed, SessionStarted
from tests.scenario.test_kill import assert_nothing_lost_or_doubled, starts
from tests.scenario.world import World, wait_until

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

TASK = "Train a small image classifier from scratch on {} for {} epochs. Do not publish it."


@pytest.mark.parametrize("moment", ["start", "inspect_dataset", "dummy_forward", "launch_training"])
def test_ctrl_c_ends_the_session_and_leaves_no_process(
    world: World, pictures: Path, moment: str
) -> None:
    running = world.start("run", "--yes", TASK.format(pictures, 2))
    begun = starts(moment)
    world.wait_for(
        lambda event: begun(event) or (moment == "start" and isinstance(event, SessionStarted)),
        f"{moment} starts",
        running,
    )

    running.signal(signal.SIGINT)

    assert running.ends() == 130, running.said()
    assert "Traceback" not in running.said()
    assert world.left_processes() == []
    assert world.sessions()[0].outcome == "interrupted"
    assert world.running_jobs() == []


def test_ctrl_c_cancels_a_training_and_words_go_on(world: World, pictures: Path) -> None:
    running = world.start("run", "--yes", TASK.format(pictures, 300))
    world.wait_for(lambda event: isinstance(event, JobProgressed), "training", running)

    running.signal(signal.SIGINT)

    assert running.ends() == 130, running.said()
    assert "Traceback" not in running.said()
    assert world.left_processes() == []
    session_id = world.only_session()
    ended = [event for event in world.events(session_id) if isinstance(event, JobEnded)]
    assert [event.status for event in ended] == ["cancelled"]
    assert world.running_jobs() == []

    status, said = world.does("say", session_id, "--yes", "Continue with 2 epochs.")
    assert status == 0, said
    assert len(world.jobs()) == 2
    assert world.left_processes() == []


def test_term_leaves_the_training_running_and_resume_takes_it_up(
    world: World, pictures: Path
) -> None:
    running = world.start("run", "--yes", TASK.format(pictures, 30))
    world.wait_for(starts("prepare_dataset"), "preparing", running)
    running.signal(signal.SIGKILL)
    running.ends()
    running = world.start("resume", "--yes")
    world.wait_for(lambda event: isinstance(event, JobProgressed), "training", running)

    running.signal(signal.SIGTERM)

    assert running.ends() == 75, running.said()
    assert "resume" in running.said()
    (job,) = world.running_jobs()
    assert world.left_processes() != []

    (folder,) = world.jobs()
    wait_until((folder / "exit.json").exists, "the training ends by itself")
    status, said = world.does("resume", "--yes", job.session_id)
    assert status == 0, said
    assert world.jobs() == [folder]
    assert_nothing_lost_or_doubled(world.events(job.session_id))
    assert world.left_processes() == []


def test_a_second_ctrl_c_says_that_the_job_was_stopped(world: World, pictures: Path) -> None:
    running = world.start("run", "--yes", TASK.format(pictures, 500))
    world.wait_for(lambda event: isinstance(event, JobProgressed), "progress", running)

    for _ in range(2):
        running.signal(signal.SIGINT)
        time.sleep(0.1)

    assert running.ends(10) == 130, running.said()
    assert "runs on" not in running.said()
    assert "ml-intern resume" in running.said()
    assert world.left_processes() == []


def test_a_second_ctrl_c_leaves_at_once_and_leaves_no_process(world: World, pictures: Path) -> None:
    running = world.start("run", "--yes", TASK.format(pictures, 2))
    world.wait_for(starts("dummy_forward"), "dummy_forward starts", running)

    for _ in range(2):
        running.signal(signal.SIGINT)
        time.sleep(0.1)  # two signals at once are one

    assert running.ends(10) == 130, running.said()
    assert "Traceback" not in running.said()
    wait_until(lambda: not world.left_processes(), "what it ran has ended too", 10)
    status, said = world.does("resume")
    assert status in (0, 130), said
    assert world.sessions()[0].outcome == "interrupted"
