"""What each op does to its session, and the border at which a broken turn becomes an event.

`handle` is called by a worker that has claimed the op; it always ends the claim, or leaves it to
the next owner when this one has lost the session (LeaseLost) or the disk (StoreUnavailable). Where
an effect that was told to stop goes on, the claim ends with this process.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import assert_never

from ml_intern.context.manager import ContextManager
from ml_intern.context.prompts import SessionFacts, system_prompt
from ml_intern.errors import (
    ComputeError,
    ConfigError,
    Overtaken,
    QueueError,
)
from ml_intern.events import (
    AnsweredBy,
    CompactRequested,
    Event,
    InterruptRequested,
    ModelChanged,
    ModelFailed,
    OpCancelled,
    ToolFinished,
    TurnFinished,
    TurnStarted,
    Undone,
    UnknownResolved,
    UserSaid,
)
from ml_intern.llm.client import ModelClient, SoFar, can_park, in_session, never
from ml_intern.ops import (
    ApprovalDecision,
    ChangeModel,
    Compact,
    Expire,
    ExtendBudget,
    Interrupt,
    ResolveUnknown,
    Resume,
    Undo,
    UserInput,
)
from ml_intern.queue.budgets import OF_MODEL
from ml_intern.queue.leases import LEASE_S
from ml_intern.queue.store import Claim
from ml_intern.session.answering import Answering
from ml_intern.session.briefing import session_facts
from ml_intern.session.budget import Budget
from ml_intern.session.calls import Calls
from ml_intern.session.chain import Chain
from ml_intern.session.compacting import Compactor
from ml_intern.session.desk import Desk, Limits, Signals
from ml_intern.session.ground import Ground
from ml_intern.session.history import History
from ml_intern.session.open_call import OpenCall
from ml_intern.session.outage_log import OutageLog
from ml_intern.session.parking import goes_on, parked
from ml_intern.session.scribe import Scribe
from ml_intern.session.turn import Turn
from ml_intern.session.unknowns import answer, unfinished
from ml_intern.tools.protocol import ToolOutcome, Workplace, fail, succeed

log = logging.getLogger(__name__)

TurnOp = (
    UserInput
    | ApprovalDecision
    | ResolveUnknown
    | Interrupt
    | Resume
    | Expire
    | ExtendBudget
    | Compact
    | ChangeModel
)
"""The ops that begin a turn, go on with one, or are taken in by one that is under way."""


UNANSWERED = (
    "Nobody answered in time. Decide on the safe side by yourself, or end and say what you need."
)


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


def _dropped(op_seq: int, op: TurnOp) -> list[Event]:
    """For an op that comes too late: what somebody answered does not vanish without a word."""
    if not isinstance(op, ResolveUnknown):
        return []
    reason = f"call {op.call_id} waits for no answer any more"
    return [OpCancelled(op_seq=op_seq, op_kind=op.kind, reason=reason)]


def _answered(open_call: OpenCall, outcome: ToolOutcome, by: AnsweredBy) -> ToolFinished:
    """The answer to a call that did not have to run for it."""
    return ToolFinished(
        call_id=open_call.call.call_id,
        tool=open_call.call.name,
        ok=outcome.ok,
        output=outcome.output,
        answered_by=by,
        duration_ms=0,
        cost_micro_usd=0 if open_call.reserved_micro_usd is None else None,
    )


def _stopped_by(asked: Interrupt | InterruptRequested) -> str:
    why = f": {asked.reason}" if asked.reason else ""
    return f"{asked.asked_by} stopped it{why}"


class Handling:
    """One op of one session."""

    def __init__(self, claim: Claim, desk: Desk, signals: Signals) -> None:
        self._claim = claim
        self._desk = desk
        self._signals = signals
        self._row = desk.store.session(claim.session_id)
        self._history = History()
        self._scribe = Scribe(desk.store, claim.lease, self._history.apply)
        journal = self._scribe.catch_up()
        facts = self._facts()
        self._prompt = cache(lambda in_brief: system_prompt(facts, brief=in_brief))
        self._context = ContextManager(self._prompt(False))
        for recorded in journal:
            self._context.add(recorded.event)
        self._scribe.tell(self._context.add)
        self._outages = OutageLog(claim.session_id, journal)
        self._scribe.tell(self._outages.take)

    def run(self) -> None:
        """Do what the op asks, to its end."""
        match self._claim.op:
            case Undo(asked_by=asked_by):
                self._undo(asked_by)
            case Compact() as op:
                self._compact(op)
            case ChangeModel() as op if not self._waits_for_models():
                self._finish(*self._events_of(self._claim.op_seq, op))
            case op:
                self._run_turn(op)

    def _run_turn(self, op: TurnOp) -> None:
        """Take the op up, unless a process that died has done so; then go on with the turn."""
        while not self._history.took_up(self._claim.op_seq):
            if self._too_late(op):
                self._drop(op)
                return
            with suppress(Overtaken):  # looked at again, with what has come meanwhile
                began = TurnStarted(op_seq=self._claim.op_seq, attempt=self._claim.attempt)
                self._scribe.plan(began, *self._events_of(self._claim.op_seq, op))
        ended = self._interrupted(op) if isinstance(op, Interrupt) else self._turn().run()
        if ended is not None:
            self._finish(*self._not_summed_up(ended.detail), ended)
        elif self._signals.left_running.is_set():
            log.warning("session_kept", extra={"session_id": self._claim.session_id})
        else:
            self._desk.store.release(self._claim)

    def _not_summed_up(self, reason: str) -> list[Event]:
        """A summary that was asked for within a turn, and has not come, does not come later."""
        asked = self._history.compact_requested
        if asked is None:
            return []
        return [OpCancelled(op_seq=asked.op_seq, op_kind="compact", reason=reason)]

    def _waits_for_models(self) -> bool:
        """Whether the last turn would go on if one of its models answered."""
        last = self._history.last_turn
        return last is not None and any(on.startswith("model:") for on in last.waiting_on)

    def _finish(self, *events: Event) -> None:
        self._desk.store.finish(self._claim, *events)
        for event in events:
            self._outages.take(event)

    def _undo(self, asked_by: str) -> None:
        """Take the last words out of the conversation; what still waits for an answer gets one."""
        if self._context.last_words() is None:
            self._give_up("there are no words that could be taken back")
            return
        reason = f"{asked_by} took back what was said"
        self._calls(self._ground()).abandon(reason, self._history.ends_with_words())
        words = self._context.last_words() or ""  # those that waited for the answers are in now
        detail = f"{asked_by} took back {words[:80]!r}; files and jobs are as they were"
        still = [call.waiting_on for call in self._history.open_calls.values() if call.waiting_on]
        self._finish(
            Undone(asked_by=asked_by, words=words),
            TurnFinished(
                outcome="waiting" if still else "interrupted",
                detail=detail,
                waiting_on=tuple(still),
            ),
        )

    def _compact(self, op: Compact) -> None:
        """Sum up the older part of the conversation, as a turn does when it is too long."""
        self._hold_what_was_asked()
        while not self._history.took_up(self._claim.op_seq):
            with suppress(Overtaken):  # looked at again, with what has come meanwhile
                self._scribe.plan(*self._events_of(self._claim.op_seq, op))
        self._answering(self._ground()).compact()
        if self._history.compact_requested is None:
            self._finish()
        elif self._signals.stop.is_set():
            self._give_up(self._why_stopped())
        else:
            self._desk.store.release(self._claim)

    def _hold_what_was_asked(self) -> None:
        """What a process had reserved for this when it died counts as spent, as in a turn."""
        spends = self._desk.store.spends(self._claim.session_id)
        if any(row.state == "reserved" and row.spend_id.startswith(OF_MODEL) for row in spends):
            reason = "the process died while it was asked for a summary"
            failed = ModelFailed(model=self._history.model, error=reason, retry_in_s=None)
            self._scribe.record(failed)

    def _give_up(self, reason: str, *first: Event) -> None:
        """The op changes nothing, and everybody can read why."""
        op = self._claim.op
        given_up = OpCancelled(op_seq=self._claim.op_seq, op_kind=op.kind, reason=reason)
        self._finish(*first, given_up)

    def _drop(self, op: TurnOp) -> None:
        self._finish(*_dropped(self._claim.op_seq, op))

    def _take_in(self) -> bool:
        """Do within this turn what has been queued behind it; false when nothing has.

        Words are heard at the next step of a turn. What was to wake the session has nothing left
        to do: its event is taken up. Ops that are no part of a turn wait for its end, and all that
        stand behind them.
        """
        queued = self._next_in_line()
        if queued is None:
            return False
        seq, op = queued
        events = _dropped(seq, op) if self._too_late(op) else self._events_of(seq, op)
        self._scribe.take_in(seq, *events)
        return True

    def _next_in_line(self) -> tuple[int, TurnOp] | None:
        """What a turn that goes on can take in, with its number."""
        match self._desk.store.next_queued(self._claim.session_id):
            case None | (_, Interrupt() | Undo()):
                return None
            case seq, op:
                return seq, op

    def _too_late(self, op: TurnOp) -> bool:
        """Whether the session has gone past what this op is about."""
        last = self._history.last_turn
        match op:
            case UserInput() | Compact() | ChangeModel():
                return False
            case ApprovalDecision(approval_id=approval_id):
                return all(
                    call.approval_id != approval_id for call in self._history.open_calls.values()
                )
            case ResolveUnknown(call_id=call_id):
                lost = self._history.open_calls.get(call_id)
                return lost is None or lost.stage != "unknown"
            case Resume(on=on):
                return last is not None and on not in last.waiting_on
            case ExtendBudget(cap=cap):
                return last is not None and f"budget:{cap}" not in last.waiting_on
            case Expire(call_id=call_id):
                question = self._history.open_calls.get(call_id)
                return question is None or question.stage != "waiting"
            case Interrupt():
                ended = last is not None and last.outcome != "waiting"
                return ended and not self._history.jobs
            case _:
                assert_never(op)

    def _events_of(self, op_seq: int, op: TurnOp) -> list[Event]:
        """What the op itself brings into the journal."""
        match op:
            case UserInput():
                return self._heard(op)
            case Compact(asked_by=asked_by):
                requested = CompactRequested(op_seq=op_seq, asked_by=asked_by)
                return [*self._not_summed_up(f"{asked_by} asked for the same then"), requested]
            case ChangeModel(model=model, asked_by=asked_by, effort=effort):
                return [ModelChanged(model=model, asked_by=asked_by, effort=effort)]
            case ResolveUnknown():
                return self._resolved(op)
            case Expire(call_id=call_id):
                question = self._history.open_calls[call_id]
                return [_answered(question, fail(UNANSWERED), "recovery")]
            case ApprovalDecision() | Resume() | Interrupt() | ExtendBudget():
                return []
            case _:
                assert_never(op)

    def _resolved(self, op: ResolveUnknown) -> list[Event]:
        """A lost call may start again, or has its answer in the same moment."""
        said = UnknownResolved(
            call_id=op.call_id, choice=op.choice, resolved_by=op.resolved_by, note=op.note
        )
        open_call = self._history.open_calls[op.call_id]
        outcome = answer(open_call, said)
        return [said] if outcome is None else [said, _answered(open_call, outcome, "person")]

    def _heard(self, op: UserInput) -> list[Event]:
        """Words are the answer to an open question, else part of the conversation.

        They are heard before anything that still waits for a yes, or for a word on what became of
        it, is decided: such a call is parked, and its question stays open. A model that cannot
        live with that is told that the call has ended, and may ask again.
        """
        question = self._history.open_question()
        if question is not None:
            return [_answered(question, succeed({"answer": op.text}), "person")]
        said = UserSaid(text=op.text, author=op.author)
        open_calls = [call for call in self._history.open_calls.values() if not call.parked]
        asked = [call for call in open_calls if call.stage in ("awaiting_approval", "unknown")]
        if not self._can_park():
            reason = f"{op.author} said something first; ask again if it is still wanted"
            return [
                *(_answered(call, unfinished(call, reason), "interrupt") for call in asked),
                said,
            ]
        watching = [call for call in open_calls if call.waits_for_job and call.effect == "read"]
        return [*map(parked, asked), *map(goes_on, watching), said]

    def _interrupted(self, op: Interrupt) -> TurnFinished:
        """What still runs or waits is ended, whichever turn began it."""
        if op.cancel_jobs:
            self._cancel_jobs()
        return self._turn().interrupt(_stopped_by(op))

    def _why_stopped(self) -> str:
        """In the words of whoever asked, last, while this op was handled."""
        journal = [recorded.event for recorded in self._desk.store.events(self._claim.session_id)]
        asked = [event for event in journal if isinstance(event, InterruptRequested)]
        return _stopped_by(asked[-1]) if asked else "the session was told to stop"

    def _cancel_jobs(self) -> None:
        compute = self._place().compute
        for job in list(self._history.jobs.values()):
            try:
                compute.cancel(job.handle)
            except ComputeError:
                log.exception("job_not_cancelled", extra={"job_id": job.job_id})

    def _calls(self, ground: Ground) -> Calls:
        return Calls(ground, router=self._desk.router, place=self._place(), hold=self._hold)

    def _hold(self) -> None:
        """Be sure that the session is ours before an effect. Raises LeaseLost when it is not.

        A process that was frozen, or a machine that slept, does not notice that time has passed,
        and somebody else may be at work here. With half of the lease's time left, nobody can be.
        """
        now = self._desk.clock.boottime()
        if self._signals.proof.age_s(now) > LEASE_S / 2:
            self._desk.store.renew(self._claim.lease)
            self._signals.proof.note(now)

    def _model(self, name: str) -> ModelClient:
        """Raises ConfigError."""
        return in_session(self._desk.model(name), self._so_far)

    def _can_park(self) -> bool:
        try:
            return can_park(self._model(self._history.model))
        except ConfigError:  # another of its chain may answer; they all can
            return True

    def _so_far(self) -> SoFar:
        return SoFar(
            workspace=self._row.workspace,
            answers=self._history.answers,
            summaries=self._history.summaries,
            failures=tuple(self._history.unanswered),
        )

    def _ground(self) -> Ground:
        desk, limits = self._desk, self._limits()
        session_id = self._claim.session_id
        return Ground(
            scribe=self._scribe,
            history=self._history,
            context=self._context,
            budget=Budget(session_id, self._history, limits, desk.store, desk.clock),
            limits=limits,
            clock=desk.clock,
            signals=self._signals,
        )

    def _turn(self) -> Turn:
        ground = self._ground()
        return Turn(
            ground,
            calls=self._calls(ground),
            answering=self._answering(ground, lambda: self._next_in_line() is not None),
            why_stopped=self._why_stopped,
            take_in=self._take_in,
        )

    def _answering(self, ground: Ground, is_spoken_to: Callable[[], bool] = never) -> Answering:
        return Answering(
            ground,
            chain=self._chain,
            compactor=Compactor(ground, self._place().workspace),
            specs=self._desk.router.specs,
            prompt=self._prompt,
            effort=self._desk.effort,
            on_text=partial(self._desk.on_text, self._claim.session_id),
            is_spoken_to=is_spoken_to,
        )

    def _chain(self) -> Chain:
        """As it is from now on; a person may have changed the model."""
        names = self._desk.chain(self._history.model)
        return Chain(names, self._desk.health, self._model)

    def _limits(self) -> Limits:
        limits = self._desk.limits
        own = self._history.max_iterations
        return limits if own is None else replace(limits, max_iterations=own)

    def _facts(self) -> SessionFacts:
        limits, own = self._limits(), self._history.meter.max_cost_micro_usd
        if own is not None:
            limits = replace(limits, caps=replace(limits.caps, session_micro_usd=own))
        return session_facts(
            self._row,
            self._place(),
            tools=self._desk.router.tools(),
            rules=self._desk.router.rules,
            limits=limits,
            instructions=self._history.instructions,
        )

    def _place(self) -> Workplace:
        place = self._desk.place(self._row, tuple(self._history.said))
        began = self._history.machine
        if began is None:
            return place
        return replace(place, cpus=began.cpus, threads=began.threads)
