"""What is said of calls that need a yes: the question, its answer, several at once. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ml_intern.events import ApprovalDecided, ApprovalRequested, RuleGranted, RuleRevoked
from ml_intern.messages import SessionId
from ml_intern.money import dollars
from ml_intern.slack.blocks import (
    FACT,
    SECTION,
    actions,
    arguments,
    button,
    context,
    fields,
    is_long,
    long,
    said,
    section,
    texts,
)
from ml_intern.slack.drafts import Block, Said
from ml_intern.slack.mrkdwn import escaped, fitting, moment, person

MOST_EXHIBITS = 4
MOST_AT_ONCE = 40
"""Calls that a button decides about: it carries the id of each, and at most 2,000 characters."""
_VERBS = {
    "approve": "Approved",
    "deny": "Denied",
    "edit": "Edited and approved",
    "expire": "Expired: nobody decided in time",
}
_MARKS = {
    "approve": ":white_check_mark:",
    "deny": ":no_entry:",
    "edit": ":pencil2:",
    "expire": ":alarm_clock:",
}
_SUFFIXES = {"python": "py", "diff": "diff", "json": "json", "markdown": "md", "text": "txt"}


def asked(request: ApprovalRequested) -> Said:
    """A call that waits for a yes, with its buttons."""
    head = _question(request)
    return said(head, section(head), *_shown(request), _choices(request))


def decided(request: ApprovalRequested, decision: ApprovalDecided) -> Said:
    """The same, once somebody has decided: without buttons, and with their name."""
    mark, words = _MARKS[decision.verdict], _verdict(decision)
    shown = _shown(request, open_=False)
    blocks = [section(_question(request, open_=False)), *shown, section(f"{mark} {words}")]
    if decision.verdict == "edit":
        blocks.append(section(_changes(request.arguments, decision.arguments)))
    return said(f"{mark} `{escaped(request.tool)}`: {words}", *blocks)


def _verdict(decision: ApprovalDecided) -> str:
    verb = f"*{_VERBS[decision.verdict]}"
    if decision.verdict == "expire":
        return f"{verb}*, which counts as a no."
    reason = f": {fitting(decision.reason, 500)}" if decision.reason else "."
    return f"{verb} by {person(decision.decided_by)}*{reason}"


def withdrawn(request: ApprovalRequested) -> Said:
    """The same, when the session went on without a decision."""
    mark, words = (
        ":heavy_minus_sign:",
        "*No longer needed*: the session went on without it. If the step is still wanted, it is "
        "asked about anew.",
    )
    blocks = [section(_question(request, open_=False)), section(f"{mark} {words}")]
    return said(f"{mark} `{escaped(request.tool)}`: {words}", *blocks)


def together(session_id: SessionId, requests: Sequence[ApprovalRequested]) -> Said:
    """The calls of one answer that wait, to be decided about at once."""
    if not requests:
        return said(":heavy_check_mark: None of these calls waits any more.")
    if len(requests) == 1:
        return said(f":raised_hand: Only `{escaped(requests[0].tool)}` waits still.")
    head = (
        f":raised_hands: *{len(requests)} calls wait together.* Decide about each of them above, "
        "or about all at once:"
    )
    lines = [
        f"• `{escaped(one.tool)}` {fitting(json.dumps(one.arguments, ensure_ascii=False), 150)}"
        for one in requests
    ]
    listed = "\n".join([head, *lines])[:SECTION]
    if len(requests) > MOST_AT_ONCE:
        where = f"All at once: `ml-intern approve {session_id}` or `deny` in a terminal."
        return said(head, section(listed), context(where))
    named = {"session": session_id, "approvals": [one.approval_id for one in requests]}
    value, sure = json.dumps(named), f"All {len(requests)} calls then run as they stand above."
    choices = actions(
        button("approve_all", f"Approve all {len(requests)}", value, "primary", confirm=sure),
        button("deny_all", f"Deny all {len(requests)}", value, "danger"),
    )
    return said(head, section(listed), choices)


def reminded(
    request: ApprovalRequested | None, question: str, expires_at: str, number: int
) -> Said:
    """Nobody has answered for some time; `expires_at`: of a question in words."""
    what = f"`{escaped(request.tool)}`" if request else fitting(question, 300)
    end = "counts as a no" if request else "is given up"
    at = moment(request.expires_at if request else expires_at)
    until = f" Without an answer it {end} {at}." if at else ""
    where = "It is asked above, in this thread."
    return said(f":bell: Still waiting for an answer: {what} (reminder {number}). {where}{until}")


def granted(session_id: SessionId, rule: RuleGranted) -> Said:
    """Calls like one that somebody said yes to are not asked about any more."""
    words = (
        f":repeat: *A rule of {person(rule.granted_by)}*: in this session, calls of {_like(rule)} "
        "run without a question from now on."
    )
    how = f"`ml-intern policy revoke {session_id} {rule.rule_id}` takes it back too."
    value = json.dumps({"session": session_id, "rule": rule.rule_id})
    return said(words, section(words), actions(button("revoke", "Ask again", value)), context(how))


def revoked(rule: RuleGranted, revocation: RuleRevoked) -> Said:
    """The same, once somebody has taken it back."""
    words = (
        f":heavy_minus_sign: *{person(revocation.revoked_by)} took a rule back*: calls of "
        f"{_like(rule)} are asked about again."
    )
    return said(words)


def _like(rule: RuleGranted) -> str:
    what = f"`{escaped(rule.tool)}`"
    if rule.operation:
        what += f" ({fitting(rule.operation, 100)})"
    if rule.repository:
        what += f" for {fitting(rule.repository, 200)}"
    costs = rule.max_cost_micro_usd
    return (
        f"{what} that cost no more than {dollars(costs)}" if costs else f"{what} that cost nothing"
    )


def files_of(request: ApprovalRequested) -> list[tuple[str, str]]:
    """What is too long to be shown, whole: names and contents."""
    found = [
        (f"{request.tool}-{name}.txt", text)
        for name, text in texts(request.arguments)
        if is_long(text)
    ]
    for number, exhibit in enumerate(request.exhibits, 1):
        if number > MOST_EXHIBITS or is_long(exhibit.text):
            name = f"{request.tool}-{number}.{_SUFFIXES.get(exhibit.kind, 'txt')}"
            found.append((name, exhibit.text))
    return [(name, content) for name, content in found if content]


def _question(request: ApprovalRequested, *, open_: bool = True) -> str:
    what = f"`{escaped(request.tool)}`"
    if request.operation:
        what += f" ({fitting(request.operation, 100)})"
    head = f":raised_hand: *May I run {what}?*" if open_ else f"*{what}*"
    return f"{head}\n{fitting(request.reason, 1500)}"


def _shown(request: ApprovalRequested, *, open_: bool = True) -> list[Block]:
    facts = {
        "Repository": fitting(request.repository, FACT),
        "Cost at worst": _cost(request.cost_micro_usd),
    }
    if open_:
        facts |= {
            "Left of the budget": _left(request.budget_left_micro_usd),
            "Without a yes": fitting(request.on_denial, FACT),
            "Expires": moment(request.expires_at),
        }
    blocks = []
    if request.why:
        blocks.append(section(f"> {fitting(' '.join(request.why.split()), 1500)}"))
    blocks += fields(facts)
    blocks += arguments(request.arguments)
    blocks += [long(found.title, found.text) for found in request.exhibits[:MOST_EXHIBITS]]
    return blocks


def _choices(request: ApprovalRequested) -> Block:
    value = request.approval_id
    buttons = [
        button("approve", "Approve", value, "primary"),
        button("edit", "Edit & approve", value),
        button("deny", "Deny", value, "danger"),
        button("deny_reason", "Deny, with a reason", value),
    ]
    if request.like_this:
        sure = (
            f"Later calls of {request.tool} in this session, with the same operation and "
            "repository and no dearer, then run without a question."
        )
        buttons.append(button("approve_like", "Approve all like this", value, confirm=sure))
    return actions(*buttons)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    lines = [f"• {escaped(name)}: {fitting(_short(after.get(name)), 300)}" for name in names]
    return "\n".join(["What was changed:", *lines])[:SECTION]


def _cost(micro_usd: int | None) -> str:
    return "" if micro_usd == 0 else dollars(micro_usd)


def _left(micro_usd: int | None) -> str:
    return "" if micro_usd is None else dollars(micro_usd)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
