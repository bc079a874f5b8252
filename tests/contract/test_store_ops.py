"""Ops: accepted once, run in order, one at a time, stopped from the lane of interrupts."""

import threading

import pytest

from ml_intern.errors import Busy, InputError, LeaseLost, StateConflict, UnknownSession
from ml_intern.events import InterruptRequested, OpCancelled
from ml_intern.messages import ApprovalId, SessionId
from ml_intern.ops import ApprovalDecision, UserInput
from ml_intern.queue import backlog
from ml_intern.queue.store import Claim, Store
from tests.queue.given import (
    S,
    T,
    asked,
    claimed,
    decided,
    ended,
    job_ended,
    job_started,
    kinds,
    new_session,
    progressed,
    replied,
    resume,
    said,
    started,
    stop,
    turn,
)


def test_a_new_session_has_its_first_event_and_its_first_op(store: Store) -> None:
    assert new_session(store, text="hello") == 1
    assert kinds(store) == ["session_started"]
    claim = claimed(store)
    assert (claim.session_id, claim.op, claim.op_seq, claim.attempt) == (S, said("hello"), 1, 1)


def test_a_second_session_of_the_same_id_is_refused_whole(store: Store) -> None:
    new_session(store)
    with pytest.raises(StateConflict):
        new_session(store)
    assert kinds(store) == ["session_started"]
    claim = claimed(store)
    store.finish(claim)
    assert store.claim(0) is None


def test_ops_of_a_session_run_in_order_and_one_at_a_time(store: Store) -> None:
    new_session(store, text="0")
    assert [store.submit(S, said(str(n))) for n in (1, 2)] == [2, 3]
    texts = []
    while claim := store.claim(0):
        assert store.claim(0) is None
        texts.append(claim.op.text)
        store.finish(claim)
    assert texts == ["0", "1", "2"]


def test_words_that_no_utf_8_can_hold_are_refused(store: Store) -> None:
    with pytest.raises(InputError, match="surrogate"):
        store.create_session(S, started("\udcff"), said("\udcff"))
    assert store.sessions(10) == []
    with pytest.raises(InputError, match="surrogate"):
        store.session("\udcff")


def test_an_op_for_an_unknown_session_is_refused(store: Store) -> None:
    with pytest.raises(UnknownSession):
        store.submit(SessionId("nobody"), said())


def test_a_repeated_dedupe_key_is_accepted_once_per_session(store: Store) -> None:
    new_session(store)
    new_session(store, T)
    assert store.submit(S, resume(), dedupe="job:j1:ended") == 2
    assert store.submit(S, resume(), dedupe="job:j1:ended") is None
    assert store.submit(T, resume(), dedupe="job:j1:ended") == 2


def test_events_of_a_repeated_op_are_not_stored_again(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, job_started())
    assert store.submit(S, resume(), dedupe="k", events=[job_ended()]) == 2
    assert store.submit(S, resume(), dedupe="k", events=[job_ended()]) is None
    assert kinds(store) == ["session_started", "job_started", "job_ended"]


def test_an_op_whose_event_conflicts_is_not_queued(store: Store) -> None:
    new_session(store)
    with pytest.raises(StateConflict):
        store.submit(S, resume(), events=[job_ended("never-started")])
    store.finish(claimed(store))
    assert store.claim(0) is None


def test_a_decision_cannot_be_submitted_past_its_approval(store: Store) -> None:
    new_session(store)
    with pytest.raises(InputError, match="decide"):
        store.submit(S, ApprovalDecision(approval_id=ApprovalId("a1")))


@pytest.mark.parametrize("event", [turn(), ended(), replied("c1"), job_started(), decided()])
def test_only_observations_are_stored_without_a_lease(store: Store, event: object) -> None:
    new_session(store)
    with pytest.raises(LeaseLost, match=event.kind):
        store.note(S, event)
    with pytest.raises(LeaseLost, match=event.kind):
        store.submit(S, said(), events=[event])
    assert kinds(store) == ["session_started"]


