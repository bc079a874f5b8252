"""More room under a cap: from what a person names to the cap and the amount in its unit. Pure."""

from collections.abc import Mapping

from ml_intern.client.view import View
from ml_intern.errors import InputError
from ml_intern.queue.rows import is_money
from ml_intern.session.caps import parsed, unit_of

_ON_MONEY = ("session", "day", "daemon")
_CAPS = {"tokens": "tokens", "hours": "seconds", "iterations": "iterations"}


def named_room(given: Mapping[str, float | None], cap: str | None, view: View) -> tuple[str, int]:
    """The cap and the amount. Raises InputError unless exactly one amount is given.

    `given`: by `usd`, `tokens`, `hours`, `iterations` or `calls` (of a model of unknown price).
    `cap`: which one in money; None: the one that the session waits for, else its own.
    """
    said = {unit: number for unit, number in given.items() if number is not None}
    if len(said) != 1:
        raise InputError("Say one of usd, tokens, hours, iterations, calls.")
    ((unit, number),) = said.items()
    which = _which(unit, cap, view)
    return which, parsed(which, str(number))


def _which(unit: str, cap: str | None, view: View) -> str:
    reached = view.reached.cap if view.reached is not None else ""
    if unit == "usd":
        if cap is not None and (cap in _CAPS.values() or cap.startswith("price:")):
            raise InputError(f"{cap} is no cap in money: leave it out, and give {unit_of(cap)}.")
        if cap is not None and cap not in _ON_MONEY and not is_money(cap):
            raise InputError(
                f"There is no cap {cap[:80]!r} on money; known: {', '.join(_ON_MONEY)}. Tokens, "
                "hours, iterations and calls need no cap named."
            )
        return cap or (reached if is_money(reached) else f"session:{view.session_id}")
    if cap is not None:
        raise InputError("A cap is named for money only; leave it out, or give usd.")
    return _CAPS.get(unit) or (reached if reached.startswith("price:") else f"price:{view.model}")
