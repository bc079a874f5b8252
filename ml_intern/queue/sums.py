"""What the rows of `budget` must be: the sum, over all sessions, of what their journals say.

Takes each session's fold once; memory grows with the caps.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Row

from ml_intern.queue.finding import Finding, compared, shown
from ml_intern.queue.refold import Refold
from ml_intern.queue.rows import BudgetRow
from ml_intern.queue.schema import budget

_NAMES = ("extended", "spent", "reserved", "noticed")


class Sums:
    """Grows session by session."""

    def __init__(self) -> None:
        self._spent: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._extended: Counter[str] = Counter()
        self._noticed: dict[str, int] = {}
        self._known: set[str] = set()
        self._whole = True

    def take(self, refold: Refold | None) -> None:
        """Add one session; None: its journal cannot be read, so no sum can be known."""
        if refold is None:
            self._whole = False
            return
        for spent in refold.spends.values():
            for cap in spent.caps:
                self._known.add(cap)
                if spent.state == "reserved":
                    self._reserved[cap] += spent.reserved_micro_usd
                else:
                    self._spent[cap] += spent.spent_micro_usd or 0
        for cap, amount in refold.extended.items():
            if _has_row(cap):
                self._known.add(cap)
                self._extended[cap] += amount
        for cap, percent in refold.noticed.items():
            if _has_row(cap):
                self._noticed[cap] = max(percent, self._noticed.get(cap, 0))

    def findings(self, rows: Iterable[Row[Any]]) -> Iterator[Finding]:
        """Every row of `budget` that is not its sum."""
        if not self._whole:
            return
        found = set()
        for row in rows:
            found.add(row.cap)
            place = f"cap {shown(row.cap)}"
            yield from compared(row, budget, place, self._expected(row.cap), _NAMES)
        for cap in sorted(self._known - found):
            words = "the journal knows it, and it has no row"
            yield Finding(table="budget", place=f"cap {cap}", words=words)

    def _expected(self, cap: str) -> BudgetRow | None:
        if cap not in self._known:
            return None
        return BudgetRow(
            cap=cap,
            extended=self._extended[cap],
            spent=self._spent[cap],
            reserved=self._reserved[cap],
            noticed=self._noticed.get(cap, 0),
        )


def _has_row(cap: str) -> bool:
    """Caps in money are shared; the others are of one session, and folds of its journal."""
    return cap == "daemon" or cap.startswith(("session:", "day:"))
