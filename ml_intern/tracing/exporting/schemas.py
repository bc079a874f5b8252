"""The JSON Schema of a tool that nobody here knows, from the calls of it that were seen. Pure."""

from collections.abc import Sequence
from typing import Any

from ml_intern.transcript.line import JsonObject

DESCRIPTION = "Not described in the trace; the parameters are inferred from the calls in it."

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}


def inferred(calls: Sequence[JsonObject]) -> JsonObject:
    """Of arguments like these: what every call has is required. `calls` holds at least one."""
    names = dict.fromkeys(name for call in calls for name in call)
    properties = {name: _schema([call[name] for call in calls if name in call]) for name in names}
    required = [name for name in names if all(name in call for call in calls)]
    return {"type": "object", "properties": properties, "required": required}


def _schema(values: Sequence[Any]) -> JsonObject:
    types = sorted({_type(value) for value in values})
    if types == ["integer", "number"]:
        types = ["number"]
    schema: JsonObject = {"type": types[0] if len(types) == 1 else types}
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        schema["items"] = _schema(items)
    return schema


def _type(value: Any) -> str:
    if value is None:
        return "null"
    return _TYPES.get(type(value), "object")
