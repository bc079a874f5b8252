"""What each op does to its session, and the border at which a broken turn becomes an event.

`handle` is called by a worker that has claimed the op; it always ends the claim, or leaves it to
the next owner when this one has lost the session (LeaseLost) or the disk (StoreUnavailable).
"""

import logging
from functools import partial
from pathlib import Path
from typing import assert_never

from ml_intern.context.manager import ContextManager
from ml_intern.context.prompts import system_prompt
from ml_intern.errors import ComputeError, ConfigError, QueueError
from ml_intern.events import Event, ToolFinished, TurnFinished, TurnStarted, UserSaid
from ml_intern.ops import (
    ApprovalDecision,
    ChangeModel,
    Compact,
    Interrupt,
    Op,
    Resume,
    Undo,
    UserInput,
)
from ml_intern.queue.store import Claim
from ml_intern.session.calls import Calls
from ml_intern.session.desk import Desk, Signals
from ml_intern.session.history import History
from ml_intern.session.turn import Turn
from ml_intern.tools.protocol import Workplace, succeed

log = logging.getLogger(__name__)


def handle(claim: Claim, desk: Desk, signals: Signals) -> None:
    """Do what the op asks, to the end of the turn or until a signal comes."""
    try:
        Handling(claim, desk, signals).run()
    except QueueError:
        raise
    except Exception as exc:  # the border around one op
        log.exception("op_failed", extra={"session_id": claim.session_id, "op": claim.op.kind})
        desk.store.finish(claim, TurnFinished(outcome="failed", detail=_words(exc)))


def _words(exc: Exception) -> str:
    if isinstance(exc, ConfigError):
        return str(exc)
    return (
        f"ml-intern broke: {type(exc).__name__}: {exc}. The session can go on; say something to it."
    )


class Handling:
    """One op of one session."""

    def __init__(self, claim: Claim, desk: Desk, signals: Signals) -> None:
        self._claim = claim
        self._desk = desk
        self._signals = signals
        self._row = desk.store.session(claim.session_id)
        self._history = History()
        self._context = ContextManager(
            system_prompt(
                workspace=Path(self._row.workspace),
                started_in=Path(self._row.started_in),
                network=self._place().network,
            )
        )
        for recorded in desk.store.events(claim.session_id):
            self._take_up(recorded.event)

    def run(self) -> None:
        """Take the op up, unless a process that died has done so; then go on with the turn."""
        op = self._claim.op
        if not self._history.took_up(self._claim.op_seq):
            if self._too_late(op):
                self._desk.store.finish(self._claim)
                return
            self._record(*self._first_events())
        ended = self._interrupted(op) if isinstance(op, Interrupt) else self._turn().run()
        if ended is None:
            self._desk.store.release(self._claim)
        else:
            self._desk.store.finish(self._claim, ended)

    def _too_late(self, op: Op) -> bool:
        """Whether the session has gone past what this op is about."""
        last = self._history.last_turn
        match op:
            case UserInput() | Undo() | Compact() | ChangeModel():
                return False
            case ApprovalDecision(approval_id=approval_id):
                return all(
                    call.approval_id != approval_id for call in self._history.open_calls.values()
                )
            case Resume(on=on):
                return last is not None and on not in last.waiting_on
            case Interrupt():
                ended = last is not None and last.outcome != "waiting"
                return ended and not self._history.jobs
            case _:
                assert_never(op)

    def _first_events(self) -> list[Event]:
        op = self._claim.op
        began = TurnStarted(op_seq=self._claim.op_seq, attempt=self._claim.attempt)
        return [began, self._heard(op)] if isinstance(op, UserInput) else [began]

    def _heard(self, op: UserInput) -> Event:
        """Words are the answer to an open question, else part of the conversation."""
        question = self._history.open_question()
        if question is None:
            return UserSaid(text=op.text, author=op.author)
        return ToolFinished(
            call_id=question.call.call_id,
            tool=question.call.name,
            ok=True,
            output=succeed({"answer": op.text}).output,
            answered_by="person",
            duration_ms=0,
        )

    def _interrupted(self, op: Interrupt) -> TurnFinished:
        """What still runs or waits is ended, whichever turn began it."""
        if op.cancel_jobs:
            self._cancel_jobs()
        reason = f"{op.asked_by} stopped it"
        return self._turn().interrupt(f"{reason}: {op.reason}" if op.reason else reason)

    def _cancel_jobs(self) -> None:
        compute = self._place().compute
        for job in list(self._history.jobs.values()):
            try:
                compute.cancel(job.handle)
            except ComputeError:
                log.exception("job_not_cancelled", extra={"job_id": job.job_id})

    def _turn(self) -> Turn:
        calls = Calls(
            record=self._record,
            history=self._history,
            router=self._desk.router,
            place=self._place(),
            signals=self._signals,
        )
        return Turn(
            record=self._record,
            history=self._history,
            context=self._context,
            calls=calls,
            model=self._desk.model(self._row.model),
            limits=self._desk.limits,
            clock=self._desk.clock,
            signals=self._signals,
            on_text=partial(self._desk.on_text, self._claim.session_id),
        )

    def _place(self) -> Workplace:
        return self._desk.place(self._row, tuple(self._history.said))

    def _record(self, *events: Event) -> None:
        """The one way into the journal: durable first, then part of what this turn knows."""
        if events:
            self._desk.store.append(self._claim.lease, *events)
            for event in events:
                self._take_up(event)

    def _take_up(self, event: Event) -> None:
        self._history.apply(event)
        self._context.add(event)
