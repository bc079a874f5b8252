"""A daemon with a model that costs money, killed on the way: the bill never passes the cap."""

import json
from collections.abc import Iterator

import pytest

from ml_intern.events import BudgetReached, ModelReplied
from ml_intern.queue.rows import BudgetRow
from tests.scenario.test_serve import served, submitted
from tests.scenario.world import World, wait_until
from tests.support.model_server import Call, ModelServer, Reply

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

SESSIONS = 4
CAP_USD = 1.5
MICRO_OF_AN_ANSWER = 100 * 1 + 10 * 3000
"""What the provider charges: 100 tokens of input, 10 of output."""


@pytest.fixture
def paid(world: World) -> World:
    prices = {"openai/scripted": {"input_usd_per_million": 1.0, "output_usd_per_million": 3000.0}}
    world.environment |= {
        "ML_INTERN_MODEL": "openai/scripted",
        "ML_INTERN_API_KEY": "sk-fake-key-for-tests-0123456789",
        "ML_INTERN_MODEL_PRICES": json.dumps(prices),
        "ML_INTERN_MAX_OUTPUT_TOKENS": "100",
        "ML_INTERN_DAY_CAP_USD": str(CAP_USD),
    }
    return world


@pytest.fixture
def server(paid: World) -> Iterator[ModelServer]:
    """Its model never comes to an end by itself."""
    replies = [
        Reply(
            calls=(Call(name="write", arguments={"path": f"{n}.txt", "content": "x"}),),
            delay_s=0.05,
        )
        for n in range(2000)
    ]
    with ModelServer(replies) as server:
        paid.environment["ML_INTERN_API_BASE"] = server.openai_url
        yield server


def today(world: World) -> BudgetRow:
    """What counts against the day; no row of another day is expected."""
    found = world.look(
        lambda store: next(
            row
            for session in store.sessions(SESSIONS)
            for spend in store.spends(session.session_id)
            for cap, row in store.budgets(*spend.caps).items()
            if cap.startswith("day:")
        )
    )
    assert found is not None
    return found


def all_wait(world: World) -> bool:
    return all(
        any(on.startswith("budget:day:") for on in row.waiting_on) for row in world.sessions()
    )


def test_a_shared_cap_holds_through_kills_and_more_room_wakes(
    paid: World, server: ModelServer
) -> None:
    daemon = served(paid)
    ids = [submitted(paid, f"write notes {number}") for number in range(SESSIONS)]
    wait_until(lambda: len(server.requests) >= 8, "it is at work")
    daemon.process.kill()
    daemon.process.wait()
    served(paid)
    wait_until(lambda: all_wait(paid), "every session waits for room", every_s=0.5)

    asked = len(server.requests)
    row = today(paid)
    assert asked * MICRO_OF_AN_ANSWER <= row.used <= CAP_USD * 1_000_000
    assert row.reserved == 0

    status, said = paid.does("extend", ids[0], "--usd", "0.5", "--cap", "day", "--no-wait")
    assert status == 0, said
    wait_until(lambda: len(server.requests) > asked, "it goes on")
    wait_until(lambda: all_wait(paid), "every session waits again", every_s=0.5)
    more = today(paid)
    assert len(server.requests) * MICRO_OF_AN_ANSWER <= more.used <= 2_000_000
    assert more.extended == 500_000


def test_a_price_that_nobody_knows_waits_for_a_person(paid: World, server: ModelServer) -> None:
    del paid.environment["ML_INTERN_MODEL_PRICES"]
    status, said = paid.does("run", "write notes")
    assert status == 4, said
    assert server.requests == []
    session = paid.only_session()
    assert f"ml-intern extend {session[:8]} --calls" in said
    status, said = paid.does("extend", session, "--calls", "2")
    assert status == 4, said
    assert len(server.requests) == 2
    events = paid.events(session)
    assert [e.cost_micro_usd for e in events if isinstance(e, ModelReplied)] == [None, None]
    reached = [(e.used, e.limit) for e in events if isinstance(e, BudgetReached)]
    assert reached == [(0, 0), (2, 2)]
