"""People are reminded, then waited for no longer; a crash in between changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.daemon.patience import GRACE_S, Patience
from ml_intern.events import (
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    ToolFinished,
    TurnFinished,
)
from ml_intern.session.desk import Limits
from tests.queue.given import HandClock
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, calls, words

HOUR = 3600.0
LIMITS = Limits(max_iterations=20, max_turn_s=60, approval_timeout_s=12 * HOUR)
ASKED = ("outward", '{"number": 7}')
QUESTION = ("ask_person", '{"question": "Which column?"}')


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def bench(tmp_path: Path, clock: HandClock) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*replies: Any, limits: Limits = LIMITS) -> Bench:
        made.append(Bench(tmp_path, replies, clock, limits=limits))
        made[-1].start()
        made[-1].drive()
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def test_after_twelve_hours_it_is_a_no_and_the_session_goes_on(
    bench: Any, clock: HandClock
) -> None:
    b = bench(calls(ASKED), words("then not"))
    patience = Patience(b.store, clock, ())
    clock.passed_s += 12 * HOUR - 60
    patience()
    assert b.all(ApprovalDecided) == []
    clock.passed_s += 61
    patience()
    patience()
    (gone,) = b.all(ApprovalDecided)
    assert (gone.verdict, gone.decided_by) == ("expire", "ml-intern")
    assert not decide(b.store, b.desk.router, gone.approval_id, "approve", decided_by="ada")
    assert b.drive() == TurnFinished(outcome="finished", detail="then not")
    assert b.outward.ran == []
    assert "Nobody decided about this call in time" in b.last(ToolFinished).output


def test_a_question_is_given_up_and_the_model_decides(bench: Any, clock: HandClock) -> None:
    b = bench(calls(QUESTION), words("the first, then"))
    clock.passed_s += 12 * HOUR
    patience = Patience(b.store, clock, ())
    patience()
    assert b.store.claim(0) is None, "within the grace after the start"
    clock.passed_s += GRACE_S
    patience()
    patience()
    assert b.drive() == TurnFinished(outcome="finished", detail="the first, then")
    assert "Nobody answered in time" in b.last(ToolFinished).output
    patience()
    assert b.store.claim(0) is None


def test_without_a_timeout_it_waits_for_ever(bench: Any, clock: HandClock) -> None:
    b = bench(calls(ASKED, QUESTION), limits=Limits(max_iterations=20, max_turn_s=60))
    patience = Patience(b.store, clock, ())
    clock.passed_s += 9999 * HOUR
    patience()
    assert (b.last(ApprovalRequested).expires_at, b.all(ApprovalDecided)) == ("", [])


def test_people_are_reminded_as_often_as_was_set(bench: Any, clock: HandClock) -> None:
    b = bench(calls(ASKED, QUESTION))
    patience = Patience(b.store, clock, (HOUR, 6 * HOUR))
    seen = []
    for _ in range(9):
        clock.passed_s += HOUR
        patience()
        seen.append(len(b.all(ApprovalReminded)))
    assert seen == [2, 2, 2, 2, 2, 4, 4, 4, 4]


def test_a_yes_that_was_stored_before_the_hour_counts_after_it(
    bench: Any, clock: HandClock
) -> None:
    b = bench(calls(ASKED), words("done"))
    key = b.store.open_approvals(SESSION)[0].approval_id
    decide(b.store, b.desk.router, key, "approve", decided_by="ada")
    patience = Patience(b.store, clock, ())
    clock.passed_s += 24 * HOUR
    patience()
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [7]
