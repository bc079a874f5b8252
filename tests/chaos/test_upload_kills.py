"""`kill -9` at each step of an upload, of the daemon and of the process that speaks to the Hub."""

import json
import os
import signal
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.chaos.daemon import Daemon, Home, Nursery
from tests.chaos.plan import Plan
from tests.chaos.scenes import Stage
from tests.chaos.script import program
from tests.chaos.uploads import REPO
from tests.scenario.world import wait_until
from tests.support.hub import TOKEN, HubServer

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

STEPS = (
    "/api/whoami-v2",
    f"/api/datasets/{REPO}",
    "/api/repos/create",
    "/tree/",
    "/api/validate-yaml",
    "/preupload/",
    "/info/lfs/objects/batch",
    "/lfs/",
    "/commit/",
)
"""In their order, as the Hub is asked for them; before the first one, files are only read."""
PLAN = Plan(upload_every_s=0.3)
END_S = 5.0
"""In which the speaker follows its daemon."""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.datasets.lfs_from = 1
        yield server


@pytest.fixture
def stage(nursery: Nursery, tmp_path: Path, hub: HubServer) -> Iterator[Stage]:
    made = Stage(Home(nursery, tmp_path / "home"))
    made.home.settings = {"ML_INTERN_HF_ENDPOINT": hub.url, "ML_INTERN_HF_TOKEN": TOKEN}
    yield made
    made.close()


def speakers(daemon: Daemon) -> list[int]:
    """Its processes that speak to the Hub."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"ml_intern.hub.client" in words and int(parent) == daemon.number:
            found.append(int(folder.name))
    return found


def noted(stage: Stage) -> dict[str, str]:
    """What counts as sent here, by its hash."""
    try:
        document = json.loads((stage.home.state / "traces" / "uploads.json").read_bytes())
    except FileNotFoundError:
        return {}
    entries = document["repositories"].values()
    return {path: sent["sha256"] for one in entries for path, sent in one["files"].items()}


def ever_there(hub: HubServer) -> set[tuple[str, str]]:
    """All that any commit held, by path and hash."""
    if not hub.datasets.has(REPO):
        return set()
    commits = hub.datasets.repository(REPO).commits
    return {(path, blob.sha256) for one in commits for path, blob in one.files.items()}


def is_all_there(stage: Stage, hub: HubServer) -> bool:
    traces = stage.home.state / "traces"
    here = {p.relative_to(traces).as_posix(): p.read_bytes() for p in traces.glob("sessions/*/*")}
    files = hub.datasets.repository(REPO).files if hub.datasets.has(REPO) else {}
    there = {path: files[path].content for path in files if path.startswith("sessions/")}
    return bool(here) and here == there and set(noted(stage)) == set(here)


def asked(hub: HubServer, path: str) -> int:
    return sum(path in seen.path for seen in hub.requests)


def hold(hub: HubServer, step: str) -> int:
    """Let the next request of this kind hang; how many there were before it."""
    before = asked(hub, step)
    hub.faults.hang(at=step)
    return before


def at_a_step(
    stage: Stage, hub: HubServer, step: str, before: int, life: int, daemon: Daemon
) -> int:
    """The one process that waits there for the Hub."""
    stage.person("one").say(program(life, "write"))
    wait_until(lambda: asked(hub, step) > before, f"{step} is asked for", 60.0)
    (speaker,) = speakers(daemon)
    return speaker


def test_a_daemon_that_is_killed_at_any_step_of_an_upload_sends_all_of_it_once(
    stage: Stage, hub: HubServer
) -> None:
    before = hold(hub, STEPS[0])
    daemon = stage.home.start(PLAN)
    stage.person("one").start(program(0, "write")).result(60.0)
    for life, (step, then) in enumerate(zip_longest(STEPS, STEPS[1:]), 1):
        speaker = at_a_step(stage, hub, step, before, life, daemon)
        daemon.kill()
        wait_until(lambda pid=speaker: not Path(f"/proc/{pid}").exists(), "it follows", END_S)
        assert set(noted(stage).items()) <= ever_there(hub), step
        hub.faults.end()
        hub.release()
        if then is not None:  # before anybody can ask for it
            before = hold(hub, then)
        daemon = stage.home.start(PLAN)
    stage.rest()
    wait_until(lambda: is_all_there(stage, hub), "all is on the Hub", 60.0)
    ours = hub.datasets.repository(REPO).commits[1:]
    assert all(one.changed for one in ours)
    assert len(speakers(daemon)) <= 1


def test_a_speaker_that_is_killed_at_any_step_is_replaced(stage: Stage, hub: HubServer) -> None:
    daemon = stage.home.start(PLAN)
    stage.person("one").start(program(0, "write"))
    stage.rest()
    for life, step in enumerate(("/preupload/", "/lfs/", "/commit/"), 1):
        speaker = at_a_step(stage, hub, step, hold(hub, step), life, daemon)
        os.kill(speaker, signal.SIGKILL)
        assert set(noted(stage).items()) <= ever_there(hub), step
        hub.release()
    stage.rest()
    wait_until(lambda: is_all_there(stage, hub), "all is on the Hub", 60.0)
    assert daemon.status() is None
    assert all(one.changed for one in hub.datasets.repository(REPO).commits[1:])
