"""One call, as the policy sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_intern.events import Effect


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that is known of a call before it runs."""

    tool: str
    arguments: Mapping[str, Any] = field(hash=False)
    """Complete with defaults, as they would run."""
    effect: Effect
    operation: str = ""
    """What the tool would do, where it can do several things."""
    repository: str = ""
    """`OWNER/NAME` that it is about; empty for none."""
    cost_micro_usd: int | None = 0
    """At worst. None: unknown, which is as good as too much."""
    cost_basis: str = ""
    """What that rests on: a price, whose list it is from, and its date."""
    runs_code: bool = False
    """Whether code or a command that the model wrote would run."""
    unconfined: bool = False
    """Whether such code has all the rights of the person here."""
    network: bool = False
    """Whether such code may open connections here."""
    own_reason: str | None = None
    """The tool's own sentence on why these arguments need a yes."""
    is_question: bool = False
    """Whether the call is nothing but a question to a person: no rule can answer it."""
