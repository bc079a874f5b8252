"""What is only planned is stored when its writer knows all that has happened, else not at all."""

import pytest

from ml_intern.errors import LeaseLost, Overtaken
from ml_intern.queue.store import Store
from tests.queue.given import (
    S,
    asked,
    claimed,
    ended,
    job_started,
    kinds,
    new_session,
    progressed,
    replied,
    said,
    stop,
    turn,
)


def test_a_step_that_knows_the_newest_event_is_stored(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    assert store.append(claim.lease, turn(), replied("c1"), after_seq=1) == [2, 3]
    assert store.append(claim.lease, asked(), after_seq=3) == [4]


def test_a_step_that_was_overtaken_leaves_nothing(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, turn(), job_started())
    store.note(S, progressed())
    before = kinds(store)
    with pytest.raises(Overtaken, match="event 4; the step knew 3"):
        store.append(claim.lease, replied("c1"), after_seq=3)
    assert kinds(store) == before
    assert store.append(claim.lease, replied("c1"), after_seq=4) == [5]


def test_a_lease_that_is_over_is_not_taken_for_news(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.release(claim)
    with pytest.raises(LeaseLost):
        store.append(claim.lease, turn(), after_seq=9)


def test_the_op_next_in_line_is_done_within_the_turn(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.submit(S, said("more"))
    store.submit(S, said("and more"))
    assert store.next_queued(S) == (2, said("more"))
    with pytest.raises(Overtaken, match="Op 3"):
        store.take_in(claim.lease, 3, turn(), after_seq=1)
    assert kinds(store) == ["session_started"]
    assert store.take_in(claim.lease, 2, turn(), after_seq=1) == [2]
    assert store.next_queued(S) == (3, said("and more"))
    assert store.take_in(claim.lease, 3, after_seq=2) == []
    assert store.next_queued(S) is None
    store.finish(claim, ended())
    assert store.claim(0) is None


def test_words_that_were_cancelled_are_not_taken_in(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.submit(S, said("more"))
    store.submit(S, stop())
    with pytest.raises(Overtaken):
        store.take_in(claim.lease, 2, turn(), after_seq=len(kinds(store)))
    with pytest.raises(Overtaken):
        store.take_in(claim.lease, 3, turn(), after_seq=1)
    assert store.session(S).outcome is None
