"""Deciding about calls, from whichever door: checked against their schemas, first answer wins."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml_intern.errors import InputError
from ml_intern.events import ApprovalDecided, Outlook, RuleGranted
from ml_intern.messages import ApprovalId
from ml_intern.money import dollars
from ml_intern.queue.rows import ApprovalRow
from ml_intern.queue.store import Store
from ml_intern.session.said import EditCheck, Said
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.wording import sentence

Situation = Callable[[ApprovalRow], ToolContext]
"""What the tool of an approval would be given if it ran now."""


def decide_all(
    store: Store,
    router: ToolRouter,
    said: Sequence[Said],
    *,
    decided_by: str,
    situation: Situation | None = None,
) -> tuple[ApprovalId, ...]:
    """Decide about calls of one session at once; which of the decisions won: the first ones.

    Durable when it returns. Edited arguments are judged, and looked at by their tool, where there
    is a `situation`.
    Raises InputError for an unknown approval, approvals of several sessions and arguments that do
    not fit or are not allowed; all questions then stay open.
    """
    if not said:
        raise InputError("There is nothing to decide.")
    rows = [store.approval(one.approval_id) for one in said]
    if len({row.approval_id for row in rows}) < len(rows):
        raise InputError("An approval is named twice; nothing was decided.")
    decided = [
        _decided(one, row, router, decided_by, situation)
        for one, row in zip(said, rows, strict=True)
    ]
    grants = [_rule(row, decided_by) for one, row in zip(said, rows, strict=True) if one.like_this]
    return store.decide(*decided, grants=grants)


def check_edit(
    store: Store,
    router: ToolRouter,
    approval_id: str,
    arguments: Mapping[str, Any],
    *,
    situation: Situation | None = None,
) -> EditCheck:
    """Whether an approval could be given with these arguments, complete. Raises InputError."""
    return _checked(store.approval(approval_id), router, arguments, situation)[1]


def _decided(
    said: Said,
    asked: ApprovalRow,
    router: ToolRouter,
    decided_by: str,
    situation: Situation | None,
) -> ApprovalDecided:
    if said.verdict == "expire":
        raise InputError("Only time lets an approval expire; approve, edit or deny it.")
    if said.like_this and (said.verdict != "approve" or not asked.like_this):
        raise InputError(
            f"{asked.tool} cannot be approved together with all calls like it; approve this one "
            "alone. Nothing was decided."
        )
    arguments, sha256, outlook = asked.arguments, asked.arguments_sha256, None
    if said.verdict == "edit":
        prepared, check, outlook = _checked(asked, router, said.arguments or {}, situation)
        if prepared is None:
            raise InputError(_misfit(check))
        arguments, sha256 = prepared.arguments, prepared.sha256
    return ApprovalDecided(
        approval_id=asked.approval_id,
        call_id=asked.call_id,
        verdict=said.verdict,
        arguments=arguments,
        arguments_sha256=sha256,
        decided_by=decided_by,
        reason=said.reason,
        outlook=outlook,
    )


def _rule(asked: ApprovalRow, granted_by: str) -> RuleGranted:
    return RuleGranted(
        rule_id=asked.approval_id,
        approval_id=asked.approval_id,
        tool=asked.tool,
        operation=asked.operation,
        repository=asked.repository,
        max_cost_micro_usd=asked.cost_micro_usd or 0,
        granted_by=granted_by,
    )


def _checked(
    asked: ApprovalRow,
    router: ToolRouter,
    arguments: Mapping[str, Any],
    situation: Situation | None,
) -> tuple[Prepared | None, EditCheck, Outlook | None]:
    """The edited call, or None when it may not be made; and what it would do, if it was judged."""
    prepared = router.prepare(asked.tool, arguments)
    if isinstance(prepared, ToolOutcome):
        return None, EditCheck(problems=_problems(asked.tool, prepared)), None
    if situation is None:
        return prepared, EditCheck(problems={}), None
    context = situation(asked)
    case = router.case(prepared, context)
    judgement = router.judge(case)
    if judgement.verdict == "deny":
        return None, EditCheck(problems={"": f"it is not allowed: {judgement.reason}"}), None
    if refusals := router.refusals(prepared, context):
        return None, EditCheck(problems=refusals), None
    cost = case.cost_micro_usd
    outlook = Outlook(operation=case.operation, repository=case.repository, cost_micro_usd=cost)
    check = EditCheck(problems={}, notes=_dearer(asked, cost), cost_micro_usd=cost)
    return prepared, check, outlook


def _dearer(asked: ApprovalRow, cost: int | None) -> tuple[str, ...]:
    before = asked.cost_micro_usd
    if cost is None and before is not None:
        return ("What it costs with this edit is not known.",)
    if cost is not None and before is not None and cost > before:
        return (f"With this edit it costs up to {dollars(cost)}, before {dollars(before)}.",)
    return ()


def _problems(tool: str, refusal: ToolOutcome) -> dict[str, str]:
    """What the router has against edited arguments, by the argument that it is about."""
    told = json.loads(refusal.output)
    listed = told.get("problems")
    if not listed:
        return {"": str(told["error"]).removeprefix(f"{tool}: ")}
    found: dict[str, str] = {}
    for problem in map(str, listed):
        name, _, words = problem.partition(": ")
        top = name.partition(".")[0]
        key, text = (name, words) if name == top and words else (top, problem)
        if not words or " " in name:
            key, text = "", problem
        found[key] = f"{found[key]}; {text}" if key in found else text
    return found


def _misfit(check: EditCheck) -> str:
    """The problems as one sentence for a person."""
    listed = "; ".join(
        f"{name}: {words}" if name and not words.startswith(f"{name}.") else words
        for name, words in check.problems.items()
    )
    return f"The edited arguments cannot be used: {sentence(listed)} Nothing was decided."
