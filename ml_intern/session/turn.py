"""One turn: settle the calls that have no answer, else ask the model, until it ends or must wait.

What the model has said or done is judged by the guards before it is asked again.

Fresh, approved, resumed and crashed turns all come through `Turn.run`; what differs is only what
stands in the journal. Every step is recorded before the next one, an effect before it begins.
Ends in exactly one `TurnFinished`, which the caller stores together with the end of the op.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from ml_intern.clock import Clock
from ml_intern.context.manager import ContextManager
from ml_intern.context.room import longest_answer, most_for_tools
from ml_intern.errors import (
    ContextOverflow,
    Interrupted,
    ModelError,
    OverBudget,
    Overtaken,
    Refused,
    Retryable,
    StateConflict,
)
from ml_intern.events import (
    BudgetReached,
    ModelAsked,
    ModelReplied,
    Outcome,
    Spend,
    TurnFinished,
)
from ml_intern.llm.client import ModelClient, ModelReply, Window, ignore_text, window_of
from ml_intern.messages import CallId, ToolCall, ToolSpec
from ml_intern.session.budget import Budget, price
from ml_intern.session.calls import Calls
from ml_intern.session.caps import reached
from ml_intern.session.compacting import Asking, Compactor, TooSmall
from ml_intern.session.desk import Limits, Signals
from ml_intern.session.failures import cut_off, failure
from ml_intern.session.guards import judge
from ml_intern.session.history import History
from ml_intern.session.offering import needed_now, offered
from ml_intern.session.scribe import Scribe

RETRY_WAITS_S = (1.0, 4.0, 15.0, 60.0)
MOST_REFUSALS = 6
"""In a row, for the length of a request; each one is shorter than the one before."""
LOOK_EVERY_S = 0.1
"""How often a wait for the model looks whether it is still wanted."""


class Turn:
    """One run of the loop, owned by one worker thread."""

    def __init__(
        self,
        *,
        scribe: Scribe,
        history: History,
        context: ContextManager,
        calls: Calls,
        model: ModelClient,
        compactor: Compactor,
        limits: Limits,
        budget: Budget,
        clock: Clock,
        signals: Signals,
        why_stopped: Callable[[], str],
        take_in: Callable[[], bool],
        on_text: Callable[[str], None] = ignore_text,
    ) -> None:
        """`take_in` makes an op that has been queued meanwhile part of this turn; false: none."""
        self._scribe = scribe
        self._history = history
        self._context = context
        self._calls = calls
        self._model = model
        self._compactor = compactor
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._signals = signals
        self._why_stopped = why_stopped
        self._take_in = take_in
        self._on_text = on_text
        self._deadline = clock.monotonic() + limits.max_turn_s
        self._failures = 0
        """How often in a row the model has failed."""
        self._refusals = 0
        """How often in a row it was for the length of the request."""

    def run(self) -> TurnFinished | None:
        """Go on until the turn ends; None when the process is to leave it to the next owner.

        Raises only for our bugs and for lost ground (QueueError).
        """
        while True:
            try:
                waiting = self._calls.settle()
                verdict = judge(self._history.conduct, self._history.standing())
                if isinstance(verdict, TurnFinished):
                    return verdict
                if self._signals.stop.is_set():
                    return self.interrupt(self._why_stopped())
                if waiting is not None:
                    return waiting
                if self._signals.leave.is_set():
                    return None
                if self._take_in():
                    continue
                if (limit := self._limit()) is not None:
                    return _finished("stopped", limit)
                self._demand_room()
                if verdict is not None:
                    self._scribe.plan(verdict)
                self._ask()
            except Overtaken:
                continue
            except OverBudget as over:
                return self._wait_for_room(over)
            except (ModelError, TooSmall) as exc:
                return _finished("failed", str(exc))

    def interrupt(self, reason: str) -> TurnFinished:
        """Answer what is still open, so that the conversation stays whole, and end."""
        self._calls.abandon(reason)
        return _finished("interrupted", reason)

    def _limit(self) -> str | None:
        if self._history.iterations >= self._limits.iteration_ceiling:
            return (
                f"{self._limits.iteration_ceiling} model calls without a word from a person; "
                "say something to go on, or raise iteration_ceiling"
            )
        if self._clock.monotonic() > self._deadline:
            return f"the turn has run for {self._limits.max_turn_s:.0f} s (max_turn_s)"
        return None

    def _demand_room(self) -> None:
        """Work that gets on gives itself more answers. Raises OverBudget."""
        if (more := self._budget.more_iterations()) is not None:
            self._scribe.plan(more)
        self._budget.demand()

    def _wait_for_room(self, over: OverBudget) -> TurnFinished:
        """The step that would pass a cap stands where it stood; a person may give more room."""
        self._scribe.record(
            BudgetReached(cap=over.cap, used=over.used, limit=over.limit, needed=over.needed)
        )
        return TurnFinished(
            outcome="waiting",
            detail=reached(over.cap, over.used, over.limit, over.needed),
            waiting_on=(f"budget:{over.cap}", *self._calls.waiting_on()),
        )

    def _tell_of_levels(self, spend: Spend | None) -> None:
        for notice in self._budget.notices(spend):
            # Another session that shares the cap may have told people first.
            with suppress(StateConflict):
                self._scribe.record(notice)

    def _ask(self) -> None:
        """Record the model's next answer; none when the session is to stop meanwhile."""
        while True:
            tools: Sequence[ToolSpec] = self._calls.specs()
            tokens = None
            if (window := self._window()) is not None:
                most = most_for_tools(window.tokens)
                tools = offered(tools, most, needed_now(self._history))
                asking = Asking(model=self._model, window=window, tools=tools)
                tokens = self._compactor.fit(asking, "refused" if self._refusals else "size")
                if tokens is None:
                    return
            messages = self._context.messages()
            spend = self._budget.for_model(self._model, messages, tools)
            self._scribe.plan(
                ModelAsked(
                    model=self._model.name,
                    iteration=self._history.iterations + 1,
                    spend=spend,
                    tokens=tokens,
                )
            )
            started = self._clock.monotonic()
            try:
                reply = self._model.complete(
                    messages,
                    tools,
                    on_text=self._on_text,
                    cancelled=self._signals.is_called_off,
                )
            except Interrupted as cut:
                self._scribe.record(cut_off(self._model.name, cut))
                return
            except Retryable as exc:
                wait_s = self._wait_before_next(exc)
                self._failures += 1
                self._scribe.record(failure(self._model.name, exc, wait_s))
                if wait_s is None:
                    raise
                if not self._wait(wait_s):
                    return
            except ContextOverflow as exc:
                self._refusals += 1
                is_last = window is None or self._refusals > MOST_REFUSALS
                self._scribe.record(failure(self._model.name, exc, None if is_last else 0.0))
                if is_last:
                    raise
            except Refused as exc:
                self._scribe.record(failure(self._model.name, exc, None))
                raise
            else:
                self._failures = self._refusals = 0
                self._take(reply, self._clock.monotonic() - started)
                self._tell_of_levels(spend)
                return

    def _window(self) -> Window | None:
        """As far as it is known: what the model says of itself, or less, as it has shown."""
        said = window_of(self._model)
        found = self._history.meter.window(self._model.name)
        if said is None or found is None or found >= said.tokens:
            return said
        answer = longest_answer(found, said.answer)
        return replace(said, tokens=found, answer=answer, source="what it refused")

    def _wait_before_next(self, exc: Retryable) -> float | None:
        """None when the model is not asked again: often enough, or not while the turn may run."""
        if self._failures == len(RETRY_WAITS_S):
            return None
        wait_s = exc.retry_after_s or RETRY_WAITS_S[self._failures]
        return wait_s if self._clock.monotonic() + wait_s < self._deadline else None

    def _wait(self, wait_s: float) -> bool:
        """Let the time pass; false at once when nobody wants the answer any more."""
        until = self._clock.monotonic() + wait_s
        while not self._signals.is_called_off():
            left_s = until - self._clock.monotonic()
            if left_s <= 0:
                return True
            self._clock.wait(self._signals.stop, min(left_s, LOOK_EVERY_S))
        return False

    def _take(self, reply: ModelReply, took_s: float) -> None:
        event = ModelReplied(
            reply_id=self._clock.new_id(),
            model=reply.model,
            text=reply.message.text,
            thinking=reply.message.thinking,
            signed=reply.message.signed,
            tool_calls=self._with_own_ids(reply.message.tool_calls),
            usage=reply.usage,
            cost_micro_usd=price(reply.cost_micro_usd),
            stop_reason=reply.stop_reason,
            duration_ms=round(took_s * 1000),
        )
        self._scribe.record(event)

    def _with_own_ids(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """Ids of our own: a model may repeat one, and jobs and approvals are found by them."""
        return tuple(
            ToolCall(
                call_id=CallId(f"call_{self._clock.new_id().replace('-', '')[:20]}"),
                name=call.name,
                arguments=call.arguments,
            )
            for call in calls
        )


def _finished(outcome: Outcome, detail: str) -> TurnFinished:
    return TurnFinished(outcome=outcome, detail=detail)
