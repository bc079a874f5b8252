"""What people say about calls that wait for a yes, and what they are told of an edit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_intern.events import Verdict


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a person says about one call."""

    approval_id: str
    verdict: Verdict
    reason: str = ""
    arguments: Mapping[str, Any] | None = field(default=None, hash=False)
    """The edited ones, complete; only with `edit`."""
    like_this: bool = False
    """Approve all calls like it too, until the rule is revoked; only with `approve`."""


@dataclass(frozen=True, kw_only=True)
class EditCheck:
    """What would become of edited arguments. Nothing was decided."""

    problems: dict[str, str] = field(hash=False)
    """Why they cannot be used, by the name of an argument; `` (empty) for all of them together."""
    notes: tuple[str, ...] = ()
    """What a person should know before saying yes to them all the same."""
    cost_micro_usd: int | None = 0
    """At worst; None: unknown."""
