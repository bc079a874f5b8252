"""Worker threads: sessions side by side, interrupts passed on, drained without loss."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from ml_intern.clock import SystemClock
from ml_intern.daemon.workers import Workers
from ml_intern.errors import StoreUnavailable
from ml_intern.events import ToolFinished, TurnFinished
from ml_intern.messages import SessionId
from ml_intern.ops import Interrupt, UserInput
from ml_intern.queue.leases import LEASE_S
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import succeed
from tests.support.desks import SESSION, Bench, calls, words
from tests.support.waiting import wait_until

OTHER = SessionId("22222222-2222-4222-8222-222222222222")


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, [calls(("effect", "{}")), words("one"), words("two")])
    yield bench
    bench.store.close()


def test_an_interrupt_reaches_a_running_tool(bench):
    started = threading.Event()

    def hang(args, ctx):
        started.set()
        assert ctx.cancelled.wait(20)
        return succeed("stopped")

    bench.effect.answer = hang
    bench.start()
    workers = Workers(bench.desk, 1)
    workers.start()
    assert started.wait(10)
    bench.submit(Interrupt(asked_by="ada"))
    wait_until(lambda: bench.last(TurnFinished) is not None)
    assert workers.drain(10)
    assert bench.last(TurnFinished).outcome == "interrupted"


def test_a_session_that_is_busy_does_not_hold_up_another(bench):
    inside, release = threading.Event(), threading.Event()

    def slow(args, ctx):
        inside.set()
        assert release.wait(20)
        return succeed("late")

    bench.effect.answer = slow
    bench.start()
    workers = Workers(bench.desk, 2)
    workers.start()
    assert inside.wait(10)
    bench.store.create_session(
        OTHER,
        replace(bench.events()[0], title="other"),
        UserInput(text="quick", author="ada"),
    )
    wait_until(lambda: bench.store.session(OTHER).outcome == "finished")
    assert bench.store.session(SESSION).outcome is None
    release.set()
    wait_until(lambda: bench.store.session(SESSION).outcome == "finished")
    assert workers.drain(10)


def test_draining_gives_the_session_back_after_the_step(bench):
    inside, release = threading.Event(), threading.Event()

    def slow(args, ctx):
        inside.set()
        assert release.wait(20)
        return succeed("done")

    bench.effect.answer = slow
    bench.start()
    workers = Workers(bench.desk, 1)
    workers.start()
    assert inside.wait(10)
    draining = threading.Thread(target=workers.drain, args=(10,))
    draining.start()
    release.set()
    draining.join(10)
    assert bench.last(ToolFinished).ok
    assert bench.last(TurnFinished) is None
    assert bench.drive().outcome == "finished"
    assert bench.effect.ran == [0]


@pytest.mark.parametrize("effect", ["read", "write"])
def test_a_step_that_outlasts_the_drain_is_cut_and_the_session_is_given_back(bench, effect):
    """A read is done again by the next owner; what became of anything else is recorded."""
    inside = threading.Event()

    def until_cut(args, ctx):
        inside.set()
        assert ctx.cancelled.wait(20)
        return succeed("cut")

    tool = {"read": bench.look, "write": bench.effect}[effect]
    tool.answer = until_cut
    bench.model.replies[0] = calls((tool.name, "{}"))
    bench.start()
    workers = Workers(bench.desk, 1)
    workers.start()
    assert inside.wait(10)
    assert workers.drain(0.1)
    assert bench.last(TurnFinished) is None
    assert len(bench.all(ToolFinished)) == (effect == "write")
    tool.answer = lambda args, ctx: succeed("again")
    assert bench.drive().outcome == "finished"
    assert bench.last(ToolFinished).output == ("again" if effect == "read" else "cut")


def test_a_store_that_refuses_is_told(bench):
    workers = Workers(bench.desk, 1)
    workers.start()
    assert workers.trouble == ""
    bench.store.close()
    wait_until(lambda: "closed" in workers.trouble)
    assert workers.drain(10)


class Away:
    """A store that once is not there when a call's result comes."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.refused: list[str] = []

    def append(self, lease: Any, *events: Any, **known: Any) -> Any:
        if not self.refused and any(isinstance(event, ToolFinished) for event in events):
            self.refused.append("result")
            raise StoreUnavailable("The server is gone.")
        return self._store.append(lease, *events, **known)

    def release(self, claim: Any) -> Any:
        if "release" not in self.refused:
            self.refused.append("release")
            raise StoreUnavailable("The server is still gone.")
        return self._store.release(claim)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_session_whose_store_was_away_goes_on_before_its_lease_is_over(bench):
    """And the attempt is not counted: its worker was never lost."""
    away = Away(bench.store)
    bench.desk = replace(bench.desk, store=away)
    bench.start()
    workers = Workers(bench.desk, 1)
    workers.start()
    wait_until(lambda: bench.last(TurnFinished) is not None, LEASE_S / 2)
    assert workers.drain(10)
    assert bench.last(TurnFinished).outcome == "finished"
    assert away.refused == ["result", "release"]
    assert bench.effect.ran == [0]


class Hasty(SystemClock):
    """Twenty seconds pass in one."""

    def monotonic(self) -> float:
        return 20 * super().monotonic()

    def boottime(self) -> float:
        return 20 * super().boottime()


def test_the_keeper_proves_the_lease_so_that_a_turn_need_not_ask(tmp_path, monkeypatch):
    bench = Bench(
        tmp_path, [calls(("effect", '{"number": 1}'), ("effect", '{"number": 2}')), words("ok")]
    )
    desk = replace(bench.desk, clock=Hasty(), limits=Limits(max_iterations=9, max_turn_s=6000))
    renewed_by = []
    renew = bench.store.renew

    def noted(lease):
        renewed_by.append(threading.current_thread().name)
        renew(lease)

    monkeypatch.setattr(bench.store, "renew", noted)

    def slow(args, ctx):
        wait_until(lambda: len(renewed_by) >= 3 * args.number)
        return succeed("done")

    bench.effect.answer = slow
    bench.start()
    workers = Workers(desk, 1)
    workers.start()
    wait_until(lambda: bench.last(TurnFinished) is not None)
    assert workers.drain(10)
    bench.store.close()
    assert bench.effect.ran == [1, 2]
    assert set(renewed_by) == {"lease-keeper"}
