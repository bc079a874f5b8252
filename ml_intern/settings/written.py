"""What somebody has written down, and where: so that an error can name the place."""

import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import ConfigError
from ml_intern.rules import RulePlace, numbered, places_in
from ml_intern.settings.places import ENV_PREFIX, config_file

_DOTENV_LINE = re.compile(rf"\s*(?:export\s+)?(?P<name>{ENV_PREFIX}\w+)\s*=", re.IGNORECASE)
_ONE_BRACKET = re.compile(r"^\s*\[\s*policy\s*\]", re.MULTILINE)
_BRACKETS = " Write the head of each rule of the policy with two brackets: [[policy]]."
_TOML_PIECE = re.compile(
    r"""
      \#[^\n]* | \]
    | (?P<text> \'{3}.*?\'{3} | "{3}.*?"{3} | '[^'\n]*' | "(?:\\.|[^"\\\n])*" )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A setting that somebody wrote down."""

    name: str
    place: str
    """For people: in which file and line, or as which variable."""
    rules: Sequence[RulePlace] = ()
    """Where each one stands, of rules of the policy in a file."""
    lines: Sequence[int] = ()
    """Of its items, for a list of texts in a file."""


def all_written(given: Iterable[str]) -> list[Written]:
    """All that were, first the one that counts. Raises ConfigError for a file with faults."""
    return [
        *(Written(name=name, place=f"`{name}`") for name in given),
        *(_variable(name, name) for name in os.environ if name.startswith(ENV_PREFIX)),
        *_in_dotenv(),
        *_in_toml(),
    ]


def writing_of(name: str, written: list[Written]) -> Written:
    """The one that counts; an empty variable says nothing."""
    counting = (one for one in written if one.name == name and os.environ.get(one.place) != "")
    return next(counting, Written(name=name, place=name))


def place_of_rule(number: int, written: Written) -> RulePlace:
    """Numbers begin with 0; tables in a list of one line have no lines of their own."""
    if number < len(written.rules):
        return written.rules[number]
    return numbered(written.place, number + 1)


def _variable(variable: str, place: str) -> Written:
    return Written(name=variable.removeprefix(ENV_PREFIX).lower(), place=place)


def _in_dotenv() -> list[Written]:
    path = Path(".env")
    text = _text(path, "is not text in UTF-8") if path.is_file() else ""
    return [
        _variable(found["name"], f"{found['name']} in {path.absolute()}, line {number}")
        for number, line in enumerate(text.splitlines(), 1)
        if (found := _DOTENV_LINE.match(line))
    ]


def _in_toml() -> list[Written]:
    path = config_file()
    text = _text(path, "is not TOML") if path.is_file() else ""
    try:
        names = list(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        hint = _BRACKETS if _ONE_BRACKET.search(text) else ""
        raise ConfigError(f"{path} is not TOML: {exc}.{hint}") from exc
    lines = text.splitlines()
    return [
        Written(
            name=name,
            place=f"`{name}` in {path}{_line(lines, name)}",
            rules=places_in(path, text) if name == "policy" else (),
            lines=_lines_of_texts(text, name) if name == "redact_patterns" else (),
        )
        for name in names
    ]


def _line(lines: list[str], name: str) -> str:
    """Where a name of the top level stands; nothing for one that is written in an unusual way."""
    begins = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}[\"']?\s*[=.\]]")
    return next((f", line {n}" for n, line in enumerate(lines, 1) if begins.match(line)), "")


def _lines_of_texts(toml: str, name: str) -> list[int]:
    """The line of each text in a list that is a setting."""
    begins = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=[ \t]*\[", toml, re.MULTILINE)
    found: list[int] = []
    for piece in _TOML_PIECE.finditer(toml, begins.end()) if begins else ():
        if piece.group() == "]":
            break
        if piece["text"]:
            found.append(toml.count("\n", 0, piece.start()) + 1)
    return found


def _text(path: Path, trouble: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path} {trouble}: {exc}.") from exc
