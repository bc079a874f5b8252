"""A tool's answer as the planner reads it: JSON where it is JSON, and never an exception.

Whatever a tool sends, each accessor gives the type that it names or says that it is not there.
Nothing is parsed before somebody asks for it.
"""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ml_intern.messages import NOT_FINISHED, ToolCall, ToolMessage

_DECODER = json.JSONDecoder()
_EDITED = "this ran: "
OUTSIDE_ENDS = "\n[END OF OUTSIDE TEXT]"
"""Below what a tool has read outside, as `tools/untrusted.py` marks it: no text can hold it."""


class Answer:
    """One call together with its answer."""

    __slots__ = ("_arguments", "_call", "_data", "is_error", "name", "output")

    def __init__(self, call: ToolCall, message: ToolMessage) -> None:
        self.name = call.name
        self.is_error = message.is_error
        self.output = message.text
        self._call = call
        self._arguments: dict[str, Any] | None = None
        self._data: dict[str, Any] | None = None

    @property
    def asked(self) -> str:
        """The arguments as the text that they were asked for with."""
        return self._call.arguments

    @property
    def arguments(self) -> dict[str, Any]:
        """What ran: the arguments as they were asked for, or as a person edited them."""
        if self._arguments is None:
            self._arguments = self._edited() or parse_object(self._call.arguments)
        return self._arguments

    def _edited(self) -> dict[str, Any]:
        if not self.output.startswith("["):
            return {}
        _, edited, rest = self.output.partition("\n")[0].partition(_EDITED)
        return parse_object(rest.removesuffix("]")) if edited else {}

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object of the answer; empty when there is none."""
        if self._data is None:
            self._data = parse_object(_json_of(self.output))
        return self._data

    def worked(self, *needed: str) -> bool:
        """Whether the tool succeeded and its answer has these keys."""
        return not self.is_error and all(self.data.get(key) is not None for key in needed)

    @property
    def is_unfinished(self) -> bool:
        """Whether the call was ended before anything was done or decided."""
        return self.is_error and self.error().startswith(NOT_FINISHED)

    def error(self) -> str:
        """Why it did not work, in the tool's words, short enough to be quoted."""
        said = text(self.data, "error") or self.output.strip()
        if not said:
            return f"{self.name} gave an empty answer"
        return said if len(said) <= 600 else f"{said[:400]} … {said[-180:]}"


def _json_of(output: str) -> str:
    """The answer without the notes before it, and without the marks around text from outside."""
    while output.startswith("["):
        output = output.partition("\n")[2]
    return output.partition(OUTSIDE_ENDS)[0]


def parse_object(source: str) -> dict[str, Any]:
    """The JSON object in `source`, or an empty one. Shared between callers: do not change it.

    Parsed once for each text, because a conversation is folded anew at every turn.
    """
    return _parsed(source)


@lru_cache(maxsize=2048)
def _parsed(source: str) -> dict[str, Any]:
    if not source.startswith("{"):
        source = source.lstrip()
        if not source.startswith("{"):
            return {}
    try:
        found, end = _DECODER.raw_decode(source)
    except (ValueError, RecursionError):
        return {}
    if end < len(source) and not source[end:].isspace():
        return {}
    return found if isinstance(found, dict) else {}


def number(data: Mapping[str, Any], key: str) -> float | None:
    """A finite number, or None."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole(data: Mapping[str, Any], key: str) -> int | None:
    """A whole number, or None."""
    value = number(data, key)
    return int(value) if value is not None and value.is_integer() else None


def text(data: Mapping[str, Any], key: str) -> str:
    """A string; empty when there is none."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def mapping(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object; empty when there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def strings(data: Mapping[str, Any], key: str) -> list[str]:
    """The strings of a list; empty when there is none."""
    value = data.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def objects(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list; empty when there is none."""
    value = data.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
