"""What time on a machine of the Hub costs. Pure; in whole minutes and millionths of a US dollar.

The Hub bills each minute that is begun while a job starts and while it runs, not while it waits
for a machine.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ml_intern.errors import InputError

STARTING_S = 300.0
"""That starting (pulling the image, attaching volumes) may take beside the time limit, which bounds
the running only. Whoever watches a job cancels one that starts for longer.
"""
MOST_TIMEOUT_S = 90 * 86_400.0
MOST_PER_MINUTE = 1_000_000_000
"""A dearer minute than 1,000 USD is an error in the list."""


@dataclass(frozen=True, kw_only=True)
class Flavor:
    """A kind of machine, as the Hub's list has it."""

    name: str
    """What a job names to get one, e.g. `a10g-large`."""
    title: str
    """For people."""
    accelerator: str
    """E.g. `1 x A10G, 24 GB`; empty for none."""
    micro_usd_per_minute: Annotated[int, Field(gt=0, le=MOST_PER_MINUTE)] | None
    trouble: str = ""
    """Why its price is unknown."""


def whole_minutes(seconds: float) -> int:
    """The minutes that are begun in so many seconds. Raises InputError for no length of time."""
    if not 0 <= seconds <= MOST_TIMEOUT_S + STARTING_S:
        raise InputError(f"{seconds} s is not a time from 0 to {MOST_TIMEOUT_S / 86_400:.0f} days.")
    return math.ceil(seconds / 60)


def cost_micro_usd(micro_usd_per_minute: int, billed_s: float) -> int:
    """Of a job that has started and run for `billed_s` seconds, both together."""
    return micro_usd_per_minute * whole_minutes(billed_s)


def worst_micro_usd(micro_usd_per_minute: int, timeout_s: float) -> int:
    """Of a job that may run for `timeout_s` seconds, `STARTING_S` for its start included.

    Raises InputError for a time limit that is none.
    """
    if not 0 < timeout_s <= MOST_TIMEOUT_S:
        most = f"{MOST_TIMEOUT_S / 86_400:.0f} days"
        raise InputError(f"{timeout_s} s is not a time limit: give more than 0, at most {most}.")
    return micro_usd_per_minute * whole_minutes(timeout_s + STARTING_S)


def flavors_of(listed: Iterable[Any]) -> tuple[Flavor, ...]:
    """The entries of the Hub's list (`JobHardwareInfo`), by name.

    A price that makes no sense is unknown. So is that of a name which stands there at two prices.
    """
    flavors = sorted({_flavor(entry) for entry in listed}, key=lambda flavor: flavor.name)
    named = Counter(flavor.name for flavor in flavors)
    twice = "it stands in the list more than once, and not alike"
    first = {flavor.name: flavor for flavor in reversed(flavors)}
    return tuple(
        first[name] if named[name] == 1 else _unpriced(first[name], twice) for name in sorted(first)
    )


def _flavor(entry: Any) -> Flavor:
    trouble = _trouble(entry)
    found = entry.accelerator
    return Flavor(
        name=str(entry.name),
        title=str(entry.pretty_name),
        accelerator=f"{found.quantity} x {found.model}, {found.vram}" if found else "",
        micro_usd_per_minute=None if trouble else entry.unit_cost_micro_usd,
        trouble=trouble,
    )


def _trouble(entry: Any) -> str:
    """Why its price cannot be used; empty where it can."""
    price, usd, unit = entry.unit_cost_micro_usd, entry.unit_cost_usd, entry.unit_label
    if unit != "minute":
        return f"its price is for {_shown(unit)}, not for a minute"
    if not _is_number(price, int) or not 0 < price <= MOST_PER_MINUTE:
        return f"{_shown(price)} is no price in millionths of a dollar"
    if not _is_number(usd, int | float) or not abs(usd * 1_000_000 - price) <= 1 + price / 1000:
        return f"it has two prices: {price} millionths of a dollar, and {_shown(usd)} dollars"
    return ""


def _is_number(given: object, kind: Any) -> bool:
    return isinstance(given, kind) and not isinstance(given, bool)


def _unpriced(flavor: Flavor, trouble: str) -> Flavor:
    return Flavor(
        name=flavor.name,
        title=flavor.title,
        accelerator=flavor.accelerator,
        micro_usd_per_minute=None,
        trouble=trouble,
    )


def _shown(given: object) -> str:
    return repr(given)[:60]
