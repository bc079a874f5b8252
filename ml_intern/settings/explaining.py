"""What is wrong with a value, in words that say where it stands and what it must be."""

import json
import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from ml_intern.rules import problem
from ml_intern.settings.kinds import EXAMPLES
from ml_intern.settings.places import ENV_PREFIX, config_file
from ml_intern.settings.settings import Settings
from ml_intern.settings.written import Written, place_of_rule, writing_of

_BARE_KEY = re.compile(r"[\w-]+")
_MUST_BE = {
    "dict": "a table",
    "model": "a table",
    "tuple": "a list",
    "list": "a list",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "bool": "true or false",
}


def explained(exc: ValidationError, written: list[Written]) -> str:
    """A line for each problem."""
    # What fits none of several types is an error for each of them.
    return "\n".join(dict.fromkeys(_one_problem(error, written) for error in exc.errors()))


def explained_text(exc: SettingsError) -> str:
    """Of a variable that holds no JSON where it must."""
    found = re.search(r'field "(\w+)"', str(exc))
    if found is None:
        return f"{exc}: {exc.__cause__}."
    variable = f"{ENV_PREFIX}{found[1].upper()}"
    shown = EXAMPLES.get(found[1], '["first", "second"]')
    return (
        f"{variable} is no JSON ({exc.__cause__}). A {_kind(shown)} is written as JSON there, e.g. "
        f"{variable}='{shown}'."
    )


def _kind(example: str) -> str:
    return "table" if example.startswith("{") else "list"


def _one_problem(error: ErrorDetails, written: list[Written]) -> str:
    match error["loc"]:
        case ("policy", int() as number, *key):
            place = place_of_rule(number, writing_of("policy", written))
            return problem(error, place, tuple(str(part) for part in key[:2]))
        case ("redact_patterns", int() as number, *_):
            return _bad_pattern(error, number, writing_of("redact_patterns", written))
        case _:
            pass
    name = str(error["loc"][0])
    if name == "policy" and isinstance(error["input"], dict):
        return (
            "The policy is a list of rules, but stands as one table in "
            f"{writing_of(name, written).place}. Write the head of "
            "each rule with two brackets: [[policy]]."
        )
    secret = "secret" in str(Settings.model_fields[name].annotation).lower()
    value = "(not shown)" if secret else repr(error["input"])
    given = "" if error["type"] == "missing" else f" = {value}"
    return (
        f"Setting {_key(error['loc'])}{given}: {_why(error, name)}. It comes from "
        f"{writing_of(name, written).place}; "
        f"set it in {config_file()} or as {ENV_PREFIX}{name.upper()}."
    )


def _key(loc: tuple[int | str, ...]) -> str:
    """As TOML writes it: `context_windows."vllm/*"`; items of lists by their number, from 1."""
    name, *inner = loc
    shown = str(name)
    for part in inner:
        if isinstance(part, int):
            shown += f", item {part + 1}"
        else:
            shown += f".{part}" if _BARE_KEY.fullmatch(part) else f".{json.dumps(part)}"
    return shown


def _why(error: ErrorDetails, name: str) -> str:
    """What is wrong with a value, in words of ours where the library's are about Python."""
    kind, _, what = error["type"].partition("_")
    if error["type"] == "missing":
        return "it is missing"
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if kind in _MUST_BE and what in ("type", "parsing", "from_float"):
        example = EXAMPLES.get(name, "") if kind in ("dict", "model") else ""
        shown = f", in a variable as {example}" if example else ""
        return f"it must be {_MUST_BE[kind]}{shown}"
    words = error["msg"].removeprefix("Value error, ")
    return re.sub("^Input should", "it should", words)


def _bad_pattern(error: ErrorDetails, number: int, written: Written) -> str:
    """Numbers begin with 0."""
    at = (
        f", line {written.lines[number]}" if number < len(written.lines) else f", item {number + 1}"
    )
    place = re.sub(r", line \d+$", "", written.place) + at
    why = error["msg"].removeprefix("Value error, ")
    return f"The pattern {error['input']!r} of redact_patterns cannot be used: {why} ({place})."
