"""`policy`: what the policy says of a call, the rules it goes by, and taking one back."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ml_intern.cli import exits, tool_arguments
from ml_intern.cli.foreground import session_named
from ml_intern.cli.opening import Opened, opened
from ml_intern.cli.quantities import line
from ml_intern.cli.rules_apart import Apart, between
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door, Explanation, Policy
from ml_intern.clock import stamp
from ml_intern.errors import InputError
from ml_intern.events import RuleGranted
from ml_intern.money import dollars
from ml_intern.settings import load
from ml_intern.tools.policy import Rule

_LONGEST = 500


def explain(
    tool: str, arguments: str | None, session: str | None, *, as_json: bool, debug: bool
) -> int:
    """Show the verdict on a call that nobody makes, and the rule that decides.

    Without `arguments` of a tool that needs some: those, and the rules that are about it.
    """
    given = {} if arguments is None else _object(arguments)
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        named = None if session is None else session_named(found.door, session).session_id
        schema = None if arguments is not None else _schema_of(found.door, tool)
        if schema is not None and tool_arguments.required(schema):
            policy = found.door.policy(named)
            document = _generally(tool, schema, policy)
            lines = _as_general_lines(tool, schema, policy)
        else:
            explanation = found.door.explain(tool, given, named)
            document, lines = _as_document(explanation), _as_lines(explanation)
        apart = _apart(found)
    if as_json:
        _write_json({**document, "daemon": apart.words})
    else:
        sys.stdout.writelines(f"{text}\n" for text in lines)
        sys.stdout.write(_beside(apart))
    return _status(apart)


def show(session: str | None, *, as_json: bool, debug: bool) -> int:
    """List the rules of the settings, and those of a session."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        named = None if session is None else session_named(found.door, session).session_id
        policy = found.door.policy(named)
        apart = _apart(found)
    if as_json:
        read_at = policy.read_at and stamp(policy.read_at)
        _write_json({**asdict(policy), "read_at": read_at, "daemon": apart.words})
    else:
        sys.stdout.writelines(f"{text}\n" for text in _listed(policy, session))
        sys.stdout.write(_beside(apart))
    return _status(apart)


def revoke(session: str, rule_id: str, *, debug: bool) -> int:
    """Take back a rule of a session."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        session_id = session_named(found.door, session).session_id
        if not found.door.revoke_rule(session_id, rule_id, revoked_by=author()):
            raise InputError(f"Rule {rule_id} was revoked before; nothing was changed.")
    sys.stdout.write(
        f"Rule {rule_id} of session {short(session_id)} is revoked: calls like it are asked "
        "again.\n"
    )
    return exits.DONE


def _apart(found: Opened) -> Apart:
    """What a daemon's rules differ in from those of the settings; nothing of this process's own."""
    return Apart() if found.service is not None else between(found.door, load())


def _beside(apart: Apart) -> str:
    return f"! {line(apart.words, _LONGEST)}\n" if apart.words else ""


def _status(apart: Apart) -> int:
    """Settings that no daemon could start with are an error, also while an older one runs."""
    return exits.CONFIGURATION if apart.is_mistake else exits.DONE


def _object(text: str) -> Mapping[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"The arguments are not JSON: {exc}.") from exc
    if not isinstance(given, dict):
        raise InputError('The arguments must be a JSON object, e.g. \'{"path": "train.py"}\'.')
    return given


def _schema_of(door: Door, tool: str) -> Mapping[str, Any] | None:
    """Of the arguments; None where there is no such tool."""
    return next((one.parameters for one in door.tools() if one.name == tool), None)


def _about(tool: str, policy: Policy) -> list[Rule]:
    return [rule for rule in policy.rules if rule.is_about(tool)]


def _generally(tool: str, schema: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    granted = [asdict(rule) for rule in policy.granted if rule.tool == tool]
    rules = [asdict(rule) for rule in _about(tool, policy)]
    return {"tool": tool, "arguments": schema, "rules": rules, "granted": granted}


def _as_general_lines(tool: str, schema: Mapping[str, Any], policy: Policy) -> Iterable[str]:
    yield f"{tool}: what becomes of a call depends on its arguments"
    yield from (f"  {text}" for text in tool_arguments.in_lines(schema))
    rules = _about(tool, policy)
    yield "Rules of the settings about it:" if rules else "No rule of the settings is about it."
    yield from (f"  {line(_rule(rule), _LONGEST)}" for rule in rules)
    granted = [rule for rule in policy.granted if rule.tool == tool]
    yield from (f"  {line(_granted(rule), _LONGEST)}" for rule in granted)
    yield "Then the defaults: docs/policy.md"
    yield f"Of one call: ml-intern policy explain {tool} '{tool_arguments.example(schema)}'"


def _as_document(found: Explanation) -> dict[str, Any]:
    document = asdict(found)
    return {**document.pop("judgement"), **document}


def _as_lines(found: Explanation) -> Iterable[str]:
    operation = f" {found.operation}" if found.operation else ""
    about = f" of {found.repository}" if found.repository else ""
    yield f"{line(f'{found.tool}{operation}{about}', _LONGEST)}: {found.judgement.verdict}"
    label = "asks " if found.judgement.verdict == "ask" else "why  "
    yield f"  {label}  {line(found.judgement.reason, _LONGEST)}"
    yield f"  rule   {line(found.judgement.rule, _LONGEST)}"
    yield f"  cost   {_cost(found.cost_micro_usd)}"
    if found.judgement.verdict == "ask":
        offered = "may be approved together with all calls like it"
        yield f"  yes    {offered if found.judgement.like_this else 'for this call alone'}"


def _cost(micro_usd: int | None) -> str:
    if micro_usd is None:
        return "unknown"
    return f"at most {dollars(micro_usd)}" if micro_usd else "free"


def _listed(policy: Policy, session: str | None) -> Iterable[str]:
    yield "Rules of the settings:" if policy.rules else "The settings have no rules."
    yield from (f"  {line(_rule(rule), _LONGEST)}" for rule in policy.rules)
    if session is not None:
        yield "Approved for the session:" if policy.granted else "Nothing is approved in general."
        yield from (f"  {line(_granted(rule), _LONGEST)}" for rule in policy.granted)
    yield "Then the defaults: docs/policy.md"


def _rule(rule: Rule) -> str:
    limits = [
        *([f"operation {rule.operation}"] if rule.operation is not None else []),
        *([f"repository {rule.repository}"] if rule.repository is not None else []),
        *(f"{name} = {pattern}" for name, pattern in rule.arguments.items()),
        *_cost_limits(rule),
    ]
    only = f" where {', '.join(limits)}" if limits else ""
    reason = f": {rule.reason}" if rule.reason else ""
    return f"{rule.verdict} {rule.tool}{only} ({rule.place}){reason}"


def _cost_limits(rule: Rule) -> Iterable[str]:
    if rule.cost_up_to_micro_usd is not None:
        yield f"cost up to {dollars(rule.cost_up_to_micro_usd)}"
    if rule.cost_above_micro_usd is not None:
        yield f"cost above {dollars(rule.cost_above_micro_usd)}, or unknown"


def _granted(rule: RuleGranted) -> str:
    words = [rule.tool, rule.operation, rule.repository and f"of {rule.repository}"]
    what = " ".join(word for word in words if word)
    return (
        f"{rule.rule_id} {what}, {_cost(rule.max_cost_micro_usd)} (approved by {rule.granted_by})"
    )


def _write_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
