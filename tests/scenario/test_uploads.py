"""The daemon sends what sessions leave, and never waits for the Hub, in its end neither."""

import json
import signal
import time
from collections.abc import Iterator

import pytest

from tests.scenario.test_serve import ASKS, served, stands, submitted
from tests.scenario.world import World, wait_until
from tests.support.hub import TOKEN, USER, HubServer

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(180)]

REPO = f"{USER}/ml-intern-sessions"
END_S = 10.0


@pytest.fixture
def hub(world: World) -> Iterator[HubServer]:
    with HubServer() as server:
        world.environment |= {"ML_INTERN_HF_ENDPOINT": server.url, "ML_INTERN_HF_TOKEN": TOKEN}
        yield server


def test_a_session_of_before_is_sent_and_its_state_is_told(world: World, hub: HubServer) -> None:
    status, said = world.does("run", ASKS)
    assert status == 4, said
    assert hub.requests == [], "a command by itself sends nothing"
    session_id = world.only_session()
    assert world.does("interrupt", session_id)[0] == 0  # which answers the question that is open
    daemon = served(world)
    wait_until(
        lambda: hub.datasets.has(REPO) and len(hub.datasets.repository(REPO).commits) == 2,
        "it is sent",
    )
    (path,) = (world.state / "traces").glob(f"sessions/*/{session_id}.jsonl")
    sent = hub.datasets.repository(REPO).files[f"sessions/{path.parent.name}/{path.name}"].content
    assert path.read_bytes() == sent
    assert hub.datasets.repository(REPO).private

    def told() -> dict:
        status, said = world.does("traces", "status", "--json")
        assert status == 0, said
        return json.loads(said)

    wait_until(lambda: told()["last_commit_at"], "it is noted")
    document = told()
    assert document["off"] is None
    assert [one["state"] for one in document["sessions"]] == ["sent"]
    status, said = world.does("traces", "share", session_id)
    assert (status, f"{hub.url}/datasets/{REPO}/blob/main/sessions" in said) == (0, True), said
    daemon.signal(signal.SIGTERM)
    assert daemon.ends() == 0
    assert TOKEN not in (world.state / "traces" / "uploads.json").read_text()


def test_a_hub_that_hangs_holds_up_neither_a_turn_nor_the_end(world: World, hub: HubServer) -> None:
    world.does("run", ASKS)
    hub.faults.hang(times=100)
    daemon = served(world)
    wait_until(lambda: hub.requests, "the Hub was asked")
    stands(world, submitted(world, ASKS), "waiting")
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.ends() == 0
    assert time.monotonic() - began < END_S
    assert world.left_processes() == []
