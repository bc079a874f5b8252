"""Rules that a person granted: taken back once, by whoever is first, also while a turn runs."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_intern.errors import InputError, UnknownSession
from ml_intern.events import RuleRevoked
from ml_intern.messages import SessionId
from ml_intern.queue.store import Store
from tests.queue.given import S, claimed, granted, new_session


@pytest.fixture
def ruled(store: Store) -> Store:
    """A session with two rules, and a worker that is at work on it."""
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, granted("rule-1"), granted("rule-2"))
    return store


def revocations(store: Store) -> list[RuleRevoked]:
    found = [recorded.event for recorded in store.events(S)]
    return [event for event in found if isinstance(event, RuleRevoked)]


def test_a_rule_is_revoked_without_a_lease(ruled: Store) -> None:
    assert ruled.revoke_rule(S, "rule-2", "grace")
    assert revocations(ruled) == [RuleRevoked(rule_id="rule-2", revoked_by="grace")]


def test_a_second_revocation_changes_nothing(ruled: Store) -> None:
    assert ruled.revoke_rule(S, "rule-1", "grace")
    before = ruled.events(S)
    assert not ruled.revoke_rule(S, "rule-1", "late")
    assert ruled.events(S) == before


def test_of_many_at_once_one_revokes(ruled: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: ruled.revoke_rule(S, "rule-1", f"p{n}"), range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert len(revocations(ruled)) == 1


def test_only_a_rule_of_the_session_can_be_revoked(ruled: Store) -> None:
    for unknown in ("", "rule-3", "rule"):
        with pytest.raises(InputError, match=r"rule-1, rule-2"):
            ruled.revoke_rule(S, unknown, "grace")
    with pytest.raises(UnknownSession):
        ruled.revoke_rule(SessionId("nope"), "rule-1", "grace")
    assert revocations(ruled) == []
