"""Which sessions wait until a model may be asked again, and are woken once their time has come."""

from datetime import timedelta

from ml_intern.clock import stamp
from ml_intern.daemon.waking import Waking
from ml_intern.events import TurnStarted
from ml_intern.messages import SessionId
from ml_intern.queue.owner import Owner
from ml_intern.queue.rows import ModelsDue
from ml_intern.queue.store import Store
from tests.contract.conftest import OpenStore
from tests.queue.given import HandClock, S, T, claimed, ended, new_session, said, turn

THERE = Owner(boot_id="test", pid=2, start_time=1)


def waits(store: Store, session_id: SessionId, *on: str) -> None:
    """Its turn has ended in this wait, at the third of its events."""
    new_session(store, session_id)
    store.finish(claimed(store), turn(), ended("waiting", *on))


def until(clock: HandClock, seconds: float) -> str:
    return f"model:{stamp(clock.now() + timedelta(seconds=seconds))}"


def ready(store: Store) -> list[str]:
    return sorted(row.session_id for row in store.sessions(9) if row.state == "ready")


def test_only_those_are_due_whose_time_has_come(store: Store, clock: HandClock) -> None:
    first, second = until(clock, 60), until(clock, 90)
    waits(store, S, first)
    waits(store, T, "approval:a1", second, "answer:model:")
    waits(store, SessionId("cccc-3"), "job:j1")
    clock.passed_s += 59.9
    assert store.models_due() == []
    clock.passed_s += 0.1
    assert store.models_due() == [ModelsDue(session_id=S, on=first, turn_seq=3)]
    clock.passed_s += 30
    assert [(due.session_id, due.on) for due in store.models_due()] == [(S, first), (T, second)]


def test_two_daemons_wake_a_session_once_for_each_wait(
    store: Store, open_store: OpenStore, clock: HandClock
) -> None:
    other = open_store(THERE)
    on = until(clock, 60)
    waits(store, S, on)
    clock.passed_s += 60
    (due,) = other.models_due()  # the other daemon has looked before this one acts
    for each in (store, other, store):
        Waking(each)()
    assert ready(store) == [S]
    claim = claimed(store)
    assert claim.op.on == on
    # Another wait for the same moment, e.g. by the clock of another machine.
    store.finish(claim, TurnStarted(op_seq=claim.op_seq, attempt=1), ended("waiting", on))
    assert store.models_due() == [ModelsDue(session_id=S, on=on, turn_seq=due.turn_seq + 2)]
    Waking(other)()
    assert ready(store) == [S]


def test_who_was_woken_by_a_person_is_woken_by_nobody_else(store: Store, clock: HandClock) -> None:
    waits(store, S, until(clock, 60))
    clock.passed_s += 60
    store.submit(S, said("go on"))
    assert store.models_due() == []
    store.finish(claimed(store), turn(2), ended("finished"))
    Waking(store)()
    assert ready(store) == []
