"""Fifty sessions, a few workers that die in between, one shared cap: it is never passed."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from ml_intern.errors import OverBudget
from ml_intern.events import BudgetReached, ModelAsked, Spend
from ml_intern.messages import SessionId
from ml_intern.queue import budgets
from ml_intern.queue.invariants import Checker
from ml_intern.queue.store import Claim, Store
from tests.contract.conftest import OpenDatabase, OpenStore
from tests.queue.given import S, began, ended, new_session, replied, turn

SESSIONS = 50
STEPS = 5
WORKERS = 6
DAY = "day:2026-01-31"
SHARED, OWN = 20_000, 2_000


class Ledger:
    """What providers really charged, whoever lived to record it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # protects charged
        self.charged: Counter[str] = Counter()

    def charge(self, spend: Spend, micro_usd: int) -> None:
        with self._lock:
            for cap in spend.caps:
                self.charged[cap] += micro_usd


class Worker:
    """Takes sessions up, spends, and sometimes dies in the middle."""

    def __init__(self, store: Store, ledger: Ledger, seed: int) -> None:
        self._store = store
        self._ledger = ledger
        self._dice = random.Random(seed)
        self._spends = 0
        self._seed = seed

    def run(self) -> None:
        while (claim := self._store.claim(0)) is not None:
            self._turn(claim)

    def _turn(self, claim: Claim) -> None:
        self._store.append(claim.lease, turn(claim.op_seq, claim.attempt))
        for step in range(STEPS):
            try:
                lived = self._ask(claim) if step % 2 else self._call(claim)
            except OverBudget as over:
                reached = BudgetReached(
                    cap=over.cap, used=over.used, limit=over.limit, needed=over.needed
                )
                self._store.finish(claim, reached, ended("waiting", f"budget:{over.cap}"))
                return
            if not lived:
                self._store.release(claim)  # as whoever takes over from a dead worker finds it
                return
        self._store.finish(claim, ended())

    def _spend(self, claim: Claim, kind: str) -> Spend:
        self._spends += 1
        worst = self._dice.randint(1, 900)
        caps = {DAY: SHARED, "daemon": None, f"session:{claim.session_id}": OWN}
        name = f"{kind}{self._seed}-{self._spends}"
        return Spend(spend_id=name, micro_usd=worst, caps=caps)

    def _ask(self, claim: Claim) -> bool:
        spend = self._spend(claim, "model:")
        self._store.append(claim.lease, ModelAsked(model="m", iteration=1, spend=spend))
        cost = self._charged(spend)
        if self._dice.random() < 0.1:
            return False
        known = None if self._dice.random() < 0.1 else cost
        self._store.append(claim.lease, replace(replied(), cost_micro_usd=known))
        return True

    def _call(self, claim: Claim) -> bool:
        """A paid call whose worker may die before its answer: its reservation stays."""
        spend = self._spend(claim, "call-")
        self._store.append(
            claim.lease,
            replied(spend.spend_id),
            replace(began(spend.spend_id), spend=spend),
        )
        self._charged(spend)
        return self._dice.random() >= 0.1

    def _charged(self, spend: Spend) -> int:
        cost = self._dice.randint(0, spend.micro_usd)
        self._ledger.charge(spend, cost)
        return cost


@pytest.mark.parametrize("seed", [1, 2])
def test_sessions_never_pass_a_shared_cap(
    open_store: OpenStore, open_database: OpenDatabase, seed: int
) -> None:
    ledger, over, done = Ledger(), list[str](), threading.Event()
    stores = [open_store() for _ in range(2)]
    for number in range(SESSIONS):
        new_session(stores[0], SessionId(f"s-{number:02}"))

    def watch() -> None:
        while not done.wait(0.02):
            row = stores[0].budgets(DAY)[DAY]
            if row.used > SHARED:
                over.append(f"{row.used} are used")

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(WORKERS) as pool:
        running = [
            pool.submit(Worker(stores[number % 2], ledger, 100 * seed + number).run)
            for number in range(WORKERS)
        ]
    done.set()
    watcher.join()

    assert [worker.exception() for worker in running] == [None] * WORKERS
    assert over == []
    row = stores[0].budgets(DAY)[DAY]
    assert ledger.charged[DAY] <= row.used <= SHARED
    assert row.used > SHARED - 900, "the cap was not tried"
    for number in range(SESSIONS):
        key = f"session:s-{number:02}"
        assert ledger.charged[key] <= stores[0].budgets(key)[key].used <= OWN
    found = open_database().write(lambda c: [one.words for one in Checker(c).findings()])
    assert [words for words in found if "arguments_sha256" not in words] == []


def test_two_transactions_at_once_do_not_take_the_same_room(
    open_store: OpenStore, open_database: OpenDatabase
) -> None:
    """The second one begins while the first has taken the room and not committed it."""
    new_session(open_store(), S)
    database, other = open_database(), open_database()
    has_taken, may_end = threading.Event(), threading.Event()

    def first(connection: Connection) -> None:
        budgets.reserve(connection, S, room("model:1"))
        has_taken.set()
        may_end.wait(0.3)

    def second(connection: Connection) -> None:
        budgets.reserve(connection, S, room("model:2"))

    with ThreadPoolExecutor(2) as pool:
        taking = pool.submit(database.write, first)
        assert has_taken.wait(5)
        also = pool.submit(other.write, second)
        taking.result()
        with pytest.raises(OverBudget):
            also.result()


def room(name: str) -> Spend:
    return Spend(spend_id=name, micro_usd=600, caps={DAY: 1000})
