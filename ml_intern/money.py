"""Money as people read it. It is counted in integer millionths of a US dollar, everywhere."""

MICRO_USD = 1_000_000
"""Of one dollar."""
CENT = MICRO_USD // 100


def dollars(micro_usd: int | None) -> str:
    """`$1.25`; below ten cents as many digits as it takes. None is a sum that nobody knows."""
    if micro_usd is None:
        return "unknown"
    sign, sum_ = "-" if micro_usd < 0 else "", abs(micro_usd)
    if sum_ >= 10 * CENT or sum_ % CENT == 0:
        return f"{sign}${sum_ / MICRO_USD:,.2f}"
    return f"{sign}${sum_ / MICRO_USD:.6f}".rstrip("0")


def bill(known_micro_usd: int, *, is_whole: bool) -> str:
    """What something has cost; not `is_whole`: the price of a part of it is unknown."""
    if is_whole:
        return dollars(known_micro_usd)
    if not known_micro_usd:
        return dollars(None)
    return f"{dollars(known_micro_usd)} and what nobody knows the price of"
