"""Two daemons on one PostgreSQL: they share the work, and one finishes what the other left."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from ml_intern.events import ToolStarted
from ml_intern.queue.leases import LEASE_S
from ml_intern.queue.rows import SessionRow
from ml_intern.queue.store import Store
from tests.scenario.test_hosted_model import KEY, answered_once
from tests.scenario.test_serve import served
from tests.scenario.world import Running, World, wait_until
from tests.support.model_server import Call, ModelServer, Reply
from tests.support.nursery import Nursery
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

SESSIONS = 6
CALLS = 8
GRACE_S = 2.0
"""Beyond the length of a lease, until somebody else is at work."""


def writes(number: int) -> Call:
    """Each time it runs it leaves a line, which can be counted."""
    return Call(name="bash", arguments={"command": f"echo {number} >> ran.txt; sleep 0.2"})


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str, nursery: Nursery) -> Iterator[tuple[World, World]]:
    """Two state directories, one folder of sessions, one database, one model."""
    replies = [Reply(calls=(writes(number),), delay_s=0.2) for number in range(CALLS)]
    with ModelServer([*replies, Reply(text="Done.")]) as server:
        worlds = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            environment = {
                "ML_INTERN_MODEL": "openai/scripted",
                "ML_INTERN_FREE_MODELS": '["openai/*"]',
                "ML_INTERN_API_KEY": KEY,
                "ML_INTERN_API_BASE": server.openai_url,
                "ML_INTERN_SESSIONS_DIR": str(tmp_path / "sessions"),
                "ML_INTERN_WORKERS": "4",
            }
            worlds.append(
                World(
                    folder=folder,
                    state=folder / "state",
                    environment=environment,
                    database=postgres_url,
                    nursery=nursery,
                )
            )
        yield worlds[0], worlds[1]
        for world in worlds:
            world.end()


def submit_all(world: World) -> list[str]:
    door = connect(world.state / "daemon.sock")
    assert door is not None
    with door:
        return [
            door.start_session(NewSession(task=f"task {n}", started_in="/", author="ada"))
            for n in range(SESSIONS)
        ]


def outcomes(world: World) -> Counter[str | None]:
    return Counter(row.outcome for row in world.sessions())


def all_finished(world: World, within_s: float = 150.0) -> None:
    wait_until(
        lambda: outcomes(world) == {"finished": SESSIONS}, "all finished", within_s, every_s=0.2
    )


def ran(world: World, session_id: str) -> list[str]:
    folder = Path(world.environment["ML_INTERN_SESSIONS_DIR"]) / session_id / "workspace"
    return (folder / "ran.txt").read_text().split()


def in_work(world: World) -> list[SessionRow]:
    return [row for row in world.sessions() if row.state == "leased"]


def held_by(world: World, pid: int) -> list[str]:
    """The sessions that this process holds, by their leases."""

    def look(store: Store) -> list[str]:
        places = [(row.session_id, store.queue_place(row.session_id)) for row in store.sessions(99)]
        return [one for one, place in places if place.holder and place.holder.pid == pid]

    return world.look(look) or []


def has_begun(world: World, running: Running) -> None:
    def calls() -> int:
        return sum(
            isinstance(event, ToolStarted)
            for row in world.sessions()
            for event in world.events(row.session_id)
        )

    wait_until(lambda: calls() > SESSIONS or running.process.poll() is not None, "calls run")
    assert running.process.poll() is None, running.said()


def test_two_daemons_share_the_sessions(pair: tuple[World, World]) -> None:
    one, two = pair
    served(one)
    served(two)
    ids = submit_all(one)
    wait_until(lambda: len(in_work(one)) > 4, "more are in work than one daemon can")
    all_finished(one)
    for session_id in ids:
        answered_once(one, session_id)
        assert ran(one, session_id) == [str(number) for number in range(CALLS)]
        for world in pair:
            wait_until(
                lambda world=world, session_id=session_id: (
                    "Done." in world.trace(session_id).read_text()
                ),
                "both wrote its trace",
            )


def test_what_a_killed_daemon_left_is_finished_by_the_other(pair: tuple[World, World]) -> None:
    """On the same machine its death can be proved, so nobody waits for the lease."""
    one, two = pair
    first = served(one)
    served(two)
    ids = submit_all(one)
    has_begun(one, first)
    assert held_by(two, first.process.pid)
    first.signal(signal.SIGKILL)
    first.ends()
    wait_until(lambda: not held_by(two, first.process.pid), "they are taken over", LEASE_S)
    all_finished(two)
    for session_id in ids:
        answered_once(two, session_id)
        # One that was under way when the daemon died is reported as unknown, never run again.
        assert [line for line, times in Counter(ran(two, session_id)).items() if times > 1] == []


def test_a_frozen_daemon_loses_its_sessions_and_writes_nothing_when_it_wakes(
    pair: tuple[World, World],
) -> None:
    one, two = pair
    first = served(one)
    served(two)
    ids = submit_all(one)
    has_begun(one, first)
    first.signal(signal.SIGSTOP)
    frozen = first.process.pid
    left = held_by(two, frozen)
    assert left
    wait_until(
        lambda: not held_by(two, frozen),
        "the other has taken them over",
        LEASE_S + GRACE_S,
        every_s=0.1,
    )
    all_finished(two)
    first.signal(signal.SIGCONT)
    time.sleep(3)
    for session_id in ids:
        answered_once(two, session_id)
    first.signal(signal.SIGTERM)
    assert first.ends() == 0, first.said()


def test_daemons_go_on_when_the_server_was_killed_and_is_back(
    pair: tuple[World, World], postgres_server: PostgresServer
) -> None:
    one, two = pair
    daemons = [served(one), served(two)]
    ids = submit_all(one)
    has_begun(one, daemons[0])
    postgres_server.stop("immediate")
    time.sleep(2)
    postgres_server.start()
    all_finished(one)
    for session_id in ids:
        answered_once(one, session_id)
    for daemon in daemons:
        daemon.signal(signal.SIGTERM)
        assert daemon.ends() == 0, daemon.said()
