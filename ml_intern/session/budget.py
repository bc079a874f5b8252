"""What a session may still use: reserves for its model, and says when a cap is reached.

Judges only; what it says is recorded by the turn. The caps in money are enforced by the store, in
the transaction that records the step, because sessions share them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ml_intern.clock import Clock
from ml_intern.errors import OverBudget
from ml_intern.events import BudgetExtended, BudgetNoticed, Spend
from ml_intern.llm.client import ModelClient
from ml_intern.messages import Message, SessionId, ToolSpec
from ml_intern.queue.budgets import OF_MODEL
from ml_intern.queue.rows import MOST_AMOUNT
from ml_intern.queue.store import Store
from ml_intern.session.caps import level_passed
from ml_intern.session.desk import Limits
from ml_intern.session.history import History
from ml_intern.session.meter import ITERATIONS, SECONDS, TOKENS, Meter, price_cap, worked_s

LEVELS = (100, 80, 50)
BY_PROGRESS = "progress"


def own_cap(session_id: SessionId) -> str:
    """The key of a session's own cap in money."""
    return f"session:{session_id}"


def price(cost_micro_usd: Any) -> int | None:
    """What a model or a tool says that a step has cost; None where that is no amount of money."""
    is_number = isinstance(cost_micro_usd, int) and not isinstance(cost_micro_usd, bool)
    if is_number and 0 <= cost_micro_usd <= MOST_AMOUNT:
        return int(cost_micro_usd)
    return None


class Budget:
    """Of one session, for one turn. Not thread-safe."""

    def __init__(
        self, session_id: SessionId, history: History, limits: Limits, store: Store, clock: Clock
    ) -> None:
        self._session_id = session_id
        self._history = history
        self._limits = limits
        self._store = store
        self._clock = clock
        self._worked_s = 0.0
        self._since = clock.monotonic()
        if limits.caps.seconds is not None:
            self._worked_s = worked_s(store.events(session_id), clock.now())

    # Before a step

    def more_iterations(self) -> BudgetExtended | None:
        """A third more, where the work got on in the last third of what there is."""
        meter, soft = self._meter, self._limits.max_iterations
        limit = soft + meter.extended[ITERATIONS]
        third = max(1, soft // 3)
        if meter.answers < limit or meter.got_on_at <= limit - third:
            return None
        return BudgetExtended(
            cap=ITERATIONS,
            amount=third,
            extended_by=BY_PROGRESS,
            reason=f"the work got on at answer {meter.got_on_at} of {limit}",
        )

    def demand(self) -> None:
        """Raises OverBudget when one more answer would pass what is this session's alone."""
        meter, caps = self._meter, self._limits.caps
        self._within(ITERATIONS, meter.answers, self._limits.max_iterations, 1)
        if caps.tokens is not None:
            # The next request has at least as many tokens as the one before.
            self._within(TOKENS, meter.tokens, caps.tokens, max(1, meter.last_tokens))
        if caps.seconds is not None:
            self._within(SECONDS, self._seconds(), int(caps.seconds), 1)

    def for_model(
        self, model: ModelClient, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> Spend | None:
        """What is to be reserved for the next answer; None for a free model.

        Raises OverBudget for one of unknown price that nobody has allowed.
        """
        worst = model.worst_cost_micro_usd(messages, tools, self._meter.known(model.name))
        if worst is None:
            cap = price_cap(model.name)
            self._within(cap, self._meter.unpriced[cap], 0, 1)
            return None
        return self.spend(f"{OF_MODEL}{self._clock.new_id()}", worst) if worst else None

    def spend(self, spend_id: str, micro_usd: int) -> Spend:
        """So much under every cap that this session stands under, today."""
        return Spend(spend_id=spend_id, micro_usd=micro_usd, caps=self._caps())

    def left_micro_usd(self) -> int | None:
        """Under the tightest cap; None: there is no cap in money."""
        capped = {cap: most for cap, most in self._caps().items() if most is not None}
        rows = self._store.budgets(*capped) if capped else {}
        left = [most + rows[cap].extended - rows[cap].used for cap, most in capped.items()]
        return max(0, min(left)) if left else None

    # After a step

    def notices(self, spend: Spend | None) -> list[BudgetNoticed]:
        """What people have not been told yet: a level that is passed now, the highest only."""
        return [*self._of_money(spend), *self._of_own()]

    def _of_money(self, spend: Spend | None) -> Iterator[BudgetNoticed]:
        capped = (
            {cap: most for cap, most in spend.caps.items() if most is not None} if spend else {}
        )
        if not capped:
            return
        for cap, row in self._store.budgets(*capped).items():
            # What is only reserved may come back.
            yield from _notice(cap, row.spent, capped[cap] + row.extended, row.noticed)

    def _of_own(self) -> Iterator[BudgetNoticed]:
        meter, caps = self._meter, self._limits.caps
        if caps.tokens is not None:
            limit = caps.tokens + meter.extended[TOKENS]
            yield from _notice(TOKENS, meter.tokens, limit, meter.noticed.get(TOKENS, 0))
        if caps.seconds is not None:
            limit = int(caps.seconds) + meter.extended[SECONDS]
            yield from _notice(SECONDS, self._seconds(), limit, meter.noticed.get(SECONDS, 0))

    @property
    def _meter(self) -> Meter:
        return self._history.meter

    def _seconds(self) -> int:
        return int(self._worked_s + self._clock.monotonic() - self._since)

    def _within(self, cap: str, used: int, most: int, needed: int) -> None:
        limit = most + self._meter.extended[cap]
        if used + needed > limit:
            raise OverBudget(cap=cap, used=used, limit=limit, needed=needed)

    def _caps(self) -> dict[str, int | None]:
        caps, own = self._limits.caps, self._meter.max_cost_micro_usd
        today = self._clock.now().date().isoformat()
        return {
            own_cap(self._session_id): caps.session_micro_usd if own is None else own,
            f"day:{today}": caps.day_micro_usd,
            "daemon": caps.daemon_micro_usd,
        }


def _notice(cap: str, used: int, limit: int, told: int) -> Iterator[BudgetNoticed]:
    for percent in LEVELS:
        if used * 100 >= limit * percent and used:
            if percent > told:
                words = level_passed(cap, percent, used, limit)
                yield BudgetNoticed(cap=cap, percent=percent, used=used, limit=limit, told=words)
            return
