"""What is done about a model that gave no usable answer. Pure."""

from dataclasses import dataclass
from typing import Literal, assert_never

from ml_intern.effort import Effort, less
from ml_intern.errors import ModelError, Retryable

WAITS_S = (1.0, 4.0)
"""Before the same model is asked again, while its circuit is closed; then the last of them."""


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What is done, and about what: `again`, the same model, perhaps asked for less; `leave` it
    alone until it is well; `pass`: it is not asked this again; `shorter`: the request is too long.
    """

    act: Literal["again", "leave", "pass", "shorter"]
    wait_s: float = 0.0
    effort: Effort | None = None
    """With which it is asked from now on; None: as before."""


def remedy(exc: ModelError, *, failures: int, effort: Effort | None) -> Remedy:
    """`failures`: in a row, before this one. `effort`: with which it was asked, if with any."""
    match exc.trouble:
        case "away" | "rate":
            said_s = exc.retry_after_s if isinstance(exc, Retryable) else None
            return Remedy(act="again", wait_s=said_s or WAITS_S[min(failures, len(WAITS_S) - 1)])
        case "authentication" | "billing" | "model":
            return Remedy(act="leave")
        case "content" | "request":
            return Remedy(act="pass")
        case "context":
            return Remedy(act="shorter")
        case "effort":
            return _with_effort(less(effort) if effort is not None else None)
        case "thinking":
            return _with_effort("none" if effort != "none" else None)
        case trouble:
            assert_never(trouble)


def _with_effort(effort: Effort | None) -> Remedy:
    """The same model with less effort, where there is less."""
    return Remedy(act="pass") if effort is None else Remedy(act="again", effort=effort)
