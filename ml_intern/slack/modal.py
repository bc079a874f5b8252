"""The window in which arguments are edited before they are approved, and that for a reason.

Only what fits whole into a field can be edited; the rest stays as it is. Only fields that differ
from what stood in them count. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_intern.queue.rows import ApprovalRow
from ml_intern.slack.blocks import context, section
from ml_intern.slack.drafts import Block
from ml_intern.slack.field_kinds import HINTS, LABELS, Kind, kind_of, parse
from ml_intern.slack.mrkdwn import escaped, fitting

FIELD = 3000
"""Characters of a field."""
MOST_FIELDS = 80
EDIT, DENY = "edit", "deny"
"""Callback ids."""
_PREFIX = "arg:"
_REASON = "reason"
_ELEMENT = "value"
_LONG_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Edited:
    """What somebody made of the arguments: all of them, or what is wrong by field."""

    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    errors: dict[str, str] = field(default_factory=dict, hash=False)


def edit_view(
    row: ApprovalRow, shown: Mapping[str, Any], schema: Mapping[str, Any]
) -> dict[str, Any]:
    """The window. `shown`: the arguments as people may see them; `schema`: of the tool."""
    blocks: list[Block] = [section(f"*{fitting(row.tool, 100)}*: {fitting(row.reason, 1500)}")]
    left_out = []
    for name in _names(row.arguments, schema):
        prefill = _prefill(row.arguments, name)
        whole = name not in row.arguments or shown.get(name) == row.arguments[name]
        if not whole or len(prefill) > FIELD or len(name) > _LONG_NAME or len(blocks) > MOST_FIELDS:
            left_out.append(name)
        else:
            blocks.append(_input(name, prefill, kind_of(row.arguments, name, schema)))
    if left_out:
        listed = ", ".join(escaped(name) for name in left_out)
        words = f"Not to be edited here, and as it was: {listed[:1500]}. In a terminal: "
        blocks.append(context(f"{words}`ml-intern approve {row.approval_id} --edit`"))
    return _view(EDIT, "Edit & approve", "Approve", row, blocks)


def deny_view(row: ApprovalRow) -> dict[str, Any]:
    """The window that asks for a reason, which the model reads."""
    element = {"type": "plain_text_input", "action_id": _ELEMENT, "multiline": True}
    words = f"Deny *{fitting(row.tool, 100)}*: {fitting(row.reason, 1500)}"
    asked = _field(_REASON, "Reason, for the model", {**element, "max_length": 2000})
    return _view(DENY, "Deny", "Deny", row, [section(words), asked])


def approval_of(view: Mapping[str, Any]) -> tuple[str, str]:
    """The approval that the window is about, and the hash of the arguments that it showed."""
    found = _metadata(view)
    return str(found.get("approval", "")), str(found.get("sha256", ""))


def reason_of(view: Mapping[str, Any]) -> str:
    """What was typed as the reason."""
    return str(_value(view, _REASON) or "")


def edited(row: ApprovalRow, view: Mapping[str, Any], schema: Mapping[str, Any]) -> Edited:
    """The arguments with what was changed in the window."""
    arguments, errors = dict(row.arguments), {}
    values = view.get("state", {}).get("values", {})
    for block_id in values:
        name = block_id.removeprefix(_PREFIX)
        if not block_id.startswith(_PREFIX):
            continue
        typed = str(_value(view, block_id) or "").replace("\r\n", "\n")
        stood = _prefill(row.arguments, name).replace("\r\n", "\n")
        # A window that drops the blanks around a text does so where nobody changed it, too.
        if typed in (stood, stood.strip()):
            continue
        kind = kind_of(row.arguments, name, schema)
        if kind != "text" and not typed.strip():
            arguments.pop(name, None)
            continue
        try:
            arguments[name] = parse(typed, kind)
        except ValueError as exc:
            errors[block_id] = str(exc)
    return Edited(arguments=arguments, errors=errors)


def was_noted(view: Mapping[str, Any], notes: Sequence[str]) -> bool:
    """Whether the window has shown these notes already."""
    return _metadata(view).get("noted") == _joined(notes)


def noted_view(view: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    """The window as it was filled in, with what should be known before it is sent once more."""
    kept = {name: view[name] for name in ("type", "callback_id", "title", "submit", "close")}
    fields = [_as_typed(one, view) for one in view["blocks"] if one.get("type") == "input"]
    warning = section(f":warning: {fitting(_joined(notes), 1500)} Send it again if you mean it.")
    metadata = {**_metadata(view), "noted": _joined(notes)}
    return {**kept, "private_metadata": json.dumps(metadata), "blocks": [warning, *fields]}


def _as_typed(block: Block, view: Mapping[str, Any]) -> Block:
    element = {name: one for name, one in block["element"].items() if name != "initial_value"}
    if typed := _value(view, block["block_id"]):
        element["initial_value"] = typed
    return {**block, "element": element}


def _metadata(view: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(str(view.get("private_metadata", "")))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _joined(notes: Sequence[str]) -> str:
    return " ".join(notes)[:1000]


def under_fields(problems: Mapping[str, str], view: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the arguments, by name, under their fields; else under the first."""
    blocks = [one for one in view.get("blocks", ()) if one.get("type") == "input"]
    known = [str(one.get("block_id")) for one in blocks]
    found: dict[str, str] = {}
    for name, words in problems.items() if known else ():
        at = f"{_PREFIX}{name.partition('.')[0]}"
        at, said = (at, words) if at in known else (known[0], f"{name}: {words}".lstrip(": "))
        found[at] = f"{found[at]}; {said}" if at in found else said
    return {at: words[:500] for at, words in found.items()}


def _view(
    callback_id: str, title: str, submit: str, row: ApprovalRow, blocks: list[Block]
) -> dict[str, Any]:
    named = {"approval": row.approval_id, "sha256": row.arguments_sha256}
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": submit},
        "close": {"type": "plain_text", "text": "Cancel"},
        "private_metadata": json.dumps(named),
        "blocks": blocks,
    }


def _input(name: str, prefill: str, kind: Kind) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": _ELEMENT,
        "multiline": "\n" in prefill or len(prefill) > 60,
    }
    if prefill:
        element["initial_value"] = prefill
    label = name if kind == "text" else f"{name} ({LABELS[kind]})"
    found = _field(f"{_PREFIX}{name}", label, element)
    if hint := HINTS.get(kind):
        found["hint"] = {"type": "plain_text", "text": hint}
    return found


def _field(block_id: str, label: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "optional": True,
        "label": {"type": "plain_text", "text": label},
        "element": element,
    }


def _names(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Those that were given, then those that could be."""
    return list(dict.fromkeys([*arguments, *schema.get("properties", {})]))


def _prefill(arguments: Mapping[str, Any], name: str) -> str:
    if name not in arguments:
        return ""
    value = arguments[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _value(view: Mapping[str, Any], block_id: str) -> Any:
    values = view.get("state", {}).get("values", {})
    return values.get(block_id, {}).get(_ELEMENT, {}).get("value")
