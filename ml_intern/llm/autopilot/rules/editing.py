"""Change single arguments of the script: one edit per line, and only the lines that differ."""

import json
from collections.abc import Mapping
from typing import Any

from ml_intern.llm.autopilot.case import Case, Script
from ml_intern.llm.autopilot.rules.ask import hand_over
from ml_intern.llm.autopilot.step import Action, Step

_READ_LINES = 400
_MOST_READS = 5


def bring_about(case: Case, wanted: Mapping[str, Any], why: str) -> Step | None:
    """The next step towards a script with these arguments; None when it has them."""
    script = case.script
    if script is None:
        return None
    changes = {
        name: value
        for name, value in wanted.items()
        if name in script.values and script.values[name] != value
    }
    if not changes:
        return None
    if not case.offers("edit", "read") or case.failed("edit") >= 2 or case.failed("read") >= 2:
        return _write_again(case, script, changes, why)
    unseen = [name for name in changes if name not in script.lines]
    if unseen and not script.read_whole and script.read_to < _READ_LINES * _MOST_READS:
        return _read_on(script, why)
    if unseen:
        return _write_again(case, script, changes, why)
    return Step(why, tuple(_edit(script, name, value) for name, value in changes.items()))


def _read_on(script: Script, why: str) -> Step:
    arguments = {"path": script.path, "offset": script.read_to + 1, "limit": _READ_LINES}
    return Step(f"{why} Let me see the lines of {script.path}.", (Action("read", arguments),))


def _edit(script: Script, name: str, value: Any) -> Action:
    old = script.lines[name]
    head, _, _ = old.partition(" = ")
    new = f"{head} = {_source_of(value, annotation=head.partition(': ')[2])}"
    return Action("edit", {"path": script.path, "old": old, "new": new})


def _source_of(value: Any, *, annotation: str) -> str:
    """The value as Python source of the line's own type."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if annotation.startswith("float") and isinstance(value, int) and not isinstance(value, bool):
        return repr(float(value))
    return repr(value)


def _write_again(case: Case, script: Script, changes: Mapping[str, Any], why: str) -> Step:
    """Where lines cannot be edited, the recipe is written anew with the changed values."""
    if case.failed("write_recipe") >= 2:
        return hand_over(case, f"The script cannot be changed: {case.error_of('write_recipe')}")
    values = {**script.values, **changes}
    known = {k: v for k, v in values.items() if isinstance(v, bool | int | float | str)}
    arguments = {"recipe": script.recipe, "path": script.path, "values": known}
    return Step(why, (Action("write_recipe", arguments),))
