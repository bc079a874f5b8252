"""Allow, ask or deny: from one call, the rules of the settings, and what was approved in general.

A denying rule wins wherever it stands; what is a question by itself is asked then, whatever other
rules say. Next comes what a person has approved for the session, then the first rule that matches,
in the order of the file, and last the defaults: what stays in the workspace is allowed, all else is
asked. Does not know who answers, or how.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from ml_intern.events import RuleGranted
from ml_intern.money import dollars
from ml_intern.tools.policy.case import Case
from ml_intern.tools.policy.rule import Rule, Verdict


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The policy's answer, with the reason that a person reads."""

    verdict: Verdict
    reason: str
    rule: str
    """What decided: `default: …`, `config.toml line 12: …` or `approved by …`."""
    like_this: bool = False
    """Whether a person may approve it together with all calls like it."""


def judge(case: Case, rules: Sequence[Rule] = (), granted: Iterable[RuleGranted] = ()) -> Judgement:
    """What becomes of a call. `granted`: what people have approved for its session."""
    matching = [rule for rule in rules if rule.matches(case)]
    if denying := next((rule for rule in matching if rule.verdict == "deny"), None):
        return _by_rule(denying, case)
    if case.is_question:
        return _ask(case, case.own_reason or "it is a question to a person", "a question")
    if grant := next((grant for grant in granted if _covers(grant, case)), None):
        return _by_grant(grant)
    if matching:
        return _by_rule(matching[0], case)
    return _by_default(case)


def _by_rule(rule: Rule, case: Case) -> Judgement:
    said = rule.reason.strip().rstrip(".")
    named = f"{rule.place}: {said or rule.verdict}"
    match rule.verdict:
        case "allow":
            return Judgement(verdict="allow", reason=said or "the settings allow it", rule=named)
        case "ask":
            reason = ". ".join(each for each in (said, case.own_reason, case.cost_basis) if each)
            return Judgement(
                verdict="ask",
                reason=reason or "the settings want a person to be asked",
                rule=named,
                like_this=_may_be_granted(case),
            )
        case "deny":
            return Judgement(verdict="deny", reason=said or "the settings forbid it", rule=named)
        case _:
            assert_never(rule.verdict)


def _by_grant(grant: RuleGranted) -> Judgement:
    return Judgement(
        verdict="allow",
        reason=f"{grant.granted_by} approved all calls like it",
        rule=f"approved by {grant.granted_by} (rule {grant.rule_id})",
    )


def _by_default(case: Case) -> Judgement:
    """The first reason to ask, the weightiest first."""
    if case.own_reason is not None:
        outward = "what acts outside the workspace needs a yes"
        named = outward if case.effect == "external" else "the tool asks for a yes"
        return _ask(case, case.own_reason, named)
    if case.runs_code and case.unconfined:
        return _ask(case, "it runs code without a sandbox", "unsandboxed execution")
    if case.runs_code and case.network:
        return _ask(case, "it runs code that may use the network", "code with network access")
    if case.cost_micro_usd is None:
        return _ask(case, "nobody knows what it costs", "an unknown cost")
    if case.cost_micro_usd > 0:
        return _ask(case, f"it may cost up to {dollars(case.cost_micro_usd)}", "it costs money")
    match case.effect:
        case "read":
            return _allow("it only reads", "reads")
        case "write":
            return _allow("it stays inside the workspace", "work inside the workspace")
        case "external":
            return _ask(case, f"{case.tool} acts outside the workspace", "outside the workspace")
        case _:
            assert_never(case.effect)


def _allow(reason: str, default: str) -> Judgement:
    return Judgement(verdict="allow", reason=reason, rule=f"default: {default}")


def _ask(case: Case, reason: str, default: str) -> Judgement:
    if case.cost_basis:
        reason = f"{reason} ({case.cost_basis})"
    return Judgement(
        verdict="ask", reason=reason, rule=f"default: {default}", like_this=_may_be_granted(case)
    )


def _covers(grant: RuleGranted, case: Case) -> bool:
    """The same tool, operation and repository, and not dearer than what was approved."""
    of_case = (case.tool, case.operation, case.repository)
    return (
        _may_be_granted(case)
        and (grant.tool, grant.operation, grant.repository) == of_case
        and case.cost_micro_usd is not None
        and case.cost_micro_usd <= grant.max_cost_micro_usd
    )


def _may_be_granted(case: Case) -> bool:
    """Not code, which differs each time; not a question; not what has no known cost."""
    return not case.is_question and not case.runs_code and case.cost_micro_usd is not None
