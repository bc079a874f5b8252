"""What a rule decides: words, and the calls that go with them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Action:
    """One tool call, still without an id."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Step:
    """One reply of the planner. Without actions it is the last word of the turn."""

    text: str
    actions: tuple[Action, ...] = ()
    failed: bool = False
    """The last word is that the task cannot be done, or was not: the turn must not end as done."""
