"""Threads that run ops, and one that keeps their leases and passes interrupts on.

A worker claims one op at a time; different sessions run side by side. An exception in an op is that
op's failure, never the thread's end. A worker that a store has refused gives its session back as
soon as the store answers, so that nobody waits for a lease that nobody uses. `drain` stops intake,
asks running turns to give their sessions back at the next safe point, and waits.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ml_intern.errors import LeaseLost, QueueError, StoreUnavailable
from ml_intern.messages import SessionId
from ml_intern.queue.store import Claim, Store
from ml_intern.session.desk import Desk, Proof, Signals
from ml_intern.session.handlers import handle

log = logging.getLogger(__name__)

CLAIMS, KEEPER, WRITER = "claims", "lease-keeper", "writer"
"""The loops that must come round."""
CLAIM_WAIT_S = 0.5
INTERRUPT_POLL_S = 0.2
RENEW_S = 5.0
AFTER_ERROR_S = 1.0
CUT_S = 20.0
"""What steps that were cut short get: a little more than a tool's own grace."""


def ignore(_loop: str) -> None:
    """The `beat` of workers that nobody watches over."""


@dataclass(kw_only=True)
class Running:
    """One op in the hands of one worker."""

    claim: Claim
    signals: Signals


class Workers:
    """The worker threads of one process, and their keeper."""

    def __init__(
        self,
        desk: Desk,
        count: int,
        beat: Callable[[str], None] = ignore,
        only: SessionId | None = None,
    ) -> None:
        """`beat` is told each time that a loop has come round: `CLAIMS`, `KEEPER`, `WRITER`.

        `only`: work on no other session.
        """
        self._desk = desk
        self._beat = beat
        self._only = only
        self.trouble = ""
        """Why the store refuses, and what to do; empty when it does not."""
        self._leave = threading.Event()
        self._all_done = threading.Event()
        # One at a time: whoever claims knows all that the others have in hand.
        self._claiming = threading.Lock()
        self._lock = threading.Lock()  # protects _running
        self._running: dict[str, Running] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            for number in range(count)
        ]
        self._keeper = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Start all threads."""
        for thread in (*self._threads, self._keeper):
            thread.start()

    def drain(self, timeout_s: float, cut_s: float = CUT_S) -> bool:
        """Stop claiming, let running steps end, give sessions back; true when all threads ended.

        Steps that have not ended after `timeout_s` seconds, or when `hurry` is called, are cut
        short, and get `cut_s` seconds more to end.
        """
        self._leave.set()
        self._desk.store.end_waits("work")
        self._join(timeout_s)
        self.hurry()
        self._join(cut_s)
        self._all_done.set()
        self._keeper.join(RENEW_S)
        return not any(thread.is_alive() for thread in self._threads)

    def hurry(self) -> None:
        """End what runs now; what it was doing is recorded, or done again by the next owner."""
        for running in self._now_running():
            running.signals.cut.set()

    def _join(self, timeout_s: float) -> None:
        deadline = self._desk.clock.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._desk.clock.monotonic()))

    def _work(self) -> None:
        claim: Claim | None = None
        while not self._leave.is_set():
            try:
                if claim is not None:  # the store has refused in the middle of it
                    self._desk.store.release(claim)
                    claim = None
                if (running := self._claim()) is not None:
                    claim = running.claim
                    self._run(running)
                    claim = None
                    self.trouble = ""
            except LeaseLost as exc:
                claim = None
                log.warning("lease_lost", extra={"error": str(exc)})
            except QueueError as exc:
                if not isinstance(exc, StoreUnavailable):
                    claim = None
                log.exception("store_unavailable")
                self.trouble = str(exc)
                self._desk.clock.wait(self._leave, AFTER_ERROR_S)

    def _claim(self) -> Running | None:
        """Wait for work, a moment or until the process is to go, and take it in hand."""
        with self._claiming:
            if self._leave.is_set():
                return None
            asked_at = self._desk.clock.boottime()
            claim = self._desk.store.claim(CLAIM_WAIT_S, self._only, ours=self._in_hand)
            self._beat(CLAIMS)
            if claim is None:
                return None
            signals = Signals(leave=self._leave, proof=Proof(asked_at))
            running = Running(claim=claim, signals=signals)
            with self._lock:
                self._running[claim.session_id] = running
            return running

    def _run(self, running: Running) -> None:
        try:
            handle(running.claim, self._desk, running.signals)
        finally:
            with self._lock:
                self._running.pop(running.claim.session_id, None)

    def _keep(self) -> None:
        renewed = self._desk.clock.monotonic()
        while not self._desk.clock.wait(self._all_done, INTERRUPT_POLL_S):
            try:
                self._pass_interrupts_on(self._desk.store)
                if self._desk.clock.monotonic() - renewed >= RENEW_S:
                    renewed = self._desk.clock.monotonic()
                    self._renew(self._desk.store)
                    self._desk.store.probe()
                    self.trouble = ""
            except QueueError as exc:
                log.exception("leases_not_kept")
                self.trouble = str(exc)
            self._tell_of_loops()

    def _tell_of_loops(self) -> None:
        """A store that refuses is no loop that hangs; a worker in a long step does not claim."""
        self._beat(KEEPER)
        self._beat(WRITER)
        alive = sum(thread.is_alive() for thread in self._threads)
        if len(self._now_running()) == alive == len(self._threads):
            self._beat(CLAIMS)

    def _pass_interrupts_on(self, store: Store) -> None:
        for running in self._now_running():
            if not running.signals.stop.is_set() and store.interrupted(running.claim):
                running.signals.interrupt()

    def _renew(self, store: Store) -> None:
        for running in self._now_running():
            asked_at = self._desk.clock.boottime()
            try:
                store.renew(running.claim.lease)
            except LeaseLost:
                running.signals.interrupt()
            else:
                running.signals.proof.note(asked_at)

    def _in_hand(self) -> list[SessionId]:
        return [running.claim.session_id for running in self._now_running()]

    def _now_running(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())
