"""Deciding about a call, from whichever door: checked against its schema, first answer wins."""

import json
from collections.abc import Mapping
from typing import Any

from ml_intern.errors import InputError
from ml_intern.events import ApprovalDecided, Verdict
from ml_intern.queue.store import Store
from ml_intern.tools.protocol import ToolOutcome
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
) -> bool:
    """Decide an open approval; false when somebody was first. Durable when it returns.

    `arguments` are the edited ones, complete; only with `edit`. Raises InputError for an unknown
    approval and for arguments that do not fit; the question then stays open.
    """
    asked = store.approval(approval_id)
    arguments_sha256 = asked.arguments_sha256
    approved = asked.arguments
    if verdict == "edit":
        prepared = router.prepare(asked.tool, arguments or {})
        if isinstance(prepared, ToolOutcome):
            raise InputError(_misfit(asked.tool, prepared))
        approved, arguments_sha256 = prepared.arguments, prepared.sha256
    return store.decide(
        ApprovalDecided(
            approval_id=asked.approval_id,
            call_id=asked.call_id,
            verdict=verdict,
            arguments=approved,
            arguments_sha256=arguments_sha256,
            decided_by=decided_by,
            reason=reason,
        )
    )


def misfits(
    store: Store, router: ToolRouter, approval_id: str, arguments: Mapping[str, Any]
) -> list[str]:
    """What keeps these arguments from running in the place of those that were asked for.

    A sentence each, which begins with the name of its argument where it is about one. Decides
    nothing. Raises InputError for an unknown approval.
    """
    prepared = router.prepare(store.approval(approval_id).tool, arguments)
    if not isinstance(prepared, ToolOutcome):
        return []
    told = json.loads(prepared.output)
    return [str(problem) for problem in told.get("problems") or [told["error"]]]


def _misfit(tool: str, refusal: ToolOutcome) -> str:
    """What the router has against edited arguments, as a person reads it."""
    told = json.loads(refusal.output)
    problems = told.get("problems") or [str(told["error"]).removeprefix(f"{tool}: ")]
    listed = "; ".join(str(problem) for problem in problems)
    end = "" if listed.endswith((".", "?")) else "."
    return f"The edited arguments cannot be used: {listed}{end} Nothing was decided."
