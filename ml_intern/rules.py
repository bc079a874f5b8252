"""A rule of the policy as it stands in the settings: its names and values, and in which line.

Whether it fits the tools, and what it means, is settled in `ml_intern/tools/policy/`.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

_HEADER = re.compile(r"""\s*\[\[\s*["']?policy["']?\s*\]\]""")
_PART = re.compile(r"""\s*\[\s*["']?policy["']?\s*\.\s*["']?(?P<name>[\w-]+)["']?\s*\]""")
_OTHER = re.compile(r"\s*\[")
_KEY = re.compile(r"""\s*(?P<name>["']?[\w-]+["']?(?:\s*\.\s*["']?[\w-]+["']?)*)\s*=""")

MOST_USD = 1e9
"""Of one call. Larger numbers are typing errors."""

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RulePlace:
    """Where a rule is written."""

    short: str
    """As a reason names it, e.g. `config.toml line 12`."""
    long: str
    """The same for somebody who is to mend it."""
    file: Path | None = None
    lines: Mapping[Key, int] = field(default_factory=dict, hash=False)
    """By key: `("arguments", "command")`."""

    def of(self, *key: str) -> str:
        """Where a key of the rule stands, or what holds it."""
        for length in range(len(key), 0, -1):
            if self.file is not None and (line := self.lines.get(key[:length])) is not None:
                return f"{self.file}, line {line}"
        return self.long


class PolicyRule(BaseModel):
    """One `[[policy]]` of `config.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    tool: str = Field(min_length=1)
    verdict: Literal["allow", "ask", "deny"]
    operation: str | None = Field(None, min_length=1)
    repository: str | None = Field(None, min_length=1)
    arguments: dict[str, str | bool | int | float] = {}
    cost_up_to_usd: float | None = Field(None, ge=0, le=MOST_USD)
    cost_above_usd: float | None = Field(None, ge=0, le=MOST_USD)
    reason: str = ""

    _place: RulePlace = PrivateAttr(default=RulePlace(short="settings", long="the settings"))

    @property
    def place(self) -> RulePlace:
        """Where it is written."""
        return self._place

    def at(self, place: RulePlace) -> Self:
        """The same rule, written there."""
        found = self.model_copy()
        found._place = place
        return found


def places_in(file: Path, text: str) -> list[RulePlace]:
    """Where each `[[policy]]` of a TOML file stands, in order."""
    return [
        RulePlace(
            short=f"{file.name} line {lines[()]}",
            long=f"{file}, line {lines[()]}",
            file=file,
            lines=lines,
        )
        for lines in _tables(text)
    ]


def numbered(place: str, number: int) -> RulePlace:
    """The place of a rule whose line is not known; rules are numbered from 1."""
    return RulePlace(short=f"{place}, rule {number}", long=f"{place}, rule {number}")


def problem(error: Mapping[str, Any], place: RulePlace, key: Key) -> str:
    """What pydantic has against one key of a rule, as a person reads it."""
    where = place.of(*key)
    name = ".".join(key)
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, PolicyRule.model_fields, n=1)
        known = ", ".join(PolicyRule.model_fields)
        hint = f"Did you mean {near[0]}?" if near else f"Known are: {known}."
        return f"A rule of the policy has no `{name}` ({where}). {hint}"
    if error["type"] == "missing":
        return f"The rule of the policy at {where} needs `{name}`."
    if key[:1] == ("arguments",) and len(key) > 1:
        return f"`{name}` of a rule of the policy must be text, a number, true or false ({where})."
    return f"`{name}` = {error['input']!r} in a rule of the policy: {error['msg']} ({where})."


def _tables(text: str) -> list[dict[Key, int]]:
    """The lines of every `[[policy]]` by key; that of the table itself has none."""
    found: list[dict[Key, int]] = []
    part: Key | None = None
    """The keys before those of the table that we are in; None outside the policy."""
    for number, line in _statements(text):
        if _HEADER.match(line):
            found.append({(): number})
            part = ()
        elif (inner := _PART.match(line)) and found:
            part = (inner["name"],)
            found[-1].setdefault(part, number)
        elif _OTHER.match(line):
            part = None
        elif (key := _KEY.match(line)) and part is not None:
            names = (name.strip(" \t\"'") for name in key["name"].split("."))
            found[-1].setdefault((*part, *names), number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The lines at which a statement may begin: not those inside a longer text or list."""
    lines = text.split("\n")  # TOML knows no other end of a line
    begun = 0
    for number, line in enumerate(lines, 1):
        if not _is_whole("\n".join(lines[begun : number - 1])):
            continue
        begun = number - 1
        yield number, line


def _is_whole(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
