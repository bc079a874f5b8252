"""What may be typed into a field of the window in which arguments are edited, by its type. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["text", "boolean", "integer", "number", "json"]

LABELS: dict[Kind, str] = {
    "text": "",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "json": "JSON",
}
HINTS: dict[Kind, str] = {"json": 'Text stands in quotes, a list is ["a", 1], an object {"a": 1}.'}
_WRITE: dict[Kind, str] = {
    "text": "",
    "boolean": "Write true or false.",
    "integer": "Write a whole number, such as 8.",
    "number": "Write a number, such as 0.5.",
    "json": f"This is no JSON. {HINTS['json']}",
}
_WHOLE = re.compile(r"-?\d{1,300}")


def kind_of(arguments: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> Kind:
    """Of one argument; `schema`: of all of them. What it holds now counts before the schema."""
    if name in arguments and isinstance(arguments[name], str):
        return "text"
    types = _types(schema.get("properties", {}).get(name, {}))
    if types == {"string"} and name not in arguments:
        return "text"
    for kind in ("boolean", "integer", "number"):
        if types == {kind}:
            return kind
    value = arguments.get(name)
    if types or not isinstance(value, bool | int | float):
        return "json"
    return "boolean" if isinstance(value, bool) else "number"


def parse(typed: str, kind: Kind) -> Any:
    """What was typed, as a value. Raises ValueError, which says what to write."""
    if kind == "text":
        return typed
    words = typed.strip()
    try:
        found = _json(words.casefold() if kind == "boolean" else words)
    except (ValueError, RecursionError) as exc:
        raise ValueError(_WRITE[kind]) from exc
    if not _fits(found, words, kind):
        raise ValueError(_WRITE[kind])
    return found


def _fits(found: Any, words: str, kind: Kind) -> bool:
    match kind:
        case "boolean":
            return isinstance(found, bool)
        case "integer":
            return _WHOLE.fullmatch(words) is not None
        case "number":
            return isinstance(found, int | float) and not isinstance(found, bool)
        case _:
            return True


def _types(of: Mapping[str, Any]) -> set[str]:
    """Those that the schema of one argument allows; none where it does not say."""
    found = [of, *of.get("anyOf", ())]
    return {each["type"] for each in found if isinstance(each.get("type"), str)}


def _json(typed: str) -> Any:
    """Raises ValueError, RecursionError. NaN and Infinity are no JSON, though Python reads them."""
    found = json.loads(typed)
    json.dumps(found, allow_nan=False)
    return found
