"""Leases: fenced, ended by time or by proof of death, given back without being counted."""

import dataclasses
import os
from pathlib import Path

import pytest

from ml_intern.errors import LeaseLost
from ml_intern.events import AnsweredBy
from ml_intern.queue import leases
from ml_intern.queue.owner import Owner, read_owner
from ml_intern.queue.store import Claim, Store
from tests.queue.given import (
    HandClock,
    S,
    T,
    answered,
    began,
    claimed,
    ended,
    kinds,
    new_session,
    replied,
    said,
    turn,
)

NO_PROCESS = 2**22 - 1
"""The highest number that a process may have, which the kernel gives out last."""


def refuse_every_write(store: Store, claim: Claim) -> None:
    """What a worker that has lost its lease may not do any more."""
    before = store.events(S)
    for write in (
        lambda: store.append(claim.lease, turn()),
        lambda: store.append(claim.lease),
        lambda: store.renew(claim.lease),
        lambda: store.finish(claim, ended()),
        lambda: store.release(claim),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert store.events(S) == before


def test_a_claim_of_one_session_leaves_those_that_are_before_it(store: Store) -> None:
    new_session(store, T)
    new_session(store, S)

    claim = store.claim(0, only=S)

    assert claim is not None
    assert claim.session_id == S
    assert store.claim(0, only=S) is None
    assert claimed(store).session_id == T


def test_a_finished_lease_writes_no_more(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    store.finish(claim, ended())
    refuse_every_write(store, claim)


def test_a_lease_is_fenced_when_another_has_the_session(store: Store, clock: HandClock) -> None:
    new_session(store)
    lost = claimed(store)
    clock.passed_s += leases.LEASE_S
    current = claimed(store)
    assert current.lease.token > lost.lease.token
    refuse_every_write(store, lost)
    assert store.append(current.lease, turn()) == [2]


def test_a_made_up_token_is_refused(store: Store) -> None:
    new_session(store)
    claim = claimed(store)
    refuse_every_write(
        store, dataclasses.replace(claim, lease=dataclasses.replace(claim.lease, token=99))
    )


def test_a_renewed_lease_outlives_its_first_end(store: Store, clock: HandClock) -> None:
    new_session(store)
    claim = claimed(store)
    for _ in range(3):
        clock.passed_s += leases.LEASE_S - 1
        store.renew(claim.lease)
    assert store.claim(0) is None
    assert store.append(claim.lease, turn()) == [2]


def test_a_lease_that_nobody_took_over_may_still_be_used(store: Store, clock: HandClock) -> None:
    new_session(store)
    claim = claimed(store)
    clock.passed_s += leases.LEASE_S * 2
    store.append(claim.lease, turn())
    store.renew(claim.lease)
    assert store.claim(0) is None


def test_a_process_does_not_take_from_its_own_workers(store: Store, clock: HandClock) -> None:
    new_session(store)
    claim = claimed(store)
    clock.passed_s += leases.LEASE_S * 2
    assert store.claim(0, ours=lambda: [claim.session_id]) is None
    store.append(claim.lease, turn())
    new_session(store, "other-1")
    found = store.claim(0, ours=lambda: [claim.session_id])
    assert found is not None
    assert found.session_id == "other-1"
    assert claimed(store).session_id == claim.session_id


def test_an_op_of_a_lost_worker_comes_before_later_ones(store: Store, clock: HandClock) -> None:
    new_session(store, text="first")
    store.submit(S, said("second"))
    claimed(store)
    clock.passed_s += leases.LEASE_S
    again = claimed(store)
    assert (again.op, again.attempt) == (said("first"), 2)


def test_a_lease_from_before_the_clock_began_anew_is_over(store: Store, clock: HandClock) -> None:
    new_session(store)
    claimed(store)
    clock.passed_s -= 900
    assert claimed(store).attempt == 2


def test_an_op_that_lost_three_workers_is_given_up_and_the_next_one_runs(
    store: Store, clock: HandClock
) -> None:
    new_session(store, text="poison")
    store.submit(S, said("fine"))
    for attempt in (1, 2, 3):
        assert claimed(store).attempt == attempt
        clock.passed_s += leases.LEASE_S
    claim = claimed(store)
    assert (claim.op, claim.attempt) == (said("fine"), 1)
    last = store.events(S)[-1].event
    assert (last.kind, last.outcome) == ("turn_finished", "failed")
    assert "lost 3 times" in last.detail


def test_an_op_that_gets_further_each_time_is_never_given_up(
    store: Store, clock: HandClock
) -> None:
    new_session(store)
    store.append(claimed(store).lease, replied(*"abcde"))
    for call in "abcde":
        clock.passed_s += leases.LEASE_S
        claim = claimed(store)
        assert claim.attempt == 2
        store.append(claim.lease, began(call), answered(call))
    store.release(claim)
    assert claimed(store).attempt == 1


@pytest.mark.parametrize("answered_by", ["recovery", "router", "policy"])
def test_an_answer_that_no_tool_gave_is_no_step_further(
    store: Store, clock: HandClock, answered_by: AnsweredBy
) -> None:
    new_session(store)
    claim = claimed(store)
    answer = dataclasses.replace(answered("a"), answered_by=answered_by)
    store.append(claim.lease, replied("a"), answer)
    clock.passed_s += leases.LEASE_S
    assert claimed(store).attempt == 2
    clock.passed_s += leases.LEASE_S
    assert claimed(store).attempt == 3


def test_a_session_whose_only_op_is_given_up_rests(store: Store, clock: HandClock) -> None:
    new_session(store)
    for _ in range(3):
        claimed(store)
        clock.passed_s += leases.LEASE_S
    assert store.claim(0) is None
    row = store.session(S)
    assert (row.state, row.outcome) == ("idle", "failed")
    assert kinds(store) == ["session_started", "turn_finished"]


def test_a_released_op_comes_again_uncounted(store: Store) -> None:
    new_session(store)
    for _ in range(5):
        claim = claimed(store)
        assert claim.attempt == 1
        store.append(claim.lease, replied())
        store.release(claim)
    assert store.session(S).state == "ready"


def test_a_released_session_goes_behind_the_others(store: Store) -> None:
    new_session(store, S)
    new_session(store, T)
    store.release(claimed(store))
    assert claimed(store).session_id == T


def test_recover_frees_what_a_dead_process_held(open_store) -> None:
    alive = read_owner()
    dead = dataclasses.replace(alive, start_time=alive.start_time - 1)
    crashed, here = open_store(dead), open_store(alive)
    new_session(crashed)
    lost = claimed(crashed)

    assert here.recover() == 1

    again = claimed(here)
    assert (again.op_seq, again.attempt) == (1, 2)
    refuse_every_write(crashed, lost)


def test_recover_leaves_the_living_their_sessions(open_store) -> None:
    here = read_owner()
    alive = Owner(boot_id=here.boot_id, pid=os.getppid(), start_time=start_time(os.getppid()))
    dead = dataclasses.replace(alive, pid=NO_PROCESS)
    crashed, beside = open_store(dead), open_store(alive)
    new_session(crashed, T)
    claimed(crashed)
    new_session(beside)
    claim = claimed(beside)
    assert open_store(here).recover() == 1
    assert beside.append(claim.lease, turn()) == [2]


def start_time(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_claim_itself_sees_that_another_process_has_died(open_store) -> None:
    here = read_owner()
    crashed = open_store(dataclasses.replace(here, start_time=here.start_time - 1))
    new_session(crashed)
    claimed(crashed)
    assert claimed(open_store(here)).attempt == 2


@pytest.mark.parametrize("other", ["alive", "of another boot"])
def test_recover_leaves_alone_whose_death_is_not_proved(open_store, other: str) -> None:
    here = read_owner()
    owner = here if other == "alive" else Owner(boot_id="elsewhere", pid=1, start_time=1)
    held = open_store(owner)
    new_session(held)
    claim = claimed(held)
    assert open_store(here).recover() == 0
    assert held.append(claim.lease, turn()) == [2]
