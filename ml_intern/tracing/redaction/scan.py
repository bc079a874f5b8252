"""The second look at a trace before it is sent: is there a secret left?

Built otherwise than what redacts, so that one mistake does not blind both. It goes over the decoded
values of each line, and asks what stands under or right behind the name of a secret, and which
words begin like a token and go on at random.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.tracing.redaction import known, names, values
from ml_intern.tracing.redaction.span import MASK
from ml_intern.transcript import reading
from ml_intern.transcript.problems import Problems

UNREAD = "cannot be read"
"""Kind of a line that nobody can vouch for."""
LONGEST_WORD = 256
"""Longer ones are data: pictures, weights."""
_BEHIND_NAME = re.compile(
    r"(?P<name>(?:[Pp]ass|PASS|[Ss]ecret|SECRET|[Tt]oken|TOKEN|[Kk]ey|KEY)[\w-]{0,20})"
    r"[\"'`\\\]) ]{0,8}[:=][\"'`\\ ]{0,8}(?P<word>[A-Za-z0-9_.+/~@!#$%^&*-]{8,256})"
)
_NAME_BEFORE = re.compile(r"[\w.-]{0,40}")
_BEGINNING = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=\dm))"
    r"(?:hf_|api_org_|sk-|sk_live_|rk_live_|gh[a-z]_|github_pat_|gl[a-z]{2,6}-|GR1348941|xox[a-z]"
    r"|xapp-|AKIA|ASIA|AIza|ya29\.|GOCSPX-|eyJ|npm_|pypi-|gsk_|r8_|dckr_pat_|SG\.|hvs\.|nvapi-"
    r"|xai-|pcsk_|wandb_v)(?P<rest>[\w.-]{12,})"
)
_ADDRESS = re.compile(r"://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>]{1,200})@")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"[\s\\nrt\"'+,]{0,20}[A-Za-z0-9+/]{24}"
)

_IDS = frozenset(
    (
        *("uuid", "parentUuid", "sessionId", "requestId", "id", "tool_use_id", "timestamp"),
        *("logicalParentUuid", "sourceToolAssistantUUID", "version"),
    )
)
"""Fields of the format whose values look random by their nature."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that looks like a secret; the thing itself is not told."""

    line: int
    """From 1."""
    kind: str
    where: str
    """The way to the value, e.g. `message.content[0].input.command`; empty: it is the line."""

    def __str__(self) -> str:
        """E.g. `line 12: private key in message.content[0].text`."""
        return f"line {self.line}: {self.kind}" + (f" in {self.where}" if self.where else "")


def findings(
    path: Path, *, secrets: Mapping[str, str] | None = None, allowed: Iterable[str] = ()
) -> list[Finding]:
    """What is left in a file, in its order; empty: it may be sent. Raises OSError.

    `secrets`: those that this process holds, by name. `allowed`: what is none, although it looks
    like one.
    """
    eyes = Eyes(secrets or {}, allowed)
    found: list[Finding] = []
    problems = Problems()
    with path.open("rb") as file:
        for number, line in reading.lines(file, problems):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                problems.add(number, "no JSON")
                continue
            found += (
                Finding(line=number, kind=kind, where=where) for kind, where in eyes.in_value(value)
            )
    unread = {problem.line for problem in problems.found if problem.line}
    found += (Finding(line=number, kind=UNREAD, where="") for number in unread)
    return sorted(found, key=lambda one: one.line)


class Eyes:
    """Know the secrets of one process. Immutable, safe from any thread."""

    def __init__(
        self, secrets: Mapping[str, str] | None = None, allowed: Iterable[str] = ()
    ) -> None:
        """As in `findings`."""
        self._secrets = dict(secrets or {})
        self._allowed = frozenset(allowed)

    def in_value(self, value: Any, where: str = "", name: str = "") -> Iterator[tuple[str, str]]:
        """What kind of secret a JSON value holds, and where; `name`: that of its field."""
        if isinstance(value, str):
            kind = self._kind_of(value, name)
            if kind:
                yield kind, where or "the line"
        elif isinstance(value, Mapping):
            for key, item in value.items():
                if kind := self._kind_of(key, ""):
                    yield kind, f"a name in {where or 'the line'}"
                yield from self.in_value(item, f"{where}.{key}" if where else key, key)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                yield from self.in_value(item, f"{where}[{number}]", name)

    def _kind_of(self, text: str, name: str) -> str:
        """Of the secret in a text; empty: there is none."""
        for secret, value in self._secrets.items():
            if len(value) >= known.SHORTEST and value in text:
                return f"value of {secret}"
        if name in _IDS or text in self._allowed:
            return ""
        text = MASK.sub(" ", text)
        if name and _is_named(text, name):
            return f"value of {name}"
        if _PRIVATE_KEY.search(text):
            return "private key"
        address = _ADDRESS.search(text)
        if address and address["secret"] not in self._allowed and _is_password(address["secret"]):
            return "password in an address"
        words = [*_begun(text), *_behind_names(text)]
        return "random word" if any(word not in self._allowed for word in words) else ""


def _begun(text: str) -> Iterator[str]:
    """Words that begin as tokens do, and go on at random."""
    for found in _BEGINNING.finditer(text):
        rest = found["rest"].rstrip(".-")
        if len(rest) <= LONGEST_WORD and values.looks_random(rest, 12):
            yield found.group().rstrip(".-")


def _behind_names(text: str) -> Iterator[str]:
    """Words right behind the name of a secret that look random, or like a password."""
    for found in _BEHIND_NAME.finditer(text):
        backwards = text[max(0, found.start() - 40) : found.start()][::-1]
        name = _NAME_BEFORE.match(backwards)[0][::-1] + found["name"]  # type: ignore[index]
        if names.strength(name) == "strong" and _looks_like_one(found["word"]):
            yield found["word"]


def _looks_like_one(word: str) -> bool:
    if len(word) > LONGEST_WORD or values.is_placeholder(word) or "://" in word:
        return False
    is_code = re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", word) is not None
    is_random = values.looks_random(word, 12) and any(map(str.isdigit, word))
    return (is_random and not is_code) or values.looks_like_password(word)


def _is_password(text: str) -> bool:
    return not values.is_placeholder(text) and "{" not in text and text != "pass"


def _is_named(text: str, name: str) -> bool:
    if names.strength(name) in (None, "weak"):
        return names.strength(name) == "weak" and _is_random(text)
    is_one = len(text) >= values.SHORTEST_PASSWORD and not any(map(str.isspace, text))
    is_name = names.strength(text) is not None
    return is_one and not is_name and not values.is_placeholder(text)


def _is_random(text: str) -> bool:
    return values.looks_random(text) and not values.is_digest(text)