def test_progress_is_noted_while_another_holds_the_lease(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, job_started())
    assert store.note(S, progressed(log_offset=77)) == [3]
    assert store.append(claim.lease, turn()) == [4]
    assert [job.log_offset for job in store.running_jobs()] == [77]


def test_a_note_to_an_unknown_session_is_refused(store: Store) -> None:
    with pytest.raises(UnknownSession):
        store.note(SessionId("nobody"), progressed())


def test_words_beyond_a_sessions_bound_are_refused_until_it_has_worked(store: Store) -> None:
    new_session(store)
    for _ in range(backlog.MOST_QUEUED_OF_ONE_SESSION - 1):
        store.submit(S, said())
    with pytest.raises(Busy) as refused:
        store.submit(S, said())
    assert refused.value.retry_after_s > 0
    claim = claimed(store)
    assert store.submit(S, said()) is not None
    store.finish(claim)


def test_words_beyond_the_bound_of_all_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MOST_QUEUED", 3)
    for number in range(3):
        new_session(store, SessionId(f"s{number}"))
    with pytest.raises(Busy):
        new_session(store, SessionId("one-too-many"))
    assert len(store.sessions(10)) == 3


def test_one_person_may_have_so_many_sessions_at_work_and_others_theirs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MOST_BUSY_SESSIONS_OF_ONE", 2)
    for number in range(2):
        new_session(store, SessionId(f"s{number}"))
    with pytest.raises(Busy, match="ada has 2 sessions"):
        new_session(store, SessionId("one-too-many"))
    store.create_session(S, started(), UserInput(text="train it", author="bob"))
    claim = claimed(store)
    store.append(claim.lease, turn(claim.op_seq))
    store.finish(claim, ended("waiting", "job:j1"))
    new_session(store, T)


def test_what_follows_from_accepted_work_is_accepted_beyond_the_bound(store: Store) -> None:
    new_session(store)
    for _ in range(backlog.MOST_QUEUED_OF_ONE_SESSION - 1):
        store.submit(S, said())
    assert store.submit(S, resume()) is not None
    assert store.submit(S, stop()) is not None


def test_an_interrupt_stops_the_running_turn_and_cancels_what_waits(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.submit(S, said("later"))
    store.submit(S, resume())
    assert not store.interrupted(claim)

    assert store.submit(S, stop()) == 4

    assert store.interrupted(claim)
    assert [recorded.event for recorded in store.events(S, after_seq=1)] == [
        InterruptRequested(asked_by="ada", reason="lunch"),
        OpCancelled(op_seq=2, op_kind="user_input", reason="interrupted by ada"),
        OpCancelled(op_seq=3, op_kind="resume", reason="interrupted by ada"),
    ]
    store.finish(claim, ended("interrupted"))
    following = claimed(store)
    assert following.op == stop()
    assert not store.interrupted(following)


def test_words_after_an_interrupt_are_not_touched_by_it(store: Store) -> None:
    new_session(store)
    store.finish(claimed(store), ended())
    store.submit(S, stop())
    store.submit(S, said("go on"))
    store.finish(claimed(store))
    claim = claimed(store)
    assert claim.op == said("go on")
    assert not store.interrupted(claim)


def test_a_decision_survives_an_interrupt(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, replied("c1"), asked())
    store.finish(claim, ended("waiting", "approval:a1"))
    store.decide(decided())
    store.submit(S, stop())
    claim = claimed(store)
    assert claim.op == ApprovalDecision(approval_id=ApprovalId("a1"))
    assert store.interrupted(claim)
    store.finish(claim)
    assert claimed(store).op == stop()


def test_an_interrupt_of_a_session_at_rest_makes_it_ready(store: Store) -> None:
    new_session(store)
    store.finish(claimed(store), ended("waiting", "job:j1"))
    store.submit(S, stop())
    assert claimed(store).op == stop()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ([ended("finished")], "idle"),
        ([ended("failed")], "idle"),
        ([ended("waiting", "job:j1", "approval:a1")], "waiting"),
        ([], "idle"),
    ],
)
def test_a_session_ends_its_op_as_its_turn_did(store: Store, end: list, state: str) -> None:
    new_session(store)
    store.finish(claimed(store), *end)
    assert store.session(S).state == state
    assert store.claim(0) is None


