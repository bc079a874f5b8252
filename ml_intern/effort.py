"""How hard a model is asked to think."""

from typing import Literal, get_args

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)
"""From least to most."""


def less(effort: Effort) -> Effort | None:
    """The level below; None below the least."""
    at = EFFORTS.index(effort)
    return EFFORTS[at - 1] if at else None
