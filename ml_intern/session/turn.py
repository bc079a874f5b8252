"""One turn: settle the calls that have no answer, else ask the model, until it ends or must wait.

What the model has said or done is judged by the guards before it is asked again.

Fresh, approved, resumed and crashed turns all come through `Turn.run`; what differs is only what
stands in the journal. Every step is recorded before the next one, an effect before it begins.
Ends in exactly one `TurnFinished`, which the caller stores together with the end of the op.
"""

from collections.abc import Callable
from datetime import timedelta

from ml_intern.clock import stamp
from ml_intern.errors import ConfigError, ModelError, OverBudget, Overtaken
from ml_intern.events import BudgetReached, Outcome, TurnFinished
from ml_intern.session.answering import Answering
from ml_intern.session.calls import Calls
from ml_intern.session.caps import reached
from ml_intern.session.chain import AllAway
from ml_intern.session.compacting import TooSmall
from ml_intern.session.ground import Ground
from ml_intern.session.guards import judge


class Turn:
    """One run of the loop, owned by one worker thread."""

    def __init__(
        self,
        ground: Ground,
        *,
        calls: Calls,
        answering: Answering,
        why_stopped: Callable[[], str],
        take_in: Callable[[], bool],
    ) -> None:
        """`take_in` makes an op that has been queued meanwhile part of this turn; false: none."""
        self._scribe, self._history, self._limits = ground.scribe, ground.history, ground.limits
        self._budget, self._clock, self._signals = ground.budget, ground.clock, ground.signals
        self._calls = calls
        self._answering = answering
        self._why_stopped = why_stopped
        self._take_in = take_in
        self._deadline = self._clock.monotonic() + self._limits.max_turn_s

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
                self._answering.record_next()
            except Overtaken:
                continue
            except OverBudget as over:
                return self._wait_for_room(over)
            except AllAway as away:
                return self._wait_for_models(away)
            except (ModelError, TooSmall, ConfigError) as exc:
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

    def _wait_for_models(self, away: AllAway) -> TurnFinished:
        """Nobody holds a thread meanwhile; the clockwork wakes the session."""
        at = stamp(self._clock.now() + timedelta(seconds=away.wait_s))
        return TurnFinished(
            outcome="waiting",
            detail=str(away),
            waiting_on=(f"model:{at}", *self._calls.waiting_on()),
        )


def _finished(outcome: Outcome, detail: str) -> TurnFinished:
    return TurnFinished(outcome=outcome, detail=detail)
