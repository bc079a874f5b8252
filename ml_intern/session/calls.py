"""The open calls of a session, each brought one step further: judged, asked for, run, recovered.

The stages are those of the journal, so a call goes on where it stands, whoever brought it there.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import assert_never

from ml_intern.clock import stamp
from ml_intern.events import (
    AnsweredBy,
    ApprovalRequested,
    Effect,
    Event,
    JobStarted,
    Notified,
    Outlook,
    Spend,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
)
from ml_intern.messages import ApprovalId, CallId, ToolSpec, short_request
from ml_intern.session.asking import ON_DENIAL, read_outside, what_became, what_changed
from ml_intern.session.budget import price
from ml_intern.session.ground import Ground
from ml_intern.session.open_call import OpenCall
from ml_intern.session.parking import already_waits
from ml_intern.session.unknowns import MAY_HAVE_TAKEN_EFFECT, UNKNOWN, edited, unfinished
from ml_intern.tools.facts import Facts
from ml_intern.tools.policy import Case, Judgement
from ml_intern.tools.protocol import ToolContext, ToolOutcome, Waiting, Workplace, fail
from ml_intern.tools.router import LeftRunning, Prepared, ToolRouter, arguments_sha256
from ml_intern.tools.spill import spill
from ml_intern.wording import sentence

log = logging.getLogger(__name__)

PARALLEL_READS = 4

EXPIRED = (
    "Nobody decided about this call in time, which counts as a no. Go on without it, or end and "
    "say what you need."
)
CUT_OFF = (
    "Your answer was cut at its length limit before the arguments of this call. It did not run. "
    "Send it again."
)


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A call that may run now."""

    open_call: OpenCall
    prepared: Prepared
    worst_micro_usd: int | None = 0
    """What it may cost, as it was judged, and as it is reserved; None: unknown."""


