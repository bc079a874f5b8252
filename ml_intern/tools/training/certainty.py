"""How far a share that was measured on some rows may lie from that on all rows of its kind."""

import math

FEW_ROWS = 100
"""On fewer, a score says little, and that is said."""
_Z_95 = 1.959964


def interval_95(share: float, rows: int) -> tuple[float, float]:
    """Wilson's interval for a share (0 to 1) of right answers, lower end first.

    It holds for few rows, and at 0 and 1, too; for no rows it is all from 0 to 1.
    """
    if rows < 1:
        return 0.0, 1.0
    z2 = _Z_95**2 / rows
    middle = (share + z2 / 2) / (1 + z2)
    reach = _Z_95 / (1 + z2) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def caution(rows: int, low: float, high: float) -> str:
    """What to bear in mind about an accuracy on few rows; empty for many."""
    if rows >= FEW_ROWS:
        return ""
    return (
        f"Measured on {rows} rows only: on other data of this kind, accuracy may well be anywhere "
        f"from {low:.0%} to {high:.0%}."
    )
