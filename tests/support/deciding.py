"""One decision, as most tests give it."""

from collections.abc import Mapping
from typing import Any

from ml_intern.events import Verdict
from ml_intern.queue.store import Store
from ml_intern.session.approvals import Situation, decide_all
from ml_intern.session.said import Said
from ml_intern.tools.router import ToolRouter


def decide(
    store: Store,
    router: ToolRouter,
    approval_id: str,
    verdict: Verdict,
    *,
    decided_by: str,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
    like_this: bool = False,
    situation: Situation | None = None,
) -> bool:
    """Decide about one call; false when somebody was first. See `decide_all`."""
    said = Said(
        approval_id=approval_id,
        verdict=verdict,
        reason=reason,
        arguments=arguments,
        like_this=like_this,
    )
    return bool(decide_all(store, router, [said], decided_by=decided_by, situation=situation))
