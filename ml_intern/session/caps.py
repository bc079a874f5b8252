"""The caps in words of people: what they are called, and amounts in their units. Pure."""

from ml_intern.errors import InputError

MICRO = 1_000_000
_OF_SESSION = {
    "tokens": "the session's tokens",
    "seconds": "the session's time at work",
    "iterations": "the session's model calls without a word from a person",
}


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
    return f"{number:,} {'tokens' if kind == 'tokens' else 'calls'}"


def dollars(micro_usd: int) -> str:
    """Money as people write it; small sums with as many digits as they need."""
    usd = micro_usd / MICRO
    digits = 2 if abs(micro_usd) >= 100_000 or micro_usd % 10_000 == 0 else 6
    text = f"{abs(usd):,.{digits}f}"
    return f"{'-' if usd < 0 else ''}${text}"


def micro_usd(usd: float | None) -> int | None:
    """Dollars of the settings or of a person in the unit of the store."""
    return None if usd is None else round(usd * MICRO)


def reached(cap: str, used: int, limit: int, needed: int) -> str:
    """Why a session waits, and what helps."""
    if cap.startswith("price:"):
        return (
            f"more room: {named(cap)}; allow some (`ml-intern extend SESSION --calls N`), or give "
            "its price (`model_prices`) in the settings, or that it is free (`free_models`)"
        )
    return (
        f"more room: {named(cap)}: {amount(cap, used)} of {amount(cap, limit)} used, and the next "
        f"step may need {amount(cap, needed)}; `ml-intern extend SESSION` gives more"
    )


def demand_cap(cap: str, session_id: str) -> str:
    """The cap as the store writes it, which a person may name shortly. Raises InputError."""
    own = {"session": f"session:{session_id}", f"session:{session_id}": f"session:{session_id}"}
    if cap in own:
        return own[cap]
    if cap == "daemon" or cap in _OF_SESSION or cap.startswith(("day:", "price:")):
        return cap
    raise InputError(
        f"There is no cap {cap!r}. Caps: session, daemon, day:YYYY-MM-DD, tokens, seconds, "
        "iterations, price:MODEL."
    )
