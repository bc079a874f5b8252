"""Sessions go on by themselves once there is room for their next step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.daemon.room import resume_where_there_is_room
from ml_intern.events import BudgetReached, ModelAsked, Spend
from ml_intern.messages import SessionId
from ml_intern.queue.store import Claim, Store
from ml_intern.session.desk import Caps
from tests.queue.given import HERE, HandClock, claimed, ended, new_session, turn

DAY = "day:2026-01-31"
A, B, C = (SessionId(f"{name}-1") for name in "abc")
CAPS = Caps(session_micro_usd=500, day_micro_usd=1000)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = Store.open(tmp_path / "db", clock, HERE)
    yield store
    store.close()


def spends(store: Store, session_id: SessionId, micro_usd: int) -> Claim:
    """A session that has reserved so much of the day, and goes on."""
    new_session(store, session_id)
    claim = claimed(store)
    spend = Spend(spend_id="model:1", micro_usd=micro_usd, caps={DAY: 1000})
    store.append(claim.lease, turn(), ModelAsked(model="m", iteration=1, spend=spend))
    return claim


def waits(store: Store, session_id: SessionId, needed: int, cap: str = DAY) -> None:
    """A session that needs so much for its next step, and has not got it."""
    new_session(store, session_id)
    claim = claimed(store)
    reached = BudgetReached(cap=cap, used=0, limit=1000, needed=needed)
    store.append(claim.lease, turn(), reached)
    store.finish(claim, ended("waiting", f"budget:{cap}"))


def woken(store: Store, clock: HandClock, caps: Caps = CAPS) -> list[str]:
    resume_where_there_is_room(store, clock, caps)
    states = {row.session_id: row.state for row in store.sessions(9)}
    return sorted(key for key, state in states.items() if state == "ready")


def test_without_room_nobody_is_woken(store: Store, clock: HandClock) -> None:
    spends(store, A, 900)
    waits(store, B, 101)
    assert woken(store, clock) == []


def test_room_that_others_leave_wakes_as_many_as_fit(store: Store, clock: HandClock) -> None:
    claim = spends(store, A, 900)
    waits(store, B, 600)
    waits(store, C, 600)
    store.finish(claim, ended())  # nobody can tell what it spent
    assert woken(store, clock) == []
    assert woken(store, clock, Caps(day_micro_usd=1500)) == [B]
    assert woken(store, clock, Caps(day_micro_usd=1500)) == [B, C]


def test_an_extension_of_a_shared_cap_wakes_others_too(store: Store, clock: HandClock) -> None:
    claim = spends(store, A, 900)
    waits(store, B, 200)
    store.extend(A, DAY, 100, "ada")
    assert woken(store, clock) == [B]
    store.release(claim)


def test_a_new_day_wakes(store: Store, clock: HandClock) -> None:
    spends(store, A, 1000)
    waits(store, B, 200)
    clock.passed_s += 13 * 3600
    assert woken(store, clock) == [B]


def test_what_is_not_money_waits_for_a_person(store: Store, clock: HandClock) -> None:
    waits(store, A, 1, "iterations")
    waits(store, B, 1, "price:m")
    assert woken(store, clock) == []