def test_an_op_that_changes_nothing_leaves_a_waiting_session_waiting(store: Store) -> None:
    new_session(store)
    store.finish(claimed(store), ended("waiting", "approval:a1"))
    store.submit(S, resume("other"))
    assert store.session(S).state == "ready"
    store.finish(claimed(store))
    assert store.session(S).state == "waiting"
    assert store.session(S).waiting_on == ("approval:a1",)


def test_a_turn_under_way_has_no_outcome(store: Store) -> None:
    new_session(store)
    store.finish(claimed(store), turn(), ended("waiting", "job:j1"))
    store.submit(S, resume())
    store.append(claimed(store).lease, turn(2))
    row = store.session(S)
    assert (row.state, row.outcome, row.detail, row.waiting_on) == ("leased", None, "", ())


def test_sessions_take_turns_in_the_order_in_which_they_became_ready(store: Store) -> None:
    new_session(store, S)
    new_session(store, T)
    store.submit(S, said("more"))
    order = []
    while claim := store.claim(0):
        order.append(claim.session_id)
        store.finish(claim)
    assert order == [S, T, S]


def waiting_claim(store: Store) -> tuple[threading.Thread, list[Claim]]:
    found: list[Claim] = []
    worker = threading.Thread(target=lambda: found.append(store.claim(20)), daemon=True)
    worker.start()
    return worker, found


def test_a_waiting_worker_is_let_go_when_nobody_is_to_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._database, "poll_s", 20.0)
    worker, found = waiting_claim(store)
    store.end_waits("work")
    worker.join(10)
    assert found == [None]
    new_session(store)
    assert store.claim(20) is not None


def test_a_waiting_worker_is_woken_by_whatever_makes_a_session_ready(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._database, "poll_s", 20.0)
    acts = [
        lambda _: new_session(store),
        lambda claim: store.release(claim),
        lambda claim: (store.finish(claim, ended()), store.submit(S, said())),
        lambda claim: (store.submit(S, said()), store.finish(claim, ended())),
        lambda claim: (
            store.append(claim.lease, replied("c1"), asked()),
            store.finish(claim, ended("waiting", "approval:a1")),
            store.decide(decided()),
        ),
    ]
    claim = None
    for act in acts:
        worker, found = waiting_claim(store)
        act(claim)
        worker.join(10)
        assert len(found) == 1
        claim = found[0]


def test_claim_finds_what_another_store_on_the_same_database_wrote(open_store) -> None:
    first, second = open_store(), open_store()
    worker, found = waiting_claim(first)
    new_session(second)
    worker.join(10)
    assert [claim.session_id for claim in found] == [S]


def test_claim_gives_up_when_its_time_is_over(store: Store) -> None:
    assert store.claim(0) is None


def test_many_workers_never_hold_one_op_together(store: Store) -> None:
    """8 threads, 6 sessions of 5 ops: every op is run once, in its session's order."""
    for number in range(6):
        store.create_session(SessionId(f"s{number}"), started(), said("0"))
        for text in ("1", "2", "3", "4"):
            store.submit(SessionId(f"s{number}"), said(text))
    ran: list[tuple[str, str]] = []

    def work() -> None:
        while claim := store.claim(0):
            ran.append((claim.session_id, claim.op.text))
            store.finish(claim, ended())

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    while claim := store.claim(0):  # A worker may have looked while the rest was leased.
        ran.append((claim.session_id, claim.op.text))
        store.finish(claim, ended())
    assert len(ran) == 30
    for number in range(6):
        mine = [text for session_id, text in ran if session_id == f"s{number}"]
        assert mine == ["0", "1", "2", "3", "4"]
