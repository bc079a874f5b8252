"""Whether the money adds up: a replay of the journal that shares nothing with the product's own.

At no moment may what was spent and reserved under a cap have been more than the cap allowed then;
and when everything has ended, nothing is reserved any more.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_intern.events import (
    BudgetExtended,
    BudgetReached,
    Compacted,
    ModelAsked,
    ModelFailed,
    ModelReplied,
    Spend,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from ml_intern.queue.rows import Recorded
from tests.chaos.consent import Problem

Key = tuple[str, str]
"""The session and the id of the spend."""
BY_PEOPLE = ("ada", "bob")


@dataclass
class Books:
    """What counts against each cap, event by event."""

    used: Counter[str] = field(default_factory=Counter)
    extended: Counter[str] = field(default_factory=Counter)
    reserved: dict[Key, Spend] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)

    def take(self, recorded: Recorded) -> None:
        """One event, in the order of the journal."""
        session_id, event = recorded.session_id, recorded.event
        match event:
            case ModelAsked():
                self._settle_model(session_id, None)
                self._reserve(session_id, event.spend)
            case ModelReplied() | Compacted():
                self._settle_model(session_id, event.cost_micro_usd)
            case ModelFailed():
                self._settle_model(session_id, 0 if event.is_free else None)
            case TurnStarted() | TurnFinished():
                self._settle_model(session_id, None)
            case ToolStarted():
                self._reserve(session_id, event.spend)
            case ToolFinished():
                self._settle((session_id, event.call_id), event.cost_micro_usd)
            case BudgetExtended():
                self.extended[event.cap] += event.amount
            case _:
                pass

    def _reserve(self, session_id: str, spend: Spend | None) -> None:
        """What is started again may have cost before: that counts as spent from here on."""
        if spend is None:
            return
        self._settle((session_id, spend.spend_id), None)
        for cap, most in spend.caps.items():
            self.used[cap] += spend.micro_usd
            limit = None if most is None else most + self.extended[cap]
            if limit is not None and self.used[cap] > limit:
                self.passed.append(f"{cap} came to {self.used[cap]} of {limit} micro-dollars")
        self.reserved[session_id, spend.spend_id] = spend

    def _settle_model(self, session_id: str, cost: int | None) -> None:
        for key in [one for one in self.reserved if one[0] == session_id]:
            if key[1].startswith("model:"):
                self._settle(key, cost)

    def _settle(self, key: Key, cost: int | None) -> None:
        spend = self.reserved.pop(key, None)
        if spend is not None and cost is not None:
            for cap in spend.caps:
                self.used[cap] += cost - spend.micro_usd


def problems(
    journal: Sequence[Recorded], spends: Sequence[Any], budgets: Sequence[Any]
) -> Iterator[Problem]:
    """Of a database in which everything has come to rest."""
    books = Books()
    for recorded in journal:
        books.take(recorded)
    for words in books.passed:
        yield "broken", words
    for row in spends:
        if row.state == "reserved":
            yield "broken", f"{row.spend_id} of {row.session_id} stays reserved"
    for row in budgets:
        if (row.spent + row.reserved, row.extended) != (
            books.used[row.cap],
            books.extended[row.cap],
        ):
            words = f"{row.spent} + {row.reserved} of {row.extended} more"
            told = f"{books.used[row.cap]} of {books.extended[row.cap]} more"
            yield "broken", f"{row.cap} holds {words}, and the journal tells {told}"
    yield from _extended_twice(journal)


def _extended_twice(journal: Sequence[Recorded]) -> Iterator[Problem]:
    """Whoever reaches a cap is given more once, however often people press."""
    reached = Counter(
        (one.session_id, one.event.cap) for one in journal if isinstance(one.event, BudgetReached)
    )
    given = Counter(
        (one.session_id, one.event.cap)
        for one in journal
        if isinstance(one.event, BudgetExtended) and one.event.extended_by in BY_PEOPLE
    )
    for (session_id, cap), times in (given - reached).items():
        yield "duplicated", f"{session_id} was given more under {cap} {times} times too often"
