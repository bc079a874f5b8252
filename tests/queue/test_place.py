"""Where a session stands in the queue."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.errors import StoreUnavailable, UnknownSession
from ml_intern.messages import SessionId
from ml_intern.queue.leases import LEASE_S
from ml_intern.queue.rows import Holder, OpenOp, QueuePlace, Site
from ml_intern.queue.sqlite import SqliteDatabase
from ml_intern.queue.store import Store
from tests.queue.given import HERE, HandClock, S, T, claimed, ended, new_session, said

U = SessionId("cccc-3")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = Store.open(tmp_path / "ml-intern.db", clock, HERE)
    yield store
    store.close()


def test_a_ready_session_knows_how_many_come_first(store: Store, clock: HandClock) -> None:
    for session_id in (S, T, U):
        new_session(store, session_id)
    places = [store.queue_place(one) for one in (S, T, U)]
    assert [place.ahead for place in places] == [0, 1, 2]
    assert places[2] == QueuePlace(
        state="ready",
        ahead=2,
        holder=None,
        open_ops=(
            OpenOp(seq=1, kind="user_input", state="queued", attempts=0, created=clock.now()),
        ),
    )


def test_a_leased_session_names_its_holder_and_what_waits_behind(
    store: Store, clock: HandClock
) -> None:
    new_session(store)
    claimed(store)
    store.submit(S, said("and then?"))
    clock.passed_s = LEASE_S + 5
    place = store.queue_place(S)
    assert place.holder == Holder(pid=HERE.pid, token=1, left_s=-5.0)
    assert [(each.seq, each.state, each.attempts) for each in place.open_ops] == [
        (1, "running", 1),
        (2, "queued", 0),
    ]


def test_a_session_at_rest_has_nothing_open(store: Store, clock: HandClock) -> None:
    new_session(store)
    store.finish(claimed(store), ended())
    place = store.queue_place(S)
    assert place == QueuePlace(state="idle", ahead=0, holder=None, open_ops=())


def test_a_session_of_another_site_is_told_with_its_folder(
    store: Store, tmp_path: Path, clock: HandClock
) -> None:
    new_session(store)
    database = SqliteDatabase(tmp_path / "ml-intern.db", clock)
    there = Store(database, clock, replace(HERE, boot_id="another"), "lab-7")
    for session_id in (T, U):
        new_session(there, session_id)
    assert claimed(there).session_id == T
    place, theirs = store.queue_place(T), there.queue_place(T)
    assert place.elsewhere == Site(name="lab-7", folder="/")
    assert place.holder is not None
    assert place.holder.is_far
    assert not place.is_shared
    assert theirs.is_shared
    assert theirs.elsewhere is None
    assert theirs.holder is not None
    assert not theirs.holder.is_far
    assert store.queue_place(U).ahead == 0
    there.close()


def test_an_unknown_session_is_said_to_be_unknown(store: Store) -> None:
    with pytest.raises(UnknownSession, match="nope"):
        store.queue_place(SessionId("nope"))


@pytest.mark.parametrize(("column", "value"), [("created", "noon"), ("kind", b"\xff")])
def test_a_damaged_row_is_said_to_be_damaged(
    store: Store, tmp_path: Path, column: str, value: str | bytes
) -> None:
    new_session(store)
    with closing(sqlite3.connect(tmp_path / "ml-intern.db")) as plain, plain:
        plain.execute(f"UPDATE op SET {column} = ?", [value])
    with pytest.raises(StoreUnavailable, match=r"damaged .*ml-intern fsck"):
        store.queue_place(S)
