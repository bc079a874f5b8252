"""Decisions: the first one wins, and what was decided is what may run."""

import threading

import pytest

from ml_intern.errors import InputError, StateConflict
from ml_intern.messages import ApprovalId
from ml_intern.ops import ApprovalDecision
from ml_intern.queue.store import Store
from tests.queue.given import (
    HandClock,
    S,
    T,
    answered,
    asked,
    began,
    claimed,
    decided,
    ended,
    kinds,
    new_session,
    replied,
    said,
)


@pytest.fixture
def waiting(store: Store) -> Store:
    """A session whose call waits for a decision."""
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, replied("c1"), asked())
    store.finish(claim, ended("waiting", "approval:a1"))
    return store


@pytest.mark.parametrize(
    ("verdict", "state"), [("approve", "approved"), ("deny", "denied"), ("edit", "edited")]
)
def test_a_decision_is_stored_with_its_event_and_its_op(
    waiting: Store, verdict: str, state: str
) -> None:
    assert waiting.decide(decided(verdict, by="grace"))
    assert waiting.events(S)[-1].event == decided(verdict, by="grace")
    row = waiting.approval("a1")
    assert (row.state, row.decided_by, row.decided_at) == (state, "grace", row.requested_at)
    assert claimed(waiting).op == ApprovalDecision(approval_id=ApprovalId("a1"))


def test_a_second_decision_changes_nothing(waiting: Store) -> None:
    assert waiting.decide(decided("approve", by="grace"))
    before = waiting.events(S)
    assert not waiting.decide(decided("deny", by="late"))
    assert waiting.events(S) == before
    assert waiting.approval("a1").decided_by == "grace"
    waiting.finish(claimed(waiting))
    assert waiting.claim(0) is None


def test_an_unknown_approval_is_refused_with_the_open_ones(waiting: Store) -> None:
    with pytest.raises(InputError, match="Open approvals: a1"):
        waiting.decide(decided(approval="zz"))
    with pytest.raises(InputError, match="Open approvals: a1"):
        waiting.approval("zz")


@pytest.mark.parametrize(
    "wrong", [decided(call="c2"), decided(sha256="sha-2"), decided("deny", sha256="sha-2")]
)
def test_a_decision_about_something_else_leaves_the_question_open(
    waiting: Store, wrong: object
) -> None:
    with pytest.raises(StateConflict, match="a1"):
        waiting.decide(wrong)
    assert [row.approval_id for row in waiting.open_approvals()] == ["a1"]
    assert waiting.claim(0) is None


def test_only_approved_arguments_start(waiting: Store) -> None:
    waiting.decide(decided("approve"))
    claim = claimed(waiting)
    with pytest.raises(StateConflict, match="sha-1"):
        waiting.append(claim.lease, began(sha256="sha-other"))
    waiting.append(claim.lease, began(sha256="sha-1"))


def test_only_edited_arguments_start(waiting: Store) -> None:
    waiting.decide(decided("edit", sha256="sha-2"))
    claim = claimed(waiting)
    with pytest.raises(StateConflict, match="sha-2"):
        waiting.append(claim.lease, began(sha256="sha-1"))
    waiting.append(claim.lease, began(sha256="sha-2"))


def test_an_answered_call_needs_no_decision_any_more(waiting: Store) -> None:
    waiting.submit(S, said("never mind"))
    claim = claimed(waiting)
    waiting.append(claim.lease, answered(ok=False))
    assert waiting.open_approvals() == []
    assert waiting.approval("a1").state == "superseded"
    assert not waiting.decide(decided())
    assert kinds(waiting)[-1] == "tool_finished"


def test_one_approval_id_cannot_be_asked_for_twice(waiting: Store) -> None:
    new_session(waiting, T)
    claim = claimed(waiting)
    with pytest.raises(StateConflict):
        waiting.append(claim.lease, replied("c1"), asked())


def test_open_approvals_are_listed_oldest_first(store: Store, clock: HandClock) -> None:
    for session_id, approval in ((S, "b"), (T, "a")):
        new_session(store, session_id)
        claim = claimed(store)
        clock.passed_s += 1
        store.append(claim.lease, replied("c1"), asked(approval=approval))
    assert [row.approval_id for row in store.open_approvals()] == ["b", "a"]
    assert [row.approval_id for row in store.open_approvals(T)] == ["a"]


def test_an_approval_is_found_by_a_unique_beginning(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(
        claim.lease,
        replied("c1", "c2"),
        asked("c1", approval="abc-1"),
        asked("c2", approval="abd-2"),
    )
    assert store.approval("abc").approval_id == "abc-1"
    for ambiguous in ("ab", "", "%"):
        with pytest.raises(InputError):
            store.approval(ambiguous)


def test_of_many_threads_one_decides(waiting: Store) -> None:
    start = threading.Barrier(8)
    won: list[str] = []

    def decide(name: str) -> None:
        start.wait()
        if waiting.decide(decided(by=name)):
            won.append(name)

    threads = [threading.Thread(target=decide, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [waiting.approval("a1").decided_by]
    assert kinds(waiting).count("approval_decided") == 1
