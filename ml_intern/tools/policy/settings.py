"""The rules of the settings, checked against the tools that there are."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from ml_intern.errors import ConfigError
from ml_intern.rules import PolicyRule
from ml_intern.tools.policy.rule import Rule, as_text, is_wild
from ml_intern.tools.protocol import Tool


def rules_of(written: Iterable[PolicyRule], tools: Iterable[Tool[Any]]) -> tuple[Rule, ...]:
    """The rules in the order in which they are written.

    Raises ConfigError, with the line, for one that names what is not there or could not hold what
    it promises: it would be taken for a fence, and be none.
    """
    known = tuple(tools)
    return tuple(_rule(one, known) for one in written)


def _rule(written: PolicyRule, tools: Sequence[Tool[Any]]) -> Rule:
    rule = Rule(
        tool=written.tool,
        verdict=written.verdict,
        place=written.place.short,
        operation=written.operation,
        repository=written.repository,
        arguments={name: as_text(value) for name, value in written.arguments.items()},
        cost_up_to_micro_usd=_micro(written.cost_up_to_usd),
        cost_above_micro_usd=_micro(written.cost_above_usd),
        reason=written.reason,
    )
    meant = [tool for tool in tools if rule.is_about(tool.name)]
    _demand_tool(written, meant, tools)
    if meant:
        _demand_operation(written, meant)
        _demand_arguments(written, meant)
        _refuse_patterns_of_code(written, rule, meant)
    _demand_owner(written)
    _demand_some_cost(written)
    return rule


def _demand_tool(
    written: PolicyRule, meant: Sequence[Tool[Any]], tools: Sequence[Tool[Any]]
) -> None:
    name, where = written.tool, written.place.of("tool")
    if not meant and not is_wild(name):
        raise ConfigError(
            f"There is no tool `{name}`, which a rule of the policy names ({where})."
            f"{_nearest(name, [tool.name for tool in tools])} For tools that only another program "
            f"brings, write a pattern: `{name}*`."
        )
    if written.verdict == "allow" and not is_wild(name) and any(t.is_question for t in meant):
        raise ConfigError(
            f"{name} asks a person for a yes, which no rule can give ({where}). Take the rule out."
        )


def _demand_operation(written: PolicyRule, meant: Sequence[Tool[Any]]) -> None:
    wanted = written.operation
    if wanted is None or is_wild(wanted) or not all(tool.operations for tool in meant):
        return
    known = sorted({name for tool in meant for name in tool.operations if name})
    if wanted not in known:
        where = written.place.of("operation")
        raise ConfigError(
            f"`{written.tool}` has no operation `{wanted}`, which a rule of the policy names "
            f"({where}). {'Known are: ' + ', '.join(known) if known else 'It has only one'}."
        )


def _demand_arguments(written: PolicyRule, meant: Sequence[Tool[Any]]) -> None:
    known = sorted({name for tool in meant for name in tool.arguments.model_fields})
    for name in written.arguments:
        if name not in known:
            where = written.place.of("arguments", name)
            raise ConfigError(
                f"`{written.tool}` has no argument `{name}`, which a rule of the policy names "
                f"({where}).{_nearest(name, known)}"
            )


def _refuse_patterns_of_code(written: PolicyRule, rule: Rule, meant: Sequence[Tool[Any]]) -> None:
    if written.verdict != "allow":
        return
    code = {name for tool in meant for name in tool.code}
    for name, pattern in rule.arguments.items():
        if name in code and is_wild(pattern):
            where = written.place.of("arguments", name)
            raise ConfigError(
                f"A rule of the policy cannot allow the pattern `{pattern}` of `{name}` ({where}): "
                "what matches it may still do anything. Write the whole text, without * ? [, or "
                f"allow {written.tool} as such."
            )


def _demand_owner(written: PolicyRule) -> None:
    name = written.repository
    if name is not None and "/" not in name and not is_wild(name):
        raise ConfigError(
            f"No repository is called `{name}`, which a rule of the policy names "
            f"({written.place.of('repository')}): write OWNER/{name}, or `*/{name}`."
        )


def _demand_some_cost(written: PolicyRule) -> None:
    up_to, above = written.cost_up_to_usd, written.cost_above_usd
    if up_to is not None and above is not None and above >= up_to:
        where = written.place.of("cost_above_usd")
        raise ConfigError(
            f"No cost is above {above} and at most {up_to}, as a rule of the policy demands "
            f"({where})."
        )


def _micro(usd: float | None) -> int | None:
    return None if usd is None else round(usd * 1_000_000)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else f" Known are: {', '.join(known) or 'none'}."
