"""Whether a call may run: a pure function of the tool's effect and its own reason to ask.

Reads and confined work inside the workspace are allowed; what leaves the machine or changes what
was
asked for needs a person. Does not know who answers, or how.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

from ml_intern.events import Effect


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The policy's answer, with the reason that a person reads."""

    verdict: Literal["allow", "ask", "deny"]
    reason: str


def judge(tool: str, effect: Effect, ask_reason: str | None) -> Judgement:
    """Judge one call of `tool`. `ask_reason` is the tool's own sentence for these arguments."""
    if ask_reason is not None:
        return Judgement(verdict="ask", reason=ask_reason)
    match effect:
        case "read":
            return Judgement(verdict="allow", reason="it only reads")
        case "write":
            return Judgement(verdict="allow", reason="it is confined to the workspace")
        case "external":
            return Judgement(verdict="ask", reason=f"{tool} acts outside the workspace")
        case _:
            assert_never(effect)
