"""The YAML head of a model card: plain data in, lines that every YAML reader takes out.

Strings are written as JSON, which is YAML, so that no text can break out of its place.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Control characters and line breaks that JSON leaves as they are."""


def front_matter(data: dict[str, Any]) -> str:
    """`data` between two lines of dashes."""
    return "\n".join(["---", *_mapping(data, ""), "---", ""])


def _mapping(data: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _mapping(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{key}:"
            yield from _sequence(value, indent)
        else:
            yield f"{indent}{key}: {_scalar(value)}"


def _sequence(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict):
            lines = list(_mapping(item, indent + "  "))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield f"{indent}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
