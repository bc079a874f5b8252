"""A call's arguments against its tool's schema: made to fit where that is safe, else explained.

Pydantic takes numbers and booleans written as text. What is added here: JSON text where an object
or a list is wanted, and words that name what is missing and what was probably meant.
"""

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ml_intern.errors import InputError
from ml_intern.tools.call.text import read_value

M = TypeVar("M", bound=BaseModel)

MOST_PROBLEMS = 10
_WANTS_JSON = frozenset(
    ("dict_type", "list_type", "model_attributes_type", "model_type", "set_type", "tuple_type")
)
_NEAR = 0.5


def fit(schema: type[M], given: Mapping[str, Any]) -> tuple[M, tuple[str, ...]]:
    """The arguments, and what had to be changed in them. Raises pydantic.ValidationError."""
    repairs: tuple[str, ...] = ()
    while True:
        try:
            return schema.model_validate(given), repairs
        except ValidationError as exc:
            given, more = _decoded(given, exc)
            if not more:
                raise
            repairs += more


def _decoded(
    given: Mapping[str, Any], exc: ValidationError
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """`given` with JSON in place of JSON text, wherever an object or a list was wanted."""
    found = copy.deepcopy(dict(given))
    repairs = [
        f"{name} was JSON text and was decoded"
        for error in exc.errors(include_url=False, include_input=False)
        if error["type"] in _WANTS_JSON and (name := _decode(found, error["loc"])) is not None
    ]
    return found, tuple(repairs)


def _decode(given: Any, loc: Sequence[int | str]) -> str | None:
    """Decode the text that `loc` leads to, in its place; its name, if it was JSON.

    Behind the text, `loc` may go on with the types that were tried.
    """
    for depth, key in enumerate(loc):
        try:
            below = given[key]
        except (KeyError, IndexError, TypeError):
            return None
        if isinstance(below, str):
            given[key] = _json(below)
            return None if given[key] is below else _dotted(loc[: depth + 1])
        given = below
    return None


def _json(text: str) -> Any:
    """The object or list in `text`; else `text` itself."""
    try:
        value, _ = read_value(text.strip())
    except InputError:
        return text
    return value if isinstance(value, dict | list) else text


def problems(schema: type[BaseModel], exc: ValidationError) -> list[str]:
    """What does not fit and what would, a sentence each."""
    errors = exc.errors(include_url=False, include_input=False)
    found = [_problem(schema, error) for error in errors[:MOST_PROBLEMS]]
    more = len(errors) - MOST_PROBLEMS
    return [*found, f"and {more} more"] if more > 0 else found


def _problem(schema: type[BaseModel], error: ErrorDetails) -> str:
    loc = error["loc"]
    name = _dotted(loc) or "arguments"
    match error["type"]:
        case "extra_forbidden":
            return f"{name}: there is no such argument{_meant(str(loc[-1]), _names(schema, loc))}"
        case "missing":
            return f"{name}: is missing"
        case "value_error":  # of a check of ours, which is a sentence already
            return f"{name}: {error['ctx']['error']}"
        case _:
            return f"{name}: {error['msg']}"


def _dotted(loc: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in loc)


def _meant(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=_NEAR)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; known are {', '.join(known)}." if known else "; leave it out."


def _names(schema: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The names that the object may have in which `loc` ends."""
    whole = schema.model_json_schema()
    part: Mapping[str, Any] = whole
    for key in loc[:-1]:
        part = _resolved(whole, part)
        below = part.get("items") if isinstance(key, int) else part.get("properties", {}).get(key)
        part = below if isinstance(below, Mapping) else {}
    return list(_resolved(whole, part).get("properties", {}))


def _resolved(whole: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself where `part` only names it."""
    name = str(part.get("$ref", "")).rpartition("/")[2]
    found = whole.get("$defs", {}).get(name, part)
    return found if isinstance(found, Mapping) else part
