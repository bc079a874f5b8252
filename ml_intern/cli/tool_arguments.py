"""The arguments of a tool, as a person reads them: from the JSON Schema that a model is shown."""

import json
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from ml_intern.cli.quantities import shown

_KINDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "array": "list",
    "object": "object",
    "null": "null",
}
_WIDTH = 100
_NARROWEST = 40


def required(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of those that cannot be left out."""
    return tuple(schema.get("required", ()))


def in_lines(schema: Mapping[str, Any]) -> Iterator[str]:
    """Each with its kind and meaning, whole; the required ones as such."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    width = max(map(len, properties), default=0)
    for name, about in properties.items():
        need = "required" if name in required(schema) else _otherwise(about)
        words = about.get("description", "")
        text = f"{_kind(about)}, {need}" + (f": {words}" if words else "")
        rows = wrap(shown(text), max(_NARROWEST, _WIDTH - width))
        heads = (name, *[""] * len(rows))
        yield from (f"{head:<{width}}  {row}" for head, row in zip(heads, rows, strict=False))


def example(schema: Mapping[str, Any]) -> str:
    """The JSON object that gives only what is required, to be filled in."""
    properties = schema.get("properties", {})
    given = {name: _blank(properties.get(name, {})) for name in required(schema)}
    return json.dumps(given, ensure_ascii=False)


def _otherwise(about: Mapping[str, Any]) -> str:
    """What holds where it is left out."""
    if "default" not in about:
        return "default none"
    return f"default {json.dumps(about['default'], ensure_ascii=False)}"


def _kind(about: Mapping[str, Any]) -> str:
    if "enum" in about:
        return " or ".join(json.dumps(each, ensure_ascii=False) for each in about["enum"])
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(_kind(each) for each in about["anyOf"]))
    return _KINDS.get(str(about.get("type", "object")), "object")


def _blank(about: Mapping[str, Any]) -> Any:
    if "enum" in about:
        return about["enum"][0]
    blanks = {"boolean": True, "integer": 1, "number": 1, "array": [], "object": {}}
    return blanks.get(str(about.get("type")), "...")
