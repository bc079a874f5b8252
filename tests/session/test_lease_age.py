"""Just before an effect the owner looks how old the last proof of its lease is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import LeaseLost
from ml_intern.events import ToolFinished, ToolStarted, TurnFinished
from ml_intern.queue.leases import LEASE_S
from ml_intern.queue.store import Claim
from ml_intern.session.desk import Proof, Signals
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import succeed
from tests.queue.given import HandClock
from tests.support.desks import SESSION, Bench, calls, crash, die, words

TICK_S = 0.1


class Frozen:
    """A bench whose owner freezes right after it has recorded the start of a call."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
        self.clock = HandClock()
        self.bench = Bench(folder, [calls((tool, '{"number": 4}')), words("ok")], self.clock)
        self.renewed = 0
        self.meanwhile: Callable[[], object] = bool
        """Happens while the owner does not notice."""
        self._append, self._renew = self.bench.store.append, self.bench.store.renew
        monkeypatch.setattr(self.bench.store, "append", self.append)
        monkeypatch.setattr(self.bench.store, "renew", self.renew)
        self.bench.start()

    def append(self, lease: Any, *events: Any, **known: Any) -> list[int]:
        seqs = self._append(lease, *events, **known)
        if any(isinstance(event, ToolStarted) for event in events):
            meanwhile, self.meanwhile = self.meanwhile, bool
            meanwhile()
        return seqs

    def renew(self, lease: Any) -> None:
        self.renewed += 1
        self._renew(lease)

    def claim(self) -> Claim:
        claim = self.bench.store.claim(0)
        assert claim is not None
        return claim

    def handle(self, claim: Claim | None = None) -> Signals:
        """As a worker does that has just claimed."""
        signals = Signals(proof=Proof(self.clock.boottime()))
        handle(claim or self.claim(), self.bench.desk, signals)
        return signals


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Frozen]]:
    made = []

    def make(tool: str = "effect") -> Frozen:
        made.append(Frozen(tmp_path, monkeypatch, tool))
        return made[-1]

    yield make
    for each in made:
        each.bench.store.close()


def passes(frozen: Frozen, seconds: float) -> Callable[[], None]:
    def pass_time() -> None:
        frozen.clock.passed_s += seconds

    return pass_time


def test_a_fresh_proof_asks_the_store_nothing(frozen):
    one = frozen()
    one.meanwhile = passes(one, LEASE_S / 2)
    one.handle()
    assert one.bench.effect.ran == [4]
    assert one.renewed == 0


def test_an_old_proof_is_renewed_before_the_effect(frozen):
    one = frozen()
    one.meanwhile = passes(one, LEASE_S / 2 + TICK_S)
    one.bench.effect.answer = lambda args, ctx: succeed({"renewed": one.renewed})
    signals = one.handle()
    assert one.bench.last(ToolFinished).output == '{"renewed": 1}'
    assert signals.proof.age_s(one.clock.boottime()) == 0.0


def test_time_that_the_machine_slept_counts(frozen):
    one = frozen()

    def sleep() -> None:
        one.clock.slept_s += 8 * 3600.0

    one.meanwhile = sleep
    one.handle()
    assert one.renewed == 1
    assert one.bench.effect.ran == [4]


def test_a_frozen_owner_that_was_replaced_runs_no_effect(frozen):
    one = frozen()
    taken = []

    def freeze() -> None:
        one.clock.passed_s += LEASE_S
        taken.append(one.claim())

    one.meanwhile = freeze
    with pytest.raises(LeaseLost):
        one.handle()
    assert one.bench.effect.ran == []
    one.handle(taken[0])
    assert one.bench.effect.ran == []
    assert "unknown" in one.bench.last(ToolFinished).output
    assert one.bench.last(TurnFinished).outcome == "finished"


def test_a_frozen_owner_that_was_replaced_recovers_nothing(frozen, monkeypatch):
    """What can be looked up may be done again, so looking is an effect, too."""
    one = frozen()
    asked = []
    monkeypatch.setattr(one.bench.desk.router, "run", die)
    crash(one.bench)
    monkeypatch.setattr(
        one.bench.desk.router, "recover", lambda *given: asked.append(given) or succeed("found")
    )
    claim = one.claim()
    one.clock.passed_s += LEASE_S
    other = one.claim()
    with pytest.raises(LeaseLost):
        handle(claim, one.bench.desk, Signals(proof=Proof(one.clock.boottime() - LEASE_S)))
    assert asked == []
    one.handle(other)
    assert len(asked) == 1


def test_a_read_needs_no_proof(frozen):
    one = frozen("look")
    one.meanwhile = passes(one, LEASE_S - TICK_S)
    one.handle()
    assert one.bench.look.ran == [4]
    assert one.renewed == 0


def test_a_turn_without_any_proof_asks_for_one(frozen):
    one = frozen()
    handle(one.claim(), one.bench.desk, Signals())
    assert one.renewed == 1
    assert one.bench.store.session(SESSION).state == "idle"
