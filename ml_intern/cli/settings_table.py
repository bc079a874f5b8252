"""`docs/settings.md`: every setting in one table, written from the class that reads them.

Run as `python -m ml_intern.cli.settings_table > docs/settings.md`.
"""

import sys
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from ml_intern.rules import PolicyRule
from ml_intern.settings import ENV_PREFIX, EXAMPLES, Address, Expressions, Settings

_HEAD = """# Settings

<!-- Written by `make docs` from ml_intern/settings/settings.py; do not edit. -->

Every setting can be given in three places; the first one that says something wins:

1. the environment, or `.env` in the working directory: `ML_INTERN_` and the name in capitals;
2. `config.toml` in `$XDG_CONFIG_HOME/ml-intern` (`~/.config/ml-intern`): `name = value`;
3. the default.

A name that does not exist, or a value that does not fit, ends the program with status 78.
`ml-intern doctor` shows what is in use.

| Setting | Environment variable | Type | Default | Meaning |
|---|---|---|---|---|
"""


def table() -> str:
    """The whole document."""
    rows = (_row(name, field) for name, field in Settings.model_fields.items())
    return _HEAD + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    cells = (
        f"`{name}`",
        f"`{ENV_PREFIX}{name.upper()}`",
        _type(field.annotation) + _as_variable(name, field.annotation),
        _default(field),
        (field.description or "").replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |\n"


def _as_variable(name: str, annotation: Any) -> str:
    """How a table is written in its variable."""
    if get_origin(annotation) is not dict:
        return ""
    return f"; in the variable JSON: `{EXAMPLES[name]}`"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default is None:
        return "see there" if "Default:" in (field.description or "") else "none"
    if isinstance(field.default, bool):
        return "`true`" if field.default else "`false`"
    if field.default in ((), {}):
        return "none"
    return f"`{list(field.default) if isinstance(field.default, tuple) else field.default}`"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not type(None))
    if annotation not in _WORDS and get_origin(annotation) is dict:
        return "table"
    return _WORDS.get(annotation, str(annotation))


_WORDS = {
    str: "text",
    Address: "address",
    SecretStr: "text, kept secret",
    Path: "path",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    tuple[PolicyRule, ...]: "rules",
    tuple[str, ...]: "list of texts",
    Expressions: "list of texts",
    list[str]: "list of texts",
    tuple[float, ...]: "list of numbers",
    dict[str, str]: "table of texts",
}

if __name__ == "__main__":
    sys.stdout.write(table())
