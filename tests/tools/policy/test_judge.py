"""Allow, ask or deny: the defaults, the rules of the settings, and what a person has granted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.events import RuleGranted
from ml_intern.messages import ApprovalId
from ml_intern.tools.policy import Case, Rule, judge
from ml_intern.tools.policy.rule import as_text


def a_case(tool: str = "publish", effect: Any = "external", **more: Any) -> Case:
    return Case(tool=tool, effect=effect, **{"arguments": {}, **more})


def a_rule(verdict: Any = "allow", tool: str = "publish", line: int = 1, **more: Any) -> Rule:
    return Rule(tool=tool, verdict=verdict, place=f"config.toml line {line}", **more)


def a_grant(max_cost_micro_usd: int = 0, **more: str) -> RuleGranted:
    of = {"tool": "publish", "operation": "", "repository": "", **more}
    return RuleGranted(
        rule_id="r1",
        approval_id=ApprovalId("a1"),
        max_cost_micro_usd=max_cost_micro_usd,
        granted_by="ada",
        **of,
    )


@pytest.mark.parametrize(
    ("case", "verdict", "words"),
    [
        (a_case(effect="read"), "allow", "only reads"),
        (a_case(effect="write"), "allow", "inside the workspace"),
        (a_case(effect="external"), "ask", "outside the workspace"),
        (a_case(effect="read", own_reason="it is odd"), "ask", "it is odd"),
        (a_case(effect="write", cost_micro_usd=1_500_000), "ask", "$1.50"),
        (a_case(effect="read", cost_micro_usd=None), "ask", "nobody knows what it costs"),
        (a_case(effect="write", runs_code=True), "allow", "inside the workspace"),
        (a_case(effect="write", runs_code=True, unconfined=True), "ask", "without a sandbox"),
        (a_case(effect="write", runs_code=True, network=True), "ask", "the network"),
        (a_case(effect="write", unconfined=True, network=True), "allow", "inside the workspace"),
        (a_case(effect="read", is_question=True), "ask", "question"),
    ],
)
def test_what_stays_in_the_workspace_is_allowed_and_all_else_is_asked(
    case: Case, verdict: str, words: str
) -> None:
    found = judge(case)
    assert (found.verdict, found.rule.startswith("default: ")) == (verdict, True)
    assert words in found.reason


@pytest.mark.parametrize(
    ("cost", "rules", "reason"),
    [
        (1_500_000, [], "it may cost up to $1.50 ($0.025 a minute)"),
        (None, [], "nobody knows what it costs ($0.025 a minute)"),
        (1_500_000, [a_rule("ask", reason="Dear.")], "Dear. $0.025 a minute"),
    ],
)
def test_whoever_is_asked_reads_what_the_cost_rests_on(
    cost: int | None, rules: list[Rule], reason: str
) -> None:
    case = a_case(effect="write", cost_micro_usd=cost, cost_basis="$0.025 a minute")
    assert judge(case, rules).reason == reason


def test_the_first_rule_that_matches_decides_and_is_named() -> None:
    rules = [a_rule("ask", repository="acme/*", line=3), a_rule("allow", line=7, reason="Ours.")]
    asked = judge(a_case(repository="acme/m"), rules)
    allowed = judge(a_case(repository="me/m"), rules)
    assert (asked.verdict, asked.rule) == ("ask", "config.toml line 3: ask")
    assert (allowed.verdict, allowed.rule) == ("allow", "config.toml line 7: Ours")
    assert judge(a_case("bash"), rules).rule.startswith("default: ")


def test_a_denial_wins_wherever_it_stands() -> None:
    rules = [a_rule("allow"), a_rule("deny", tool="pub*", reason="not from here", line=9)]
    found = judge(a_case(is_question=True), rules, [a_grant()])
    assert (found.verdict, found.reason) == ("deny", "not from here")
    assert found.rule == "config.toml line 9: not from here"


def test_a_rule_that_asks_shows_its_reason_and_the_tools() -> None:
    found = judge(a_case(own_reason="Publish a/b."), [a_rule("ask", reason="Look at the card.")])
    assert found.reason == "Look at the card. Publish a/b."


def test_no_rule_and_no_grant_answers_a_question() -> None:
    found = judge(a_case(is_question=True, own_reason="lr?"), [a_rule("allow")], [a_grant()])
    assert (found.verdict, found.reason, found.like_this) == ("ask", "lr?", False)


@pytest.mark.parametrize(
    ("limits", "cost", "matches"),
    [
        ({"cost_up_to_micro_usd": 5}, 5, True),
        ({"cost_up_to_micro_usd": 5}, 6, False),
        ({"cost_up_to_micro_usd": 5}, None, False),
        ({"cost_above_micro_usd": 5}, 5, False),
        ({"cost_above_micro_usd": 5}, 6, True),
        ({"cost_above_micro_usd": 5}, None, True),
        ({"cost_above_micro_usd": 2, "cost_up_to_micro_usd": 5}, 3, True),
        ({"cost_above_micro_usd": 2, "cost_up_to_micro_usd": 5}, None, False),
    ],
)
def test_an_unknown_cost_is_above_every_limit(limits: Any, cost: int | None, matches: bool) -> None:
    assert a_rule(**limits).matches(a_case(cost_micro_usd=cost)) is matches


@pytest.mark.parametrize(
    ("rule", "case", "matches"),
    [
        ({"operation": "create_*"}, {"operation": "create_public"}, True),
        ({"operation": "create_*"}, {"operation": "replace_public"}, False),
        ({"repository": "ACME/*"}, {"repository": "acme/Model"}, True),
        ({"repository": "*"}, {"repository": ""}, False),
        ({"arguments": {"private": "true"}}, {"arguments": {"private": True}}, True),
        ({"arguments": {"private": "true"}}, {"arguments": {"private": "true"}}, True),
        ({"repository": "acme/*"}, {"repository": "acme/../other/m"}, False),
        ({"repository": "*"}, {"repository": "../m"}, False),
        ({"verdict": "deny", "repository": "acme/*"}, {"repository": "acme/../o/m"}, True),
        ({"arguments": {"n": "1*"}}, {"arguments": {"n": 12}}, True),
        ({"arguments": {"hours": as_text(8)}}, {"arguments": {"hours": 8.0}}, True),
        ({"arguments": {"hours": as_text(8.0)}}, {"arguments": {"hours": 8}}, True),
        ({"arguments": {"hours": as_text(8.5)}}, {"arguments": {"hours": 8}}, False),
        ({"arguments": {"on": as_text(True)}}, {"arguments": {"on": 1}}, False),
        ({"arguments": {"absent": "*"}}, {"arguments": {}}, False),
        ({"arguments": {"dir": "m/*"}}, {"arguments": {"dir": "m/a/b"}}, True),
        ({"arguments": {"dir": "m/*"}}, {"arguments": {"dir": "m/../b"}}, False),
        ({"arguments": {"dir": "m/../b"}}, {"arguments": {"dir": "m/../b"}}, True),
        ({"arguments": {"c": "a[1]"}}, {"arguments": {"c": "a[1]"}}, True),
        (
            {"verdict": "deny", "arguments": {"c": "*rm -rf*"}},
            {"arguments": {"c": "cd /\nrm -rf .."}},
            True,
        ),
    ],
)
def test_patterns_match_as_a_shell_does(rule: Any, case: Any, matches: bool) -> None:
    assert a_rule(**rule).matches(a_case(**case)) is matches


def test_what_was_approved_in_general_covers_only_calls_like_it() -> None:
    like = {"operation": "create_private", "repository": "a/b"}
    grants = [a_grant(5, **like)]
    found = judge(a_case(cost_micro_usd=5, **like), [a_rule("ask")], grants)
    assert (found.verdict, found.rule) == ("allow", "approved by ada (rule r1)")
    for other in (
        {"cost_micro_usd": 6, **like},
        {"cost_micro_usd": None, **like},
        {**like, "operation": "create_public"},
        {**like, "repository": "a/c"},
        {**like, "runs_code": True},
        {**like, "tool": "other"},
    ):
        assert judge(a_case(**other), (), grants).verdict == "ask"


def test_a_yes_to_all_like_it_is_offered_where_it_could_hold() -> None:
    assert judge(a_case()).like_this
    assert judge(a_case(cost_micro_usd=3), [a_rule("ask")]).like_this
    assert not judge(a_case(runs_code=True)).like_this
    assert not judge(a_case(cost_micro_usd=None)).like_this
    assert not judge(a_case(effect="read")).like_this


TEXTS = st.sampled_from(["", "a", "b", "a/b", "A/B"])
COSTS = st.sampled_from([None, 0, 1, 10**6])
CASES = st.builds(
    Case,
    tool=st.sampled_from(["publish", "bash"]),
    arguments=st.just({"x": "a"}),
    effect=st.sampled_from(["read", "write", "external"]),
    operation=TEXTS,
    repository=TEXTS,
    cost_micro_usd=COSTS,
    runs_code=st.booleans(),
    unconfined=st.booleans(),
    network=st.booleans(),
    own_reason=st.sampled_from([None, "why not"]),
    is_question=st.booleans(),
)
RULES = st.lists(
    st.builds(
        Rule,
        tool=st.sampled_from(["*", "publish", "b*"]),
        verdict=st.sampled_from(["allow", "ask", "deny"]),
        place=st.just("config.toml line 1"),
        operation=st.none() | TEXTS,
        repository=st.none() | TEXTS,
        arguments=st.sampled_from([{}, {"x": "a"}, {"x": "b"}]),
        cost_up_to_micro_usd=st.none() | st.integers(0, 10**6),
    ),
    max_size=4,
)
GRANTS = st.lists(
    st.builds(a_grant, st.integers(0, 10**6), operation=TEXTS, repository=TEXTS), max_size=2
)


@given(CASES)
def test_without_rules_only_what_is_free_and_stays_inside_is_allowed(case: Case) -> None:
    reaches_out = case.effect == "external" or (
        case.runs_code and (case.unconfined or case.network)
    )
    wants_a_yes = case.own_reason is not None or case.is_question or case.cost_micro_usd != 0
    assert (judge(case).verdict == "allow") == (not reaches_out and not wants_a_yes)


@given(CASES, RULES, GRANTS)
def test_nothing_overrules_a_denial_nor_answers_a_question(
    case: Case, rules: list[Rule], grants: list[RuleGranted]
) -> None:
    found = judge(case, rules, grants)
    is_denied = any(rule.verdict == "deny" and rule.matches(case) for rule in rules)
    assert (found.verdict == "deny") == is_denied
    if case.is_question:
        assert found.verdict != "allow"
    if found.like_this:
        approved = RuleGranted(
            rule_id="r",
            approval_id=ApprovalId("a"),
            tool=case.tool,
            operation=case.operation,
            repository=case.repository,
            max_cost_micro_usd=case.cost_micro_usd or 0,
            granted_by="ada",
        )
        assert judge(case, rules, [approved]).verdict == "allow", "what is offered must hold"
