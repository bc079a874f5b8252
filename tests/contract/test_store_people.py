"""Who has waited for a person long enough, and what is done about it once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ml_intern.clock import stamp
from ml_intern.events import ApprovalReminded, ToolWaiting
from ml_intern.messages import CallId
from ml_intern.queue.store import Store
from tests.queue.given import (
    HandClock,
    S,
    asked,
    began,
    claimed,
    decided,
    ended,
    kinds,
    new_session,
    replied,
)


@pytest.fixture
def waiting(store: Store, clock: HandClock) -> Store:
    """Approval a1 until an hour from now, a question of c2 until two hours from now."""
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, replied("c1", "c2"))
    store.append(claim.lease, replace(asked(), expires_at=later(clock, 3600)))
    question = ToolWaiting(call_id=CallId("c2"), on="answer:c2", expires_at=later(clock, 7200))
    store.append(claim.lease, began("c2", effect="read"), question)
    store.finish(claim, ended("waiting", "approval:a1", "answer:c2"))
    return store


def later(clock: HandClock, seconds: float) -> str:
    return stamp(clock.now() + timedelta(seconds=seconds))


def test_what_is_over_is_found_with_what_it_was(waiting: Store, clock: HandClock) -> None:
    clock.passed_s += 3599
    assert waiting.expired() == []
    clock.passed_s += 1
    (approval,) = waiting.expired()
    assert (approval.call_id, approval.approval_id) == ("c1", "a1")
    assert (approval.arguments, approval.arguments_sha256) == ({"command": "ls"}, "sha-1")
    clock.passed_s += 3600
    assert [one.approval_id for one in waiting.expired()] == ["a1", None]


def test_what_was_decided_expires_no_more(waiting: Store, clock: HandClock) -> None:
    waiting.decide(decided("expire"))
    assert waiting.approval("a1").state == "expired"
    assert not waiting.decide(decided("approve"))
    clock.passed_s += 9000
    assert [one.call_id for one in waiting.expired()] == ["c2"]


def test_each_reminder_is_due_once(waiting: Store, clock: HandClock) -> None:
    after = (600.0, 1800.0)
    assert waiting.silent(after) == []
    clock.passed_s += 600
    due = waiting.silent(after)
    assert [(one.call_id, one.reminders) for one in due] == [("c1", 0), ("c2", 0)]
    assert all(waiting.remind(one) for one in due)
    assert not any(waiting.remind(one) for one in due), "somebody did"
    assert waiting.silent(after) == []
    clock.passed_s += 1200
    assert [one.reminders for one in waiting.silent(after)] == [1, 1]
    assert kinds(waiting).count("approval_reminded") == 2
    assert waiting.events(S)[-1].event == ApprovalReminded(
        call_id=CallId("c2"), approval_id=None, number=1
    )


def test_nobody_is_reminded_of_what_is_over(waiting: Store, clock: HandClock) -> None:
    clock.passed_s += 3600
    assert [one.call_id for one in waiting.silent((600.0,))] == ["c2"]
