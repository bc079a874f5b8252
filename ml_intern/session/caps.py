"""The caps in words of people: what they are called, and amounts in their units. Pure."""

import json
import math
import re
from dataclasses import dataclass
from datetime import date

from ml_intern.context.prompts import HARNESS
from ml_intern.errors import InputError
from ml_intern.money import CENT, MICRO_USD, dollars
from ml_intern.queue.rows import MOST_AMOUNT, is_money

MORE_CALLS = 10
"""Of a model of unknown price."""
_PER_UNIT = {"USD": MICRO_USD, "hours": 3600}
"""What is given in parts is counted in smaller units; all else in whole ones."""
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
LONGEST_NAME = 500
"""Characters of a model's name."""

_OF_SESSION = {
    "tokens": "the session's tokens",
    "seconds": "the session's time at work",
    "iterations": "the session's model calls without a word from a person",
}


@dataclass(frozen=True, kw_only=True)
class CapState:
    """How a cap stands, in its unit: see `BudgetReached`."""

    cap: str
    used: int
    """Spent for certain, or held."""
    reserved: int = 0
    """For what goes on."""
    limit: int | None = None
    """With extensions; None: there is none."""
    extended: int = 0


def named(cap: str) -> str:
    """What the cap is on."""
    kind, _, key = cap.partition(":")
    match kind:
        case "session":
            return "the session's money"
        case "day":
            return f"the money of {key} (UTC)"
        case "daemon":
            return "the money of all sessions together"
        case "price":
            return f"calls of {key}, whose price is unknown"
        case _:
            return _OF_SESSION.get(cap, cap)


def amount(cap: str, number: int) -> str:
    """A number of the cap's unit, e.g. `$1.50`."""
    kind = cap.partition(":")[0]
    if kind in ("session", "day", "daemon"):
        return dollars(number)
    if kind == "seconds":
        return f"{number / 3600:.1f} h" if number >= 3600 else f"{number:,} s"
    unit = "token" if kind == "tokens" else "call"
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"


def micro_usd(usd: float | None) -> int | None:
    """Dollars of the settings or of a person in the unit of the store."""
    return None if usd is None else round(usd * MICRO_USD)


def unit_of(cap: str) -> str:
    """What a person gives more of."""
    kind = cap.partition(":")[0]
    if kind in ("session", "day", "daemon"):
        return "USD"
    return {"tokens": "tokens", "seconds": "hours"}.get(kind, "calls")


def parsed(cap: str, words: str) -> int:
    """What a person typed, in the cap's own unit. Raises InputError.

    A comma parts thousands: where it is meant as a point, 1,5 is not taken for 15.
    """
    unit = unit_of(cap)
    number = _number(words.strip().removeprefix("$")) * _PER_UNIT.get(unit, 1)
    if not 1 <= number <= MOST_AMOUNT or (unit not in _PER_UNIT and not number.is_integer()):
        kind = "number" if unit in _PER_UNIT else "whole number"
        raise InputError(f"{words.strip()[:40]!r} is no {kind} of {unit} above 0.")
    return round(number)


def _number(words: str) -> float:
    if "," in words and _THOUSANDS.fullmatch(words) is None:
        return math.nan
    try:
        return float(words.replace(",", ""))
    except ValueError:
        return math.nan


def level_passed(cap: str, percent: int, used: int, limit: int) -> str:
    """What a model is told when so much of a cap is used up."""
    left = amount(cap, max(0, limit - used))
    return (
        f"{HARNESS} {percent} % of {named(cap)} is used: {amount(cap, used)} of "
        f"{amount(cap, limit)}, {left} left. At the cap the session waits for a person."
    )


def more_room(cap: str, number: int) -> str:
    """What a model is told when a person gives more."""
    return f"{HARNESS} A person gave {amount(cap, number)} more for {named(cap)}."


def proposed(cap: str, used: int, limit: int, needed: int) -> int:
    """How much more a person is offered to give: enough for the next step, in whole cents."""
    if cap.startswith("price:"):
        return MORE_CALLS
    # More may be used than the limit is: a setting was changed, or a step cost more than it could.
    more = max(needed, used + needed - limit, limit // 2, 1)
    return _whole_cents(more) if is_money(cap) else more


def _whole_cents(micro_usd: int) -> int:
    """Rounded up."""
    return -(-micro_usd // CENT) * CENT


def reached(cap: str, used: int, limit: int, needed: int) -> str:
    """Why a session waits, and what helps."""
    return f"more room: {shortfall(cap, used, limit, needed)}"


def shortfall(cap: str, used: int, limit: int, needed: int) -> str:
    """Which cap is reached, and by how much the next step does not fit; without a full stop."""
    if cap.startswith("price:"):
        model = cap.removeprefix("price:")
        allowed = f", and the {amount(cap, limit)} that were allowed are made" if limit else ""
        return (
            f"what {model} costs is not known{allowed}; allow some calls of it, or say in "
            "config.toml that it is free, such as a server of your own "
            f"(`free_models = [{json.dumps(model)}]`), or what it costs (`model_prices`), and "
            "restart the daemon"
        )
    words = (
        f"the cap on {named(cap)} is reached: {amount(cap, used)} of {amount(cap, limit)} used or "
        f"reserved, and the next step may need {amount(cap, needed)}"
    )
    missing = used + needed - limit
    # Sums are rounded, and look as if they fitted.
    if not is_money(cap) or not 0 < missing < needed:
        return words
    lacking = _whole_cents(missing) if missing >= CENT else missing
    return f"{words}, {amount(cap, lacking)} more than is left"


def by_itself(cap: str) -> str:
    """When a session that waits for the cap goes on without a person, as a sentence; or nothing."""
    match cap.partition(":")[0]:
        case "day":
            return "It goes on by itself when others leave as much, or after midnight (UTC)."
        case "daemon":
            return "It goes on by itself when others leave as much."
        case _:
            return ""


def named_by(cap: str, session_id: str, today: str) -> str:
    """The cap as the store writes it; `session` and `day` need not say which. Raises InputError."""
    own = f"session:{session_id}"
    found = {"session": own, "day": f"day:{today}"}.get(cap, cap)
    if found in (own, "daemon", *_OF_SESSION) or _is_named(*found.split(":", 1)):
        return found
    raise InputError(
        f"There is no cap {cap[:80]!r} here. Caps: session, day, daemon, tokens, seconds, "
        "iterations, price:MODEL."
    )


def _is_named(kind: str, key: str = "") -> bool:
    """Whether it is the cap of a day, or of a model."""
    match kind:
        case "day":
            return _is_day(key)
        case "price":
            return 0 < len(key) <= LONGEST_NAME
        case _:
            return False


def _is_day(key: str) -> bool:
    try:
        return date.fromisoformat(key).isoformat() == key
    except ValueError:
        return False