class Calls:
    """Settles the calls of one session. Owned by one turn; reads may run in threads beside it."""

    def __init__(
        self,
        ground: Ground,
        *,
        router: ToolRouter,
        place: Workplace,
        hold: Callable[[], None],
    ) -> None:
        """`hold` raises LeaseLost when the session is not ours any more."""
        self._scribe, self._history, self._limits = ground.scribe, ground.history, ground.limits
        self._budget, self._signals = ground.budget, ground.signals
        self._router = router
        self._place = place
        self._hold = hold

    def specs(self) -> Sequence[ToolSpec]:
        """The tools that a model may call."""
        return self._router.specs()

    def settle(self) -> TurnFinished | None:
        """Bring every open call as far as it goes; the end of the turn if one must wait.

        Raises Overtaken when something has happened that was not known: settle again.
        """
        asked: set[CallId] = set()
        while True:
            known = self._scribe.news
            steps = [self._next_step(call) for call in self._open() if _id(call) not in asked]
            # Those of one answer are one question.
            self._scribe.plan(*[step for step in steps if isinstance(step, ApprovalRequested)])
            if self._scribe.news != known:
                continue  # what is ready was judged before something that counts
            batch = next(_batches([step for step in steps if isinstance(step, _Ready)]), None)
            if batch is None:
                return self._waiting()
            if self._signals.is_called_off():
                return None
            # Those behind it are judged again when it has ended: it may change what they are about.
            self._run_together(batch)
            asked |= {_id(item.open_call) for item in batch}

    def abandon(self, reason: str, calls: Sequence[OpenCall] | None = None) -> None:
        """Answer open calls, if none are named all, with the news that they end unfinished."""
        for open_call in self._open() if calls is None else calls:
            self._answer(open_call, unfinished(open_call, reason), "interrupt")

    def _open(self) -> list[OpenCall]:
        return list(self._history.open_calls.values())

    def _next_step(self, open_call: OpenCall) -> _Ready | ApprovalRequested | None:
        """Do what needs no running; the call itself when it is to run now, or its question."""
        match open_call.stage:
            case "planned":
                return self._admit(open_call)
            case "approved":
                return self._approved(open_call)
            case "denied":
                self._refuse(open_call)
            case "started":
                self._recover(open_call)
            case "waiting":
                return self._prepared(open_call)
            case "awaiting_approval" | "unknown":
                pass
            case _:
                assert_never(open_call.stage)
        return None

    def _prepared(self, open_call: OpenCall) -> _Ready | None:
        arguments = open_call.arguments
        given = open_call.call.arguments if arguments is None else arguments
        prepared = self._router.prepare(open_call.call.name, given)
        if isinstance(prepared, ToolOutcome):
            if open_call.stage == "started":  # where the tool was there, or had another form
                self._lose(open_call, open_call.effect)
            else:
                self._answer(open_call, prepared, "router")
            return None
        if arguments is not None:
            repairs = self._router.repairs(open_call.call.name, open_call.call.arguments)
            prepared = replace(prepared, repairs=repairs)
        return _Ready(open_call=open_call, prepared=prepared)

    def _admit(self, open_call: OpenCall) -> _Ready | ApprovalRequested | None:
        if open_call.cut_off:
            self._answer(open_call, fail(CUT_OFF), "router")
            return None
        ready = self._prepared(open_call)
        if ready is None:
            return None
        context = self._context(open_call)
        ready = replace(ready, prepared=self._router.settle(ready.prepared, context))
        if (same := self._waits_already(ready.prepared)) is not None:
            self._answer(open_call, fail(already_waits(same)), "router")
            return None
        case = self._router.case(ready.prepared, context)
        ready = replace(ready, worst_micro_usd=case.cost_micro_usd)
        judgement = self._router.judge(case, self._history.rules.values())
        match judgement.verdict:
            case "allow":
                return ready
            case "ask":
                return self._question(ready, context, case, judgement, judgement.reason)
            case "deny":
                self._answer(open_call, _refusal(judgement), "policy")
                return None
            case _:
                assert_never(judgement.verdict)

    def _waits_already(self, prepared: Prepared) -> OpenCall | None:
        """A parked call that is the same."""
        for call in self._open():
            given = call.arguments
            if not call.parked or given is None:
                continue
            if arguments_sha256(call.call.name, given) == prepared.sha256:
                return call
        return None

    def _approved(self, open_call: OpenCall) -> _Ready | ApprovalRequested | None:
        """Between the yes and the start, a rule or what the call is about may have changed."""
        ready = self._prepared(open_call)
        if ready is None:
            return None
        context = self._context(open_call)
        case = self._router.case(ready.prepared, context)
        ready = replace(ready, worst_micro_usd=case.cost_micro_usd)
        judgement = self._router.judge(case, self._history.rules.values())
        if judgement.verdict == "deny":
            self._answer(open_call, _refusal(judgement), "policy")
            return None
        if (changed := self._changed(open_call, ready, context, case, judgement)) is None:
            return ready
        # Of what it would do now: the reason of then may tell of other arguments.
        why = judgement.reason if judgement.verdict == "ask" else case.own_reason or ""
        reason = f"Changed since it was approved: {changed}. {why}".rstrip()
        return self._question(ready, context, case, judgement, reason)

    def _changed(
        self,
        open_call: OpenCall,
        ready: _Ready,
        context: ToolContext,
        case: Case,
        judgement: Judgement,
    ) -> str | None:
        """What nobody has said yes to; None when the call is what somebody approved."""
        asked = open_call.asked
        if asked is None:
            # Allowed at first, then lost, then wanted again: for what it was to cost then.
            was = Outlook(
                operation=case.operation,
                repository=case.repository,
                cost_micro_usd=open_call.reserved_micro_usd or 0,
            )
            return (what_became(was, case) or None) if judgement.verdict == "ask" else None
        if became := what_became(_approved_outlook(open_call, asked), case):
            return became
        if self._router.content_sha256(ready.prepared, context) == asked.content_sha256:
            return None
        return what_changed(asked, self._router.exhibits(ready.prepared, context))

    def _question(
        self, ready: _Ready, context: ToolContext, case: Case, judgement: Judgement, reason: str
    ) -> ApprovalRequested:
        return ApprovalRequested(
            approval_id=ApprovalId(self._place.clock.new_id()),
            call_id=_id(ready.open_call),
            tool=ready.prepared.tool.name,
            arguments=ready.prepared.arguments,
            arguments_sha256=ready.prepared.sha256,
            reason=reason,
            content_sha256=self._router.content_sha256(ready.prepared, context),
            operation=case.operation,
            repository=case.repository,
            question_id=ready.open_call.reply_id,
            why=ready.open_call.why,
            exhibits=(
                *self._router.exhibits(ready.prepared, context),
                *read_outside(context.facts),
            ),
            cost_micro_usd=case.cost_micro_usd,
            budget_left_micro_usd=self._budget.left_micro_usd(),
            on_denial=ON_DENIAL,
            expires_at=self._expiry(),
            like_this=judgement.like_this,
        )

    def _expiry(self) -> str:
        """Until when a person is waited for."""
        timeout_s = self._limits.approval_timeout_s
        return stamp(self._place.clock.now() + timedelta(seconds=timeout_s)) if timeout_s else ""

    def _refuse(self, open_call: OpenCall) -> None:
        decision = open_call.decision
        assert decision is not None, "a denied call has its decision"
        words = f": {decision.reason}" if decision.reason.strip() else ""
        if decision.verdict == "expire":
            self._answer(open_call, fail(EXPIRED), "policy")
        else:
            self._answer(
                open_call, fail(sentence(f"{decision.decided_by} said no{words}")), "person"
            )

    def _recover(self, open_call: OpenCall) -> None:
        """A crash stands between this call's start and its end."""
        ready = self._prepared(open_call)
        if ready is None:
            return
        began = self._place.clock.monotonic()
        self._hold_for(ready)
        found = self._router.recover(ready.prepared, self._context(open_call), self._signals.cut)
        if found is None:
            self._lose(open_call, open_call.effect, began)
        else:
            self._take(ready, found, began)

    def _lose(self, open_call: OpenCall, effect: Effect | None, began: float | None = None) -> None:
        """Nobody can tell what became of it. What reached outside, only a person can find out."""
        lost = ToolLost(call_id=open_call.call.call_id, tool=open_call.call.name)
        if effect == "external":
            self._scribe.record(lost)
        else:
            self._answer(open_call, fail(UNKNOWN), "recovery", began, first=lost)

    def _run_together(self, items: list[_Ready]) -> None:
        if len(items) == 1:
            self._run(items[0])
            return
        clock = self._place.clock
        self._scribe.plan(*[event for item in items for event in self._start(item)])
        began = clock.monotonic()
        with ThreadPoolExecutor(PARALLEL_READS, thread_name_prefix="reads") as pool:
            outcomes = list(pool.map(self._execute, items))
        for item, outcome in zip(items, outcomes, strict=True):
            self._take(item, outcome, began)

    def _run(self, item: _Ready) -> None:
        self._scribe.plan(*self._start(item))
        began = self._place.clock.monotonic()
        self._hold_for(item)
        self._take(item, self._execute(item), began)

    def _hold_for(self, item: _Ready) -> None:
        """The last look before an effect; reads may be repeated by whoever has the session."""
        if item.prepared.tool.effect != "read":
            self._hold()

    def _start(self, item: _Ready) -> list[Event]:
        if item.open_call.stage == "waiting":
            return []
        return [
            ToolStarted(
                call_id=item.open_call.call.call_id,
                tool=item.prepared.tool.name,
                arguments=item.prepared.arguments,
                arguments_sha256=item.prepared.sha256,
                effect=item.prepared.tool.effect,
                recovery=item.prepared.tool.recovery,
                spend=self._spend(item),
            )
        ]

    def _spend(self, item: _Ready) -> Spend | None:
        """What is reserved for it; nothing is known of an unknown cost before it is settled."""
        worst = item.worst_micro_usd
        return None if worst == 0 else self._budget.spend(_id(item.open_call), worst or 0)

    def _execute(self, item: _Ready) -> ToolOutcome | Waiting | LeftRunning:
        return self._router.run(item.prepared, self._context(item.open_call), self._signals.cut)

    def _context(self, open_call: OpenCall) -> ToolContext:
        return ToolContext(
            place=self._place, call_id=open_call.call.call_id, facts=Facts(self._history.facts)
        )

    def _take(
        self, item: _Ready, outcome: ToolOutcome | Waiting | LeftRunning, began: float
    ) -> None:
        open_call = item.open_call
        if self._was_cut(item):
            return
        if isinstance(outcome, LeftRunning):
            self._leave_running(item, began)
            return
        if isinstance(outcome, Waiting):
            if open_call.stage != "waiting":
                until = self._expiry() if outcome.on.startswith("answer:") else ""
                self._scribe.record(
                    ToolWaiting(call_id=_id(open_call), on=outcome.on, expires_at=until)
                )
        elif outcome.withdraws:
            self._withdraw(open_call, outcome)
        else:
            self._answer(open_call, _told_what_ran(item, outcome), "tool", began)

    def _leave_running(self, item: _Ready, began: float) -> None:
        """It was told to stop and has not: what it still does is as unknown as after a crash.

        Where the process goes, the next owner recovers it, as its tool's class says, once it cannot
        run any more. Where the session was interrupted, nobody looks: it may take effect yet.
        """
        if item.prepared.tool.effect == "read" or item.open_call.stage == "waiting":
            words = f"{item.prepared.tool.name} was interrupted."
            self._answer(item.open_call, fail(words), "tool", began)
        elif self._signals.stop.is_set():
            self._lose(item.open_call, item.prepared.tool.effect, began)
        else:
            self._signals.left_running.set()

    def _withdraw(self, open_call: OpenCall, outcome: ToolOutcome) -> None:
        """The model wants a parked call of its own no more."""
        named = [
            call
            for call in self._open()
            if call.stage == "awaiting_approval"
            and call.parked
            and _id(call).startswith(outcome.withdraws)
        ]
        if len(named) == 1:
            ended = unfinished(named[0], "you withdrew the request")
            # In one step: run again after a crash between the two, it would find no request.
            self._scribe.record(
                *self._end(named[0], ended, "interrupt"), *self._end(open_call, outcome, "tool")
            )
        else:
            waiting = [short_request(_id(c)) for c in self._open() if c.parked]
            self._answer(
                open_call,
                fail(f"No open request {outcome.withdraws!r}.", open_requests=waiting),
                "tool",
            )

    def _was_cut(self, item: _Ready) -> bool:
        """Whether a read was ended because the process goes: the next owner runs it again."""
        going = self._signals.cut.is_set() and not self._signals.stop.is_set()
        return going and item.prepared.tool.effect == "read"

    def _answer(
        self,
        open_call: OpenCall,
        outcome: ToolOutcome,
        answered_by: AnsweredBy,
        began: float | None = None,
        first: Event | None = None,
    ) -> None:
        """The call's one answer; what it rests on, such as a job, becomes known with it."""
        self._scribe.record(
            *([first] if first else []), *self._end(open_call, outcome, answered_by, began)
        )

    def _end(
        self,
        open_call: OpenCall,
        outcome: ToolOutcome,
        answered_by: AnsweredBy,
        began: float | None = None,
    ) -> list[Event]:
        """The events of an answer; long output is put into the workspace first."""
        call_id = open_call.call.call_id
        took_s = 0.0 if began is None else self._place.clock.monotonic() - began
        outcome, spilled_to = spill(outcome, self._place.workspace, call_id)
        finished = ToolFinished(
            call_id=call_id,
            tool=open_call.call.name,
            ok=outcome.ok,
            output=outcome.output,
            answered_by=answered_by,
            duration_ms=round(took_s * 1000),
            facts=outcome.facts,
            spilled_to=spilled_to,
            cost_micro_usd=self._cost(call_id, outcome, answered_by),
        )
        return [*_launched(outcome), *_told(call_id, outcome), finished]

    def _cost(self, call_id: CallId, outcome: ToolOutcome, answered_by: AnsweredBy) -> int | None:
        """Only the tool itself can tell what it cost."""
        started = self._history.open_calls.get(call_id)
        if started is None or started.reserved_micro_usd is None:
            return 0
        if outcome.job is not None:
            return 0  # its end says
        return price(outcome.cost_micro_usd) if answered_by == "tool" else None

    def waiting_on(self) -> tuple[str, ...]:
        """What open calls wait for."""
        return tuple(call.waiting_on for call in self._open() if call.waiting_on)

    def _waiting(self) -> TurnFinished | None:
        waiting = [call for call in self._open() if call.waiting_on is not None]
        if all(call.parked for call in waiting):
            return None
        return TurnFinished(
            outcome="waiting",
            detail="; ".join(_what_for(call) for call in waiting),
            waiting_on=tuple(call.waiting_on for call in waiting if call.waiting_on),
        )


