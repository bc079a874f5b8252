"""Secrets and private paths out of texts, on their way out of the journal.

Two nets: the values of the secrets that this process holds, however escaped they appear, and the
shapes of common credentials. Works on strings, never on a serialised line, whose escapes would
hide or break a match. What is found becomes `[REDACTED:kind]`. Errs on the side of leaving code
alone: a name, a template such as `Bearer {token}` or a placeholder such as `$HF_TOKEN` is no
secret. Immutable, safe from any thread.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

SHORTEST_VALUE = 6
"""Shorter values of secrets are left alone: they would be found in ordinary words."""

_SECRET_NAME = re.compile(r"(?:^|_)(?:TOKEN|(?:API)?KEY|SECRET|PASSWORD|PASSWD)S?$", re.IGNORECASE)
_SHORTEST_IN_ENVIRONMENT = 8
"""A shorter one is more likely a word, and taking a word out of all texts ruins them."""


def secrets_in(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables whose names say that they are secrets."""
    return {
        name: value
        for name, value in environment.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_IN_ENVIRONMENT
    }


@dataclass(frozen=True)
class _Shape:
    kind: str
    hint: str
    """Must occur, in lower case, in the lower-cased text; spares the expression most texts."""
    pattern: re.Pattern[str]
    """What its group `secret` holds is replaced, or all of it where there is no such group."""

    def masked(self, found: re.Match[str]) -> str:
        """What stands in the place of a match."""
        if "secret" not in self.pattern.groupindex:
            return _mask(self.kind)
        start, end = (place - found.start() for place in found.span("secret"))
        return found.group()[:start] + _mask(self.kind) + found.group()[end:]


def _shape(kind: str, hint: str, pattern: str) -> _Shape:
    return _Shape(kind, hint, re.compile(pattern))


# Repetitions are bounded, or end where the next match could begin: no text takes quadratic time.
_SHAPES = (
    _shape("hf-token", "hf_", r"\b(?:hf|api_org)_[A-Za-z0-9]{16,}"),
    _shape("api-key", "sk-", r"\bsk-[A-Za-z0-9_-]{16,}"),
    _shape("slack-token", "xox", r"\bxox[a-z]-[A-Za-z0-9-]{8,}"),
    _shape("slack-token", "xapp-", r"\bxapp-[A-Za-z0-9-]{8,}"),
    _shape("slack-webhook", "hooks.slack", r"hooks\.slack\.com/(?P<secret>\w+/[A-Za-z0-9/]{16,})"),
    _shape("github-token", "gh", r"\bgh[opsur]_[A-Za-z0-9]{20,}"),
    _shape("github-token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{20,}"),
    _shape("gitlab-token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{16,}"),
    _shape("aws-key-id", "akia", r"\bAKIA[A-Z0-9]{16}\b"),
    _shape("aws-key-id", "asia", r"\bASIA[A-Z0-9]{16}\b"),
    _shape("google-key", "aiza", r"\bAIza[A-Za-z0-9_-]{30,}"),
    _shape("jwt", "eyj", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    _shape(
        "bearer",
        "bearer",
        r"(?i:\bbearer)\s{1,8}(?P<secret>(?=[^\s\"']{0,200}\d)[A-Za-z0-9._~+/=-]{16,})",
    ),
    _shape(
        "authorization",
        "authorization",
        r"(?i:\bauthorization)[\"']?\s{0,8}[:=]\s{0,8}[\"']?(?i:basic|token)\s{1,8}"
        r"(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
    ),
    _shape(
        "url-password",
        "://",
        r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@\"'<>{}]{0,200}:"
        r"(?P<secret>[^\s/@\"'<>{}$%][^\s/@\"'<>{}]{0,200})@",
    ),
)

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_KEY_BODY = re.compile(r"(?:\\[nr]|\s|[A-Za-z0-9+/=])*")
_KEY_BODY_BACKWARDS = re.compile(r"(?:[nr]\\|\s|[A-Za-z0-9+/=])*")
_KEY_LIKE = re.compile(r"[A-Za-z0-9+/=]{16}")


class Redactor:
    """Knows the secrets of one process, by name and value."""

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        *,
        paths: Mapping[PurePath, str] | None = None,
    ) -> None:
        """`secrets`: name to value. `paths`: folders that are written as something else."""
        self._secrets = dict(secrets or {})
        self._paths = dict(paths or {})
        self._kind_of = {
            form: _kind(name)
            for name, value in self._secrets.items()
            if len(value) >= SHORTEST_VALUE
            for form in _forms(value)
        }
        self._values = _any_of(self._kind_of)
        self._folder_of = {str(path): to for path, to in self._paths.items() if _is_deep(path)}
        self._folders = _any_of(self._folder_of, before=r"(?<![\w.-])", after=r"(?![\w-]|\.\w)")

    def writing(self, path: PurePath, shown: str) -> "Redactor":
        """This redactor, which moreover writes `path` as `shown`."""
        return Redactor(self._secrets, paths={**self._paths, path: shown})

    def text(self, text: str) -> str:
        """`text` without what should stay home."""
        if self._values is not None:
            text = self._values.sub(lambda found: _mask(self._kind_of[found.group()]), text)
        if self._folders is not None:
            text = self._folders.sub(lambda found: self._folder_of[found.group()], text)
        if "PRIVATE KEY-----" in text:
            text = _without_private_keys(text)
        lowered = text.lower()
        for shape in _SHAPES:
            if shape.hint in lowered:
                text = shape.pattern.sub(shape.masked, text)
        return text

    def value(self, value: Any) -> Any:
        """`value`, a JSON value, with every string in it redacted, names of fields too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._fields(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, item in fields.items():
            name = self.text(key)
            while name in kept:
                name += "_"
            kept[name] = self.value(item)
        return kept


def _kind(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "secret"


def _forms(value: str) -> set[str]:
    """The value as it stands in plain text, in JSON and in a URL."""
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        quote(value),
    }


def _any_of(
    words: Mapping[str, str], *, before: str = "", after: str = ""
) -> re.Pattern[str] | None:
    longest_first = sorted(words, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile(before + "(?:" + "|".join(map(re.escape, longest_first)) + ")" + after)


def _is_deep(path: PurePath) -> bool:
    """A folder such as `/` or `/home` stands in too many texts that do not mean it."""
    return path.is_absolute() and len(path.parts) > 2


def _mask(kind: str) -> str:
    return f"[REDACTED:{kind}]"


def _without_private_keys(text: str) -> str:
    """PEM blocks, and what is left of one whose beginning or end was cut away."""
    pieces, at = [], 0
    while begin := _KEY_BEGIN.search(text, at):
        pieces += [_without_tails(text[at : begin.start()]), _mask("private-key")]
        at = begin.end() + _body_length(_KEY_BODY, text[begin.end() :])
        if end := _KEY_END.match(text, at):
            at = end.end()
    return "".join([*pieces, _without_tails(text[at:])])


def _without_tails(text: str) -> str:
    pieces, at = [], 0
    for end in _KEY_END.finditer(text):
        body = _body_length(_KEY_BODY_BACKWARDS, text[at : end.start()][::-1])
        pieces += [text[at : end.start() - body], _mask("private-key")]
        at = end.end()
    return "".join([*pieces, text[at:]])


def _body_length(body: re.Pattern[str], text: str) -> int:
    """0 when it is only words that follow the mark of a key."""
    found = body.match(text)
    return found.end() if found and _KEY_LIKE.search(found.group()) else 0
