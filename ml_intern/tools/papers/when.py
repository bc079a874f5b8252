"""Years and days, as calls name them and as each index takes them."""

import re
from dataclasses import dataclass
from datetime import date

from ml_intern.errors import InputError

_YEARS = re.compile(r"(\d{4})?(-)?(\d{4})?")
FIRST, LAST = 1800, 2999


@dataclass(frozen=True, kw_only=True)
class Years:
    """From the first day of `first` to the last of `last`."""

    first: int = FIRST
    last: int = LAST

    @property
    def for_arxiv(self) -> str:
        """A part of its query."""
        return f"submittedDate:[{max(self.first, 1991)}01010000 TO {self.last}12312359]"

    @property
    def for_semantic_scholar(self) -> str:
        """Its parameter `year`."""
        if self.first == self.last:
            return str(self.first)
        first = "" if self.first == FIRST else str(self.first)
        return f"{first}-{'' if self.last == LAST else self.last}"

    def holds(self, year: int | None) -> bool:
        """Whether it lies among them; one that nobody knows may."""
        return year is None or self.first <= year <= self.last


def years(said: str) -> Years | None:
    """`2023`, `2021-2023`, `2023-`, `-2020`; None for nothing. Raises InputError."""
    if not said:
        return None
    found = _YEARS.fullmatch(said.replace(" ", ""))
    if found is None or not (found[1] or found[3]) or (found[1] and found[3] and not found[2]):
        raise InputError(f"{said!r} are no years; write 2023, 2021-2023, 2023- or -2020.")
    first = int(found[1]) if found[1] else FIRST
    last = int(found[3]) if found[3] else (LAST if found[2] else first)
    if not FIRST <= first <= last <= LAST:
        raise InputError(f"{said!r} are no years in which papers were written.")
    return Years(first=first, last=last)


def period(said: str) -> dict[str, str]:
    """A day, week or month (`2026-11-25`, `2026-W47`, `2026-11`), as the Hub's parameter for it;
    nothing for nothing. Raises InputError.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", said):
            return {"date": date.fromisoformat(said).isoformat()}
        if week := re.fullmatch(r"(\d{4})-W(\d{2})", said):
            date.fromisocalendar(int(week[1]), int(week[2]), 1)
            return {"week": said}
        if re.fullmatch(r"\d{4}-\d{2}", said):
            date.fromisoformat(f"{said}-01")
            return {"month": said}
    except ValueError as exc:
        raise InputError(f"{said!r} is no day, week or month: {exc}.") from exc
    if said:
        raise InputError(
            f"{said!r} is no day, week or month; write 2026-11-25, 2026-W47 or 2026-11."
        )
    return {}