def _id(open_call: OpenCall) -> CallId:
    return open_call.call.call_id


def _approved_outlook(open_call: OpenCall, asked: ApprovalRequested) -> Outlook | None:
    """What the person who said yes was told that the call would do; None: nobody has told them."""
    decision = open_call.decision
    if decision is not None and decision.verdict == "edit":
        return decision.outlook
    return Outlook(
        operation=asked.operation,
        repository=asked.repository,
        cost_micro_usd=asked.cost_micro_usd,
    )


def _batches(ready: list[_Ready]) -> Iterator[list[_Ready]]:
    """In order: neighbouring reads together, every effect alone."""
    for together, group in groupby(ready, key=_runs_beside_others):
        if together:
            yield list(group)
        else:
            yield from ([item] for item in group)


def _runs_beside_others(item: _Ready) -> bool:
    tool = item.prepared.tool
    return tool.effect == "read" and not tool.goes_alone


def _refusal(judgement: Judgement) -> ToolOutcome:
    return fail(
        f"Not allowed: {judgement.reason} ({judgement.rule}). Do not try it in another way; go on "
        "without it, or ask the person."
    )


def _told_what_ran(item: _Ready, outcome: ToolOutcome) -> ToolOutcome:
    """A person's edit, or what we made of broken text, is what ran, and the model is told so.

    One line of its own before the answer: whoever reads JSON answers leaves out a first line in
    brackets.
    """
    mended = f"[arguments repaired: {'; '.join(item.prepared.repairs)}]"
    note = edited(item.open_call) or (mended if item.prepared.repairs else "")
    return replace(outcome, output=f"{note}\n{outcome.output}") if note else outcome


def _launched(outcome: ToolOutcome) -> list[JobStarted]:
    if outcome.job is None:
        return []
    job = outcome.job
    return [JobStarted(job_id=job.job_id, compute=job.compute, handle=job.handle, label=job.label)]


def _told(call_id: CallId, outcome: ToolOutcome) -> list[Notified]:
    """What the call wants people outside the session to know."""
    return [
        Notified(call_id=call_id, text=fact.data["text"], destination=fact.data["destination"])
        for fact in outcome.facts
        if fact.kind == "notice"
    ]


def _what_for(open_call: OpenCall) -> str:
    if open_call.stage == "awaiting_approval":
        return f"a decision on {open_call.call.name}"
    if open_call.stage == "unknown":
        return f"a word on {open_call.call.name}: {MAY_HAVE_TAKEN_EFFECT}"
    if open_call.call.name == "ask_person":
        return str((open_call.arguments or {}).get("question", "an answer"))
    return (open_call.waiting_on or "").replace(":", " ", 1)
