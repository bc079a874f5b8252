"""What is only planned is stored when its writer knows all that has happened, else not at all."""

import pytest

from ml_intern.errors import LeaseLost, Overtaken
from ml_intern.queue.store import Store
from tests.queue.given import (
    S,
    asked,
    claimed,
    job_started,
    kinds,
    new_session,
    progressed,
    replied,
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
