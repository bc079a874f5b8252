"""The store against a model of plain dicts, over random histories of several sessions."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import URL

from ml_intern.errors import LeaseLost, Overtaken, StateConflict
from ml_intern.messages import SessionId
from ml_intern.queue import leases
from ml_intern.queue.database import Database
from ml_intern.queue.sqlite import SqliteDatabase
from ml_intern.queue.store import Claim, Store
from tests.contract.conftest import PostgresByHand
from tests.queue.given import (
    HERE,
    HandClock,
    answered,
    began,
    ended,
    lost,
    replied,
    resolved,
    resume,
    said,
    started,
    stop,
    turn,
)

SESSIONS = [SessionId("s1"), SessionId("s2"), SessionId("s3")]
known = st.sampled_from(SESSIONS)


@dataclass
class Op:
    kind: str
    state: str = "queued"
    attempts: int = 0


@dataclass
class Session:
    state: str = "idle"
    ready_since: int = 0
    outcome: str | None = None
    leased_until: float = 0.0
    interrupt_upto: int = 0
    ops: list[Op] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    calls: dict[str, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


class StoreMachine(RuleBasedStateMachine):
    """Each rule does one thing to both and compares the answers."""

    def __init__(self, open_database: Callable[[HandClock], Callable[[], Database]]) -> None:
        """`open_database`: of a new database, one that opens it, as often as it is called."""
        super().__init__()
        self.clock = HandClock()
        self.open_it = open_database(self.clock)

    @initialize()
    def open(self) -> None:
        self.store = Store(self.open_it(), self.clock, HERE)
        self.model: dict[SessionId, Session] = {}
        self.held: dict[SessionId, Claim] = {}
        self.lost: list[Claim] = []
        self.turns = 0

    def teardown(self) -> None:
        self.store.close()

    def next_turn(self) -> int:
        self.turns += 1
        return self.turns

    def put(self, one: Session, kind: str) -> int:
        one.ops.append(Op(kind))
        if one.state in ("idle", "waiting"):
            one.state, one.ready_since = "ready", self.next_turn()
        return len(one.ops)

    def leave(self, one: Session) -> None:
        if any(op.state == "queued" for op in one.ops):
            one.state = "ready"
        else:
            one.state = "waiting" if one.outcome == "waiting" else "idle"
        one.ready_since = self.next_turn()

    @rule(session_id=known)
    def create(self, session_id: SessionId) -> None:
        if session_id in self.model:
            with pytest.raises(StateConflict):
                self.store.create_session(session_id, started(), said())
            return
        self.model[session_id] = one = Session(events=["session_started"])
        assert self.store.create_session(session_id, started(), said()) == self.put(
            one, "user_input"
        )

    @precondition(lambda self: self.model)
    @rule(data=st.data(), key=st.sampled_from([None, "k1", "k2"]), words=st.booleans())
    def submit(self, data: st.DataObject, key: str | None, words: bool) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.model)))
        one = self.model[session_id]
        order = said() if words else resume()
        expected = None
        if key not in one.keys:
            expected = self.put(one, order.kind)
            one.keys |= {key} - {None}
        assert self.store.submit(session_id, order, dedupe=key) == expected

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def interrupt(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.model)))
        one = self.model[session_id]
        one.events.append("interrupt_requested")
        for op in one.ops:
            if op.state == "queued" and op.kind in ("user_input", "resume"):
                op.state = "cancelled"
                one.events.append("op_cancelled")
        one.interrupt_upto = self.put(one, "interrupt")
        assert self.store.submit(session_id, stop()) == one.interrupt_upto

    @rule()
    def claim(self) -> None:
        claim = self.store.claim(0)
        expected = self.expected_claim()
        assert (claim and (claim.session_id, claim.op_seq, claim.attempt)) == expected
        if claim is not None:
            if claim.session_id in self.held:
                self.lost.append(self.held[claim.session_id])
            self.held[claim.session_id] = claim

    def expected_claim(self) -> tuple[SessionId, int, int] | None:
        now = self.clock.monotonic()
        while free := [
            (one.ready_since, session_id)
            for session_id, one in self.model.items()
            if one.state == "ready" or (one.state == "leased" and one.leased_until <= now)
        ]:
            session_id = min(free)[1]
            one = self.model[session_id]
            for seq, op in enumerate(one.ops, start=1):
                if op.state not in ("queued", "running"):
                    continue
                if op.attempts < leases.MOST_ATTEMPTS:
                    op.state, op.attempts = "running", op.attempts + 1
                    one.state, one.leased_until = "leased", now + leases.LEASE_S
                    return session_id, seq, op.attempts
                op.state = "dead"
                one.outcome = "failed"
                one.events.append("turn_finished")
            self.leave(one)
            if session_id in self.held:
                self.lost.append(self.held.pop(session_id))
        return None

    @precondition(lambda self: self.held)
    @rule(data=st.data(), call=st.sampled_from(["c1", "c2"]), step=st.sampled_from("pslrf"))
    def append(self, data: st.DataObject, call: str, step: str) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.held)))
        one, claim = self.model[session_id], self.held[session_id]
        event, leaves, to = {
            "p": (replied(call), {None}, "planned"),
            "s": (began(call), {"planned", "approved"}, "started"),
            "l": (lost(call), {"started"}, "unknown"),
            "r": (resolved("retry", call), {"unknown"}, "approved"),
            "f": (answered(call), {"planned", "started", "unknown", "approved"}, "answered"),
        }[step]
        if one.calls.get(call) in leaves:
            one.calls[call] = to
            one.events.append(event.kind)
            if to == "answered":
                one.ops[claim.op_seq - 1].attempts = 1
            assert self.store.append(claim.lease, event) == [len(one.events)]
        else:
            with pytest.raises(StateConflict):
                self.store.append(claim.lease, event)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), behind=st.sampled_from([0, 1, -1]))
    def append_after(self, data: st.DataObject, behind: int) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.held)))
        one, claim = self.model[session_id], self.held[session_id]
        known = len(one.events) - behind
        if behind:
            with pytest.raises(Overtaken):
                self.store.append(claim.lease, turn(), after_seq=known)
        else:
            one.outcome = None
            one.events.append("turn_started")
            assert self.store.append(claim.lease, turn(), after_seq=known) == [len(one.events)]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), outcome=st.sampled_from(["finished", "waiting", None]))
    def finish(self, data: st.DataObject, outcome: str | None) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.held)))
        one, claim = self.model[session_id], self.held.pop(session_id)
        one.ops[claim.op_seq - 1].state = "done"
        if outcome is None:
            self.store.finish(claim)
        else:
            one.outcome = outcome
            one.events.append("turn_finished")
            self.store.finish(claim, ended(outcome))
        self.leave(one)
        self.lost.append(claim)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.held)))
        one, claim = self.model[session_id], self.held.pop(session_id)
        op = one.ops[claim.op_seq - 1]
        op.state, op.attempts = "queued", op.attempts - 1
        self.store.release(claim)
        self.leave(one)
        self.lost.append(claim)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.held)))
        self.store.renew(self.held[session_id].lease)
        self.model[session_id].leased_until = self.clock.monotonic() + leases.LEASE_S

    @rule(seconds=st.sampled_from([1.0, leases.LEASE_S]))
    def time_passes(self, seconds: float) -> None:
        self.clock.passed_s += seconds

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def a_lost_worker_writes(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.lost))
        with pytest.raises(LeaseLost):
            self.store.append(claim.lease, replied("c9"))
        with pytest.raises(LeaseLost):
            self.store.finish(claim)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.open_it(), self.clock, HERE)

    @invariant()
    def both_tell_the_same(self) -> None:
        if not hasattr(self, "store"):
            return
        for session_id, one in self.model.items():
            row = self.store.session(session_id)
            assert (row.state, row.outcome) == (one.state, one.outcome)
            recorded = self.store.events(session_id)
            assert [each.seq for each in recorded] == list(range(1, len(recorded) + 1))
            assert [each.event.kind for each in recorded] == one.events
        for session_id, claim in self.held.items():
            expected = self.model[session_id].interrupt_upto > claim.op_seq
            assert self.store.interrupted(claim) == expected


IS_THOROUGH = settings.get_current_profile_name() == "chaos"


class Histories:
    """An empty database for each history; the file of the last one goes."""

    def __init__(self, folder: Path, emptied: Callable[[], URL] | None) -> None:
        """`emptied`: gives a database on a server; None: each has a file of its own."""
        self._folder = folder
        self._emptied = emptied
        self._forget: Callable[[], object] = bool

    def begin(self, clock: HandClock) -> Callable[[], Database]:
        """What opens the new one, as often as it is called."""
        if self._emptied is not None:
            return partial(PostgresByHand, self._emptied(), clock)
        self._forget()
        folder = self._folder / uuid4().hex
        self._forget = partial(shutil.rmtree, folder)
        return partial(SqliteDatabase, folder / "ml-intern.db", clock)


# A hundred random histories take minutes on a busy machine, five thousand hours.
@pytest.mark.timeout(12 * 3600 if IS_THOROUGH else 900)
def test_random_histories(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    is_server = database_kind == "postgresql"
    emptied = request.getfixturevalue("empty_database") if is_server else None
    number = {"max_examples": 30 if is_server else 100, "stateful_step_count": 40}
    run_state_machine_as_test(
        partial(StoreMachine, Histories(tmp_path, emptied).begin),
        settings=settings(
            **({} if IS_THOROUGH else number),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
