"""Reading: by cursor, in order, from any thread; sessions by a beginning of their id."""

import threading

import pytest

from ml_intern.clock import SystemClock
from ml_intern.errors import InputError, UnknownSession
from ml_intern.messages import SessionId
from ml_intern.ops import ResolveUnknown
from ml_intern.queue.store import Store
from tests.queue.given import (
    HandClock,
    S,
    T,
    claimed,
    ended,
    new_session,
    progressed,
    replied,
    started,
    turn,
)
from tests.support.lost import LOST, lose_call


def test_events_are_numbered_within_their_session_without_gaps(
    store: Store, clock: HandClock
) -> None:
    new_session(store)
    claim = claimed(store)
    new_session(store, T)
    clock.passed_s = 1.5
    assert store.append(claim.lease, turn(), replied()) == [2, 3]
    store.finish(claim, ended())
    recorded = store.events(S)
    assert [each.seq for each in recorded] == [1, 2, 3, 4]
    assert [each.event for each in recorded] == [started(), turn(), replied(), ended()]
    assert recorded[1].at == clock.now()
    assert [each.seq for each in store.events(S, after_seq=2)] == [3, 4]


def test_an_unknown_session_has_no_events(store: Store) -> None:
    assert store.events(SessionId("nobody")) == []


def test_a_follower_sees_every_event_of_all_sessions_once(store: Store) -> None:
    new_session(store, S)
    new_session(store, T)
    claim = claimed(store)
    store.append(claim.lease, turn(), replied(), ended())
    seen = []
    while batch := store.follow(seen[-1].position if seen else 0, 2):
        assert len(batch) <= 2
        seen += batch
    assert [(each.session_id, each.seq) for each in seen] == [
        (S, 1),
        (T, 1),
        (S, 2),
        (S, 3),
        (S, 4),
    ]
    assert sorted({each.position for each in seen}) == [each.position for each in seen]
    assert store.journal.last_position() == seen[-1].position


def test_the_last_position_of_an_empty_journal_is_zero(store: Store) -> None:
    assert store.journal.last_position() == 0
    assert store.follow(0, 10) == []


def test_waiting_for_events_ends_at_once_when_there_are_some(store: Store) -> None:
    new_session(store)
    assert store.wait_for_events(0, 0)
    assert not store.wait_for_events(store.journal.last_position(), 0)


@pytest.mark.parametrize("writer", ["same", "other"])
def test_a_waiting_reader_is_woken(open_store, clock: HandClock, writer: str) -> None:
    reader = open_store()
    new_session(reader)
    writing = reader if writer == "same" else open_store()
    position = reader.journal.last_position()
    found = []
    thread = threading.Thread(target=lambda: found.append(reader.wait_for_events(position, 10)))
    thread.start()
    writing.append(claimed(writing).lease, turn())
    thread.join(10)
    assert found == [True]


def test_a_waiting_reader_is_let_go_when_nobody_is_to_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._database, "poll_s", 20.0)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(store.wait_for_events(0, 20)), daemon=True
    )
    thread.start()
    store.end_waits("news")
    thread.join(10)
    assert found == [False]


def test_waiting_in_vain_ends_in_time(tmp_path, open_store) -> None:
    store = open_store()
    store.journal._clock = SystemClock()
    assert not store.wait_for_events(0, 0.05)


def test_a_session_at_a_glance(store: Store, clock: HandClock) -> None:
    new_session(store)
    created = clock.now()
    clock.passed_s += 5
    store.append(claimed(store).lease, turn())
    row = store.session(S)
    assert (row.session_id, row.title, row.state, row.model) == (S, "a task", "leased", "autopilot")
    assert (row.workspace, row.started_in, row.version) == ("/w", "/home/ada", "1.0")
    assert (row.created, row.updated) == (created, clock.now())


def test_sessions_are_listed_newest_first(store: Store, clock: HandClock) -> None:
    for name in ("one", "two", "three"):
        new_session(store, SessionId(name))
        clock.passed_s += 1
    assert [row.session_id for row in store.sessions(2)] == ["three", "two"]


def test_a_session_is_found_by_a_unique_beginning(store: Store) -> None:
    for name in ("abc", "abd", "abcd"):
        new_session(store, SessionId(name))
    assert store.session("abd").session_id == "abd"
    assert store.session("abc").session_id == "abc"
    with pytest.raises(InputError, match="abcd"):
        store.session("ab")
    for unknown in ("", "x", "%", "a_"):
        with pytest.raises(UnknownSession):
            store.session(unknown)


def test_an_id_of_any_length_is_looked_up(store: Store) -> None:
    new_session(store)
    with pytest.raises(UnknownSession) as caught:
        store.session("a" * 100_000)
    assert len(str(caught.value)) < 200
    with pytest.raises(InputError) as refused:
        store.approval("a" * 100_000)
    assert len(str(refused.value)) < 200


def test_calls_that_a_person_must_answer_for_are_listed_until_somebody_does(store: Store) -> None:
    new_session(store, T)
    new_session(store)
    lose_call(store, "send")
    (row,) = store.unknowns()
    assert (row.session_id, row.call_id, row.tool) == (T, LOST, "send")
    store.submit(T, ResolveUnknown(call_id=LOST, choice="skip", resolved_by="ada"))
    assert store.unknowns() == []


def test_a_reader_sees_nothing_of_a_refused_write(store: Store) -> None:
    new_session(store)
    position = store.journal.last_position()
    with pytest.raises(UnknownSession):
        store.note(SessionId("nobody"), progressed())
    assert store.journal.last_position() == position
