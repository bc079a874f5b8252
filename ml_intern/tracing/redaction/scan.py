"""The second look at a trace before it is sent: is there a secret left?

Built otherwise than what redacts, so that one mistake does not blind both. It goes over the decoded
values of each line, and asks what stands under or right behind the name of a secret, and which
words begin like a token and go on at random.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.tracing.redaction import addresses, known, names, values
from ml_intern.tracing.redaction.as_read import as_read
from ml_intern.tracing.redaction.span import MASK, lowered
from ml_intern.transcript import reading
from ml_intern.transcript.problems import Problems

UNREAD = "cannot be read"
"""Kind of a line that nobody can vouch for."""
SHORTEST_RANDOM = 10
SHORTEST_PHRASE = 3
"""Dashes between words that make a passphrase of them."""
LONGEST_WORD = 256
"""Longer ones are data: pictures, weights."""
_NAME = re.compile("pass|pwd|secret|token|key|bearer|basic|credential|auth")
"""In the lower-cased text."""
_NAME_PART = re.compile(r"[\w-]{0,40}")
_CLOSE_BEHIND = re.compile(r"(?:\\{1,8}[\"'nrt]|[^\n\\,;}]){0,120}")
"""On the same line, before another value begins, also in a text that is escaped."""
_WORD = re.compile(r"[^\s\"'`,;|<>(){}\[\]\\=&]{2,}+(?:={1,2}(?![^\s\"'`,;&]))?(?![(\[])")
_MARKED = re.compile(r"[\"'=:|]|\bis\b|^[ \t]")
"""Somewhere between a name and its value."""
_GLUE = re.compile(
    r"(?:is|was|are|be|to|as|of|for|the|value|default|bearer|basic|token|key|apikey)?",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"[0-9a-f]{32}")
_SCHEMES = frozenset(("bearer", "basic", "authorization"))
MOST_WORDS = 4
"""Behind a name, that may be its value or lead to it."""
_BEGINNING = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=\dm))"
    r"(?:(?P<of_letters>hf_|gh[a-z]_)|api_org_|sk-|sk_live_|rk_live_|github_pat_|gl[a-z]{2,6}-|GR1348941|xox[a-z]"
    r"|xapp-|AKIA|ASIA|AIza|ya29\.|GOCSPX-|eyJ|npm_|pypi-|gsk_|r8_|dckr_pat_|SG\.|hvs\.|nvapi-"
    r"|xai-|pcsk_|wandb_v)(?P<rest>[\w.-]{12,})"
)
_CODE = re.compile(
    r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[\w./-]+:[\d.]+|_?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
)
"""A field of something, a version of it, or a constant."""
_ADDRESS = re.compile(r"://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>]{1,200})@")
_PRIVATE_KEY = re.compile(
    r"(?:BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-Lines:)"
    r"(?:(?!-----END)[^\0]){0,160}?[A-Za-z0-9+/]{40}"
)
_AWS_ID = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])")
_WEBHOOK = re.compile(r"hooks\.slack\.com/\w+/T\w+/\w+/\w{16,}")

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
        text = MASK.sub("\n", text)
        read = as_read(text)
        kind = self._kind_as_read(text, name)
        return kind or (self._kind_as_read(read, name) if read != text else "")

    def _kind_as_read(self, text: str, name: str) -> str:
        if name and _is_named(text, name):
            return f"value of {name}"
        if _PRIVATE_KEY.search(text):
            return "private key"
        address = _ADDRESS.search(text)
        if address and address["secret"] not in self._allowed and _is_password(address["secret"]):
            return "password in an address"
        words = [*_begun(text), *_behind_names(text)]
        words += (found.group() for found in (*_AWS_ID.finditer(text), *_WEBHOOK.finditer(text)))
        return "random word" if any(map(self._is_left, words)) else ""

    def _is_left(self, word: str) -> bool:
        return word not in self._allowed and not values.is_placeholder(word)


def _begun(text: str) -> Iterator[str]:
    """Words that begin as tokens do, and go on at random."""
    for found in _BEGINNING.finditer(text):
        rest = found["rest"].rstrip(".-")
        if found["of_letters"]:
            rest = rest.partition(".")[0]
        if len(rest) <= LONGEST_WORD and values.looks_random(rest, 12):
            yield found.group().rstrip(".-")


def _behind_names(text: str) -> Iterator[str]:
    """Words close behind the name of a secret that look like one."""
    at = 0
    for found in _NAME.finditer(lowered(text)):
        if found.start() < at:
            continue
        name, at = _whole_name(text, *found.span())
        if name.lower() not in _SCHEMES and names.strength(name) in (None, "fair"):
            continue
        behind = _CLOSE_BEHIND.match(text, at)
        yield from _values(name, behind[0] if behind else "")


def _whole_name(text: str, start: int, end: int) -> tuple[str, int]:
    """And where it ends."""
    before = _NAME_PART.match(text[max(0, start - 40) : start][::-1])
    after = _NAME_PART.match(text, end)
    start -= before.end() if before else 0
    end = after.end() if after else end
    return text[start:end], end


def _values(name: str, behind: str) -> Iterator[str]:
    """The next word, if it looks like a secret, or the one behind it, if it is random."""
    words = [
        (found.start(), word)
        for found in itertools.islice(_WORD.finditer(behind), MOST_WORDS)
        if not _GLUE.fullmatch(word := found.group().strip(".:-*_"))
    ]
    ends = 0
    for number, (start, word) in enumerate(words[:2]):
        is_marked = _MARKED.search(behind, ends, start) is not None
        ends = start + len(word)
        if not is_marked or _is_code(word):
            continue
        is_one = _looks_like_one(word, name) if number == 0 else _is_random_with_digits(word)
        if is_one:
            yield word


def _is_random_with_digits(word: str) -> bool:
    return _is_random(word) and any(map(str.isdigit, word))


def _is_code(word: str) -> bool:
    is_other = _CODE.fullmatch(word) or names.strength(word) or "://" in word or "/" in word[:2]
    return bool(is_other) or len(word) > LONGEST_WORD or values.is_placeholder(word)


def _looks_like_one(word: str, name: str) -> bool:
    """Right behind this name."""
    if name.lower() in _SCHEMES and values.is_login(word):
        return True
    if _is_row(word, name):
        return False
    has_digit = any(map(str.isdigit, word))
    if name.lower() in _SCHEMES or names.strength(name) == "weak":
        is_key = names.is_of_data(name) and _DIGEST.search(word) is not None
        return values.looks_random(word) and has_digit and not is_key
    if values.looks_like_password(word):
        return True
    if values.looks_random(word, SHORTEST_RANDOM) and has_digit:
        return True
    is_long = names.is_for_words(name) and len(word) >= values.SHORTEST_CHOSEN
    is_chosen = (has_digit and any(map(str.isalpha, word))) or word.count("-") >= SHORTEST_PHRASE
    return is_long and is_chosen


def _is_password(text: str) -> bool:
    return not values.is_placeholder(text) and "{" not in text and text not in addresses.WORDS


def _is_named(text: str, name: str) -> bool:
    if names.strength(name) in (None, "weak"):
        return names.strength(name) == "weak" and _is_random(text)
    is_one = len(text) >= values.SHORTEST_PASSWORD and not any(map(str.isspace, text))
    is_name = names.tells_of_one(text) or values.is_constant(text) or _is_row(text, name)
    return is_one and not is_name and not values.is_placeholder(text)


def _is_row(text: str, name: str) -> bool:
    """`train-shards-v3`, which a `shared_key` may also be."""
    return values.is_versioned(text) and not names.is_for_words(name)


def _is_random(text: str) -> bool:
    return values.looks_random(text) and not values.is_digest(text)
