"""What a person has filled in: the `state.values` of a view, and one action of a click.

https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

from collections.abc import Mapping
from typing import Any

from tests.support.slack.blocks import elements_of
from tests.support.slack.elements import CHOICES, options_of
from tests.support.slack.refusals import CannotDo
from tests.support.slack.workspace import Json, View

TYPED = {"plain_text_input": "value", "number_input": "value"}
PICKED = {
    "users_select": "user",
    "conversations_select": "conversation",
    "channels_select": "channel",
    "datepicker": "date",
    "timepicker": "time",
}
MANY = {"multi_static_select", "checkboxes"}


def state_of(view: View, given: Mapping[str, Any]) -> Json:
    """Every field with what was given or stood there at first.

    `given` is `{block_id: {action_id: value}}` or, where action ids are unique, `{action_id:
    value}`.
    """
    values: Json = {}
    used: set[str] = set()
    for block in view.blocks:
        for element in elements_of(block):
            if element["type"] in (*TYPED, *PICKED, *CHOICES):
                has, value = _given(given, block["block_id"], element["action_id"], used)
                filled = fill(element, value) if has else first(element)
                if block["type"] == "input":
                    _check_input(block, element, filled)
                values.setdefault(block["block_id"], {})[element["action_id"]] = filled
    if unknown := set(given) - used:
        raise CannotDo(f"The view has no field {sorted(unknown)}")
    return values


def _given(
    given: Mapping[str, Any], block_id: str, action_id: str, used: set[str]
) -> tuple[bool, Any]:
    if isinstance(given.get(block_id), Mapping):
        used.add(block_id)
        return action_id in given[block_id], given[block_id].get(action_id)
    used |= {action_id} & set(given)
    return action_id in given, given.get(action_id)


def fill(element: Json, value: Any) -> Json:
    """An element with a value that a person may give it."""
    kind = element["type"]
    if kind in TYPED:
        return {"type": kind, "value": value or None}
    if kind in PICKED:
        return {"type": kind, f"selected_{PICKED[kind]}": value}
    if kind in MANY:
        return {"type": kind, "selected_options": [_option(element, one) for one in value]}
    return {"type": kind, "selected_option": value and _option(element, value)}


def first(element: Json) -> Json:
    """As it stood before anybody touched it."""
    kind = element["type"]
    if kind in TYPED:
        return {"type": kind, "value": element.get("initial_value")}
    if kind in PICKED:
        return {"type": kind, f"selected_{PICKED[kind]}": element.get(f"initial_{PICKED[kind]}")}
    if kind in MANY:
        return {"type": kind, "selected_options": element.get(CHOICES[kind], [])}
    return {"type": kind, "selected_option": element.get(CHOICES[kind])}


def _option(element: Json, value: str) -> Json:
    for option in options_of(element):
        if option["value"] == value:
            return option
    raise CannotDo(f"{element['action_id']} has no option {value!r}")


def _check_input(block: Json, element: Json, filled: Json) -> None:
    """What Slack's window refuses before it sends anything."""
    value = next(content for name, content in filled.items() if name != "type")
    label = block["label"]["text"]
    if not value and not block.get("optional"):
        raise CannotDo(f"The field {label!r} is required")
    if element["type"] == "plain_text_input" and value:
        length, longest = len(value), element.get("max_length", 3000)
        if not element.get("min_length", 0) <= length <= longest:
            raise CannotDo(f"The field {label!r} does not take {length} characters")


def pressed(block: Json, element: Json, value: Any, ts: str) -> Json:
    """The entry of `actions` for one element."""
    kind = element["type"]
    action: Json = {
        "type": kind,
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": ts,
    }
    if kind == "button":
        return action | {name: element[name] for name in ("text", "value", "style", "url")
                         if name in element}  # fmt: skip
    if kind == "overflow":
        return action | {"selected_option": _option(element, value)}
    return action | fill(element, value)


def find_element(blocks: list[Json], action_id: str, value: Any, block_id: str | None) -> Any:
    """The one element that is meant, with its block."""
    found = [
        (block, element)
        for block in blocks
        for element in elements_of(block)
        if element.get("action_id") == action_id
        and block_id in (None, block["block_id"])
        and (element["type"] != "button" or value in (None, element.get("value")))
    ]
    if len(found) != 1:
        raise CannotDo(f"{len(found)} elements with action_id {action_id!r} and value {value!r}")
    return found[0]
