"""Every edge that an event moves, and every refusal of one that does not fit."""

import pytest

from ml_intern.errors import InputError, StateConflict
from ml_intern.events import Event, TurnFinished
from ml_intern.queue.store import Claim, Store
from tests.queue.given import (
    S,
    T,
    answered,
    asked,
    began,
    claimed,
    decided,
    ended,
    job_ended,
    job_started,
    kinds,
    lost,
    new_session,
    progressed,
    replied,
    resolved,
    turn,
    waits,
)

CALLS: dict[str, list[Event]] = {
    "unknown": [],
    "planned": [replied("c1")],
    "awaiting approval": [replied("c1"), asked()],
    "approved": [replied("c1"), asked(), decided("approve")],
    "edited": [replied("c1"), asked(), decided("edit", sha256="sha-2")],
    "denied": [replied("c1"), asked(), decided("deny")],
    "started": [replied("c1"), began()],
    "read started": [replied("c1"), began(effect="read")],
    "waiting": [replied("c1"), began(), waits()],
    "lost": [replied("c1"), began(), lost()],
    "to be retried": [replied("c1"), began(), lost(), resolved("retry")],
    "said to be done": [replied("c1"), began(), lost(), resolved("done")],
    "succeeded": [replied("c1"), began(), answered()],
    "failed": [replied("c1"), answered(ok=False)],
}

UNANSWERED = [state for state in CALLS if state not in ("unknown", "succeeded", "failed")]

EDGES: dict[str, tuple[Event, list[str]]] = {
    "plan": (replied("c1"), ["unknown"]),
    "ask": (asked(approval="a2"), ["planned", "approved", "edited", "to be retried"]),
    "approve": (decided("approve"), ["awaiting approval"]),
    "deny": (decided("deny"), ["awaiting approval"]),
    "edit": (decided("edit", sha256="sha-2"), ["awaiting approval"]),
    "start": (began(), ["planned", "approved", "waiting", "to be retried"]),
    "start the edited": (began(sha256="sha-2"), ["planned", "edited"]),
    "start a read": (
        began(effect="read"),
        ["planned", "approved", "read started", "waiting", "to be retried"],
    ),
    "lose": (lost(), ["started", "read started"]),
    "retry": (resolved("retry"), ["lost", "said to be done"]),
    "skip": (resolved("skip"), ["lost", "said to be done"]),
    "wait": (waits(), ["started", "read started"]),
    "answer": (answered(), UNANSWERED),
    "answer with a failure": (answered(ok=False), UNANSWERED),
}


@pytest.fixture
def claim(store: Store) -> Claim:
    new_session(store)
    return claimed(store)


@pytest.mark.parametrize("state", CALLS)
@pytest.mark.parametrize("edge", EDGES)
def test_a_call_moves_only_along_its_edges(
    store: Store, claim: Claim, state: str, edge: str
) -> None:
    event, leaves = EDGES[edge]
    store.append(claim.lease, *CALLS[state])
    before = store.events(S)
    if state in leaves:
        store.append(claim.lease, event)
        assert store.events(S)[-1].event == event
    else:
        with pytest.raises(StateConflict):
            store.append(claim.lease, event)
        assert store.events(S) == before


def test_a_conflict_undoes_the_events_before_it(store: Store, claim: Claim) -> None:
    with pytest.raises(StateConflict, match="c1"):
        store.append(claim.lease, replied("c1"), began(), answered(), answered())
    assert kinds(store) == ["session_started"]
    assert store.append(claim.lease, replied("c1")) == [2]


def test_two_calls_of_one_id_are_refused(store: Store, claim: Claim) -> None:
    with pytest.raises(StateConflict):
        store.append(claim.lease, replied("c1", "c1"))
    assert kinds(store) == ["session_started"]


def test_calls_of_different_sessions_may_share_an_id(store: Store, claim: Claim) -> None:
    new_session(store, T)
    other = claimed(store)
    store.append(claim.lease, replied("c1"), began())
    store.append(other.lease, replied("c1"), began(), answered())
    store.append(claim.lease, answered())


def test_a_job_runs_until_it_has_ended_once(store: Store, claim: Claim) -> None:
    store.append(claim.lease, job_started())
    (job,) = store.running_jobs()
    assert (job.job_id, job.session_id, job.compute, job.handle, job.label, job.status) == (
        "j1",
        S,
        "local",
        {"pid": 7},
        "train.py",
        "running",
    )
    store.note(S, job_ended(status="lost"))
    assert store.running_jobs() == []
    for late in (job_ended(), progressed(), job_ended("j2")):
        with pytest.raises(StateConflict, match=late.job_id):
            store.note(S, late)
    with pytest.raises(StateConflict):
        store.append(claim.lease, job_started())


def test_the_last_turn_stands_on_the_session(store: Store, claim: Claim) -> None:
    store.finish(claim, turn(), ended("waiting", "job:j1", "answer:c1"))
    row = store.session(S)
    assert (row.outcome, row.detail, row.waiting_on) == (
        "waiting",
        "it waiting",
        ("job:j1", "answer:c1"),
    )


def test_a_finish_that_conflicts_keeps_the_lease(store: Store, claim: Claim) -> None:
    with pytest.raises(StateConflict):
        store.finish(claim, answered("unknown"))
    assert store.session(S).state == "leased"
    store.finish(claim, ended())


def test_half_surrogates_in_an_event_do_not_keep_it_out(store: Store, claim: Claim) -> None:
    halved = TurnFinished(outcome="failed", detail="bad \udcff byte")
    store.finish(claim, halved)
    assert store.session(S).detail == store.events(S)[-1].event.detail
    assert store.session(S).detail.startswith("bad ")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_an_event_that_could_not_be_read_again_is_refused(store: Store, claim: Claim) -> None:
    with pytest.raises(InputError, match="turn_started"):
        store.append(claim.lease, turn(op_seq="one"))
    assert kinds(store) == ["session_started"]
