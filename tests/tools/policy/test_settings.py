"""Rules that name what is not there, or could not hold, are refused with the line."""

import pytest

from ml_intern.errors import ConfigError
from ml_intern.rules import PolicyRule, RulePlace
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy import Case, judge
from ml_intern.tools.policy.settings import rules_of


def written(verdict: str = "allow", **keys: object) -> PolicyRule:
    rule = PolicyRule.model_validate({"verdict": verdict, **keys})
    return rule.at(RulePlace(short="config.toml line 12", long="/c/config.toml, line 12"))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"tool": "pubish"}, r"no tool `pubish`.*line 12.*mean publish"),
        ({"tool": "zzz"}, r"Known are: plan, .*`zzz\*`"),
        ({"tool": "publish", "operation": "create"}, "no operation `create`.*create_private"),
        ({"tool": "bash", "operation": "run"}, "only one"),
        ({"tool": "bash", "arguments": {"comand": "ls"}}, "no argument `comand`.*mean command"),
        ({"tool": "b*", "arguments": {"comand": "ls"}}, "no argument `comand`"),
        ({"tool": "bash", "arguments": {"command": "ls *"}}, r"cannot allow the pattern `ls \*`"),
        ({"tool": "*", "arguments": {"command": "ls ?"}}, "cannot allow the pattern"),
        ({"tool": "write", "arguments": {"content": "*"}}, "cannot allow the pattern"),
        ({"tool": "propose_change"}, "no rule can give"),
        ({"tool": "publish", "repository": "digits"}, r"line 12.*OWNER/digits, or `\*/digits`"),
        ({"tool": "bash", "cost_up_to_usd": 1, "cost_above_usd": 1}, "No cost is above"),
    ],
)
def test_a_rule_that_could_not_hold_is_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rules_of([written(**keys)], all_tools())


@pytest.mark.parametrize(
    "rule",
    [
        written(tool="bash", arguments={"command": "make test"}),
        written(tool="*"),
        written(tool="mine_*", operation="x", arguments={"what": "*"}),
        written("deny", tool="bash", arguments={"command": "*sudo*"}),
        written("ask", tool="propose_change"),
        written(tool="publish", operation="create_*", repository="acme/*", cost_up_to_usd=0),
        written("deny", tool="publish", arguments={"private": False}),
    ],
)
def test_a_rule_that_can_hold_is_taken(rule: PolicyRule) -> None:
    assert len(rules_of([rule], all_tools())) == 1


def test_what_is_written_is_what_judges() -> None:
    rules = rules_of(
        [written("deny", tool="publish", arguments={"private": False}, reason="no leaks")],
        all_tools(),
    )
    public = Case(tool="publish", effect="external", arguments={"private": False})
    private = Case(tool="publish", effect="external", arguments={"private": True})
    assert judge(public, rules).rule == "config.toml line 12: no leaks"
    assert judge(private, rules).verdict == "ask"


def test_dollars_of_the_settings_are_exact() -> None:
    (rule,) = rules_of([written(tool="*", cost_up_to_usd=0.29)], all_tools())
    assert rule.cost_up_to_micro_usd == 290_000
