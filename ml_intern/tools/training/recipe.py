"""The source of a recipe and its arguments: fields of one dataclass, a line each, with a default.

Read by parsing, never by importing. Values replace exactly the text of a default, so that two
scripts from one recipe differ only in the lines whose values differ.
"""

import ast
import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ml_intern.errors import InputError
from ml_intern.tools.training.environment import recipe_file

RecipeName = Literal["image_classification", "text_classification"]
_CLASS = "Arguments"
_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument of a script, and where its default stands."""

    name: str
    annotation: str
    default: Any
    line: int
    """Counted from 0."""
    begin: int
    end: int
    """Of the default in the line's UTF-8 bytes."""


def source_of(recipe: RecipeName) -> str:
    """The recipe as it ships. Raises InputError when this installation has none of that name."""
    try:
        return recipe_file(recipe).read_text(encoding="utf-8")
    except OSError as exc:
        raise InputError(f"The recipe {recipe} is not installed: {exc.strerror}.") from exc


def parameters(source: str) -> dict[str, Parameter]:
    """The arguments of a script, by name; none when it has no dataclass `Arguments`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == _CLASS]
    fields = [field for node in found for field in node.body if isinstance(field, ast.AnnAssign)]
    known = (_parameter(field) for field in fields)
    return {parameter.name: parameter for parameter in known if parameter is not None}


def _parameter(field: ast.AnnAssign) -> Parameter | None:
    value = field.value
    if not isinstance(field.target, ast.Name) or value is None or value.end_col_offset is None:
        return None
    try:
        default = ast.literal_eval(value)
    except ValueError:
        return None
    if value.lineno != value.end_lineno:
        return None
    return Parameter(
        name=field.target.id,
        annotation=ast.unparse(field.annotation),
        default=default,
        line=value.lineno - 1,
        begin=value.col_offset,
        end=value.end_col_offset,
    )


def with_values(source: str, values: Mapping[str, Any]) -> str:
    """The source with these defaults in place of its own.

    Raises InputError for a name that it does not have, or a value that does not fit.
    """
    known = parameters(source)
    lines = source.split("\n")
    for name, value in values.items():
        if name not in known:
            raise InputError(_unknown(name, known))
        parameter = known[name]
        line = lines[parameter.line].encode()
        text = _literal(parameter, value).encode()
        changed = line[: parameter.begin] + text + line[parameter.end :]
        lines[parameter.line] = changed.decode()
    return "\n".join(lines)


def _unknown(name: str, known: Mapping[str, Parameter]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"The recipe has no argument {name}; the nearest are {', '.join(near)}."
    return f"The recipe has no argument {name}; it has {', '.join(known)}."


def _literal(parameter: Parameter, value: Any) -> str:
    """`value` as Python source of the parameter's type."""
    wanted = _TYPES.get(parameter.annotation)
    if wanted is None:
        raise InputError(
            f"{parameter.name} is a {parameter.annotation} and cannot be set here; edit the script."
        )
    if wanted is not str and isinstance(value, str):
        value = _number_in(value)
    if wanted is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(parameter.name, value)
    if type(value) is not wanted:
        raise InputError(
            f"{parameter.name} takes a {parameter.annotation}, not {json.dumps(value)} "
            f"({type(value).__name__})."
        )
    if isinstance(value, str):
        return _quoted(parameter.name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{parameter.name} cannot be {value}; give a finite number.")
    return repr(value)


def _number_in(text: str) -> Any:
    """The number or boolean that a model has put into quotes; else the text itself."""
    try:
        value = json.loads(text.lower())
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text


def _as_float(name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError as exc:
        raise InputError(f"{name} is too large for a number.") from exc


def _quoted(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise InputError(f"{name} holds characters that cannot be written to a file.") from exc
    return json.dumps(value, ensure_ascii=False)
