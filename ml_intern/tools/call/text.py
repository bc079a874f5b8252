"""The text of a call's arguments, read as the object that the model meant.

Broken JSON is mended where it can mean one thing only, and what was mended is said. All else is an
InputError for the model: a call may have effects, so nothing is guessed. Text that ends in the
middle is never completed. One name given twice with different values is refused, since nobody knows
which was meant; JSON readers would take the last without a word.
"""

import ast
import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ml_intern.errors import InputError

MOST_CHARS = 8_000_000
"""Above what `write` takes as the content of one file."""
MOST_DEPTH = 50
_MOST_PYTHON_CHARS = 200_000

_FENCED = re.compile(r"```\w*\s*(.*?)\s*```", re.DOTALL)
_STRING_OR_COMMA = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|,(?=\s*[}\]])', re.DOTALL)
_SAME_IN_PYTHON = re.compile(r"""\\(?:[\\'"nrt]|u[0-9a-fA-F]{4})""")
_BEGUN = re.compile(
    r"\s*|t(r(u)?)?|f(a(l(s)?)?)?|n(u(l)?)?|-|\.\d*|\.?\d*[eE][+-]?\d*|\\?u?[0-9a-fA-F]{0,4}"
)
"""What may stand where reading stopped, when the text ends in the middle of a value."""
_LARGEST = 2**63


@dataclass(frozen=True, kw_only=True)
class Given:
    """The arguments of a call, and what had to be mended in their text."""

    arguments: dict[str, Any] = field(hash=False)
    repairs: tuple[str, ...] = ()


def read_arguments(text: str) -> Given:
    """The object in `text`; an empty one for no text and for null. Raises InputError."""
    if len(text) > MOST_CHARS:
        raise InputError(
            f"the arguments have {len(text):,} characters; at most {MOST_CHARS:,} are read. The "
            "call did not run. Send less at once, e.g. a long file in several calls."
        )
    value, repairs = read_value(text.strip().removeprefix("\ufeff") or "{}")
    if isinstance(value, str):
        value, more = _read_inner(value)
        repairs = (*repairs, "JSON text in a string was decoded", *more)
    if value is None:
        return Given(arguments={})
    if not isinstance(value, dict):
        raise InputError(f"the arguments are a JSON {_kind(value)}; send one JSON object.")
    return Given(arguments=value, repairs=repairs)


def read_value(text: str) -> tuple[Any, tuple[str, ...]]:
    """Any JSON value, with what had to be mended. Raises InputError."""
    body, fence = _unfenced(text)
    value, repairs = _read(body)
    refuse_unfit(value)
    return value, (*fence, *repairs)


def _read_inner(text: str) -> tuple[Any, tuple[str, ...]]:
    """JSON text that was itself sent as a JSON string; once, not again and again."""
    if not text.lstrip().startswith(("{", "```")):
        raise InputError("the arguments are a JSON string; send one JSON object.")
    return read_value(text.strip())


def _unfenced(text: str) -> tuple[str, tuple[str, ...]]:
    if not text.startswith("```"):
        return text, ()
    found = _FENCED.fullmatch(text)
    if found is None:
        raise _cut_off(text)
    return found[1], ("a code fence was taken off",)


def _read(text: str) -> tuple[Any, tuple[str, ...]]:
    try:
        return _loads(text), ()
    except json.JSONDecodeError:
        return _mended(text)


def _mended(text: str) -> tuple[Any, tuple[str, ...]]:
    """`text`, which is not JSON, read with the least mend that makes it so."""
    without_commas = _STRING_OR_COMMA.sub(_keep_string, text)
    commas = () if without_commas == text else ("a comma before a closing bracket was dropped",)
    with suppress(json.JSONDecodeError):  # commas are not all that is wrong
        return _loads(without_commas), commas
    try:
        raw = "line breaks or control characters in a string were taken as they stand"
        return _loads(without_commas, strict=False), (raw, *commas)
    except json.JSONDecodeError as exc:
        python = _from_python(text)
        if python is None:
            raise _why(without_commas, exc) from exc
        return python, ("a Python literal was read as JSON",)


def _keep_string(found: re.Match[str]) -> str:
    return "" if found[0] == "," else found[0]


def _loads(text: str, *, strict: bool = True) -> Any:
    """Raises json.JSONDecodeError, which more tolerant reading may mend, and InputError."""
    try:
        return json.loads(text, strict=strict, object_pairs_hook=_object)
    except json.JSONDecodeError:
        raise
    except RecursionError as exc:
        raise InputError(_TOO_DEEP) from exc
    except ValueError as exc:  # a number with thousands of digits
        raise InputError(f"the arguments hold a number that cannot be read: {exc}.") from exc


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse_doubled(pairs)
    return found


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    first: dict[str, str] = {}
    for name, value in pairs:
        if first.setdefault(name, repr(value)) != repr(value):
            raise InputError(f"{name} is given twice, with different values; give it once.")


def _from_python(text: str) -> Any:
    """The value of a literal whose text means in Python what it seems to mean; else None."""
    if len(text) > _MOST_PYTHON_CHARS or "\\" in _SAME_IN_PYTHON.sub("", text):
        return None
    try:
        tree = ast.parse(text, mode="eval")
        value = ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if not isinstance(tree.body, ast.Dict | ast.List) or not _is_plain(value):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            _refuse_doubled(
                [
                    (str(key.value), ast.dump(item))
                    for key, item in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant)
                ]
            )
    return value


def _is_plain(value: Any) -> bool:
    """Whether JSON has such values: no tuple, set, bytes or complex number, and no key but text."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, str | bool | int | float)


_TOO_DEEP = f"the arguments are nested more than {MOST_DEPTH} deep; send them flatter."


def refuse_unfit(value: Any, name: str = "the value", depth: int = 1) -> None:
    """Raise InputError for what can be read but neither stored nor shown."""
    if isinstance(value, Mapping | list):
        if depth > MOST_DEPTH:
            raise InputError(_TOO_DEEP)
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            refuse_unfit(item, str(key), depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} is not a finite number (NaN, Infinity); give a finite one.")
    elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise InputError(f"{name} does not fit into 64 bits; give a smaller number.")


def _why(text: str, problem: json.JSONDecodeError) -> InputError:
    """Why `text`, with what could be mended mended, is still not JSON."""
    rest = text[problem.pos :]
    if problem.msg == "Extra data":
        return InputError(
            "there is more than one JSON object; make one call for each."
            if rest.lstrip().startswith("{")
            else "there is text after the JSON object; send the object alone."
        )
    if problem.msg.startswith("Unterminated string") or (
        text.startswith(("{", "[")) and _BEGUN.fullmatch(rest)
    ):
        return _cut_off(text)
    if not text.startswith("{") and "{" in text:
        return InputError("there is text before the JSON object; send the object alone.")
    near = text[max(0, problem.pos - 20) : problem.pos + 20]
    return InputError(
        f"the arguments are not JSON: {problem.msg} at character {problem.pos}, near {near!r}. "
        "Send one JSON object, with quotes and line breaks in strings escaped."
    )


def _cut_off(text: str) -> InputError:
    return InputError(
        f"the arguments end in the middle, after {len(text):,} characters: they were cut off, most "
        "likely at the length limit of an answer. The call did not run. Send it again with less at "
        "once, e.g. a long file in several calls."
    )


def _kind(value: Any) -> str:
    names: dict[type, str] = {list: "list", bool: "boolean"}
    return names.get(type(value), "number")
