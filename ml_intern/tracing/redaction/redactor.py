"""Secrets and private paths out of texts, on their way out of the journal.

Several nets: the values of the secrets that this process holds (`known.py`), the shapes of common
credentials (`shapes.py`, `addresses.py`, `private_keys.py`), and what stands behind the name of a
secret (`named.py`, `tables.py`). Works on strings, never on a serialised line, whose
escapes would hide or break a match. What is found becomes `[REDACTED:kind]`. Errs on the side of
leaving code alone: a name, a template such as `Bearer {token}` or a placeholder such as `$HF_TOKEN`
is no secret. Immutable, safe from any thread.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from pathlib import PurePath
from typing import Any

from ml_intern.patterns import Pattern
from ml_intern.tracing.redaction import (
    addresses,
    as_read,
    cuts,
    literals,
    named,
    names,
    private_keys,
    shapes,
    tables,
)
from ml_intern.tracing.redaction.home import Home
from ml_intern.tracing.redaction.known import Known
from ml_intern.tracing.redaction.span import Span, apart_from_masks, lowered, mask, merged

log = logging.getLogger(__name__)

OWN = "own-pattern"
TOO_SLOW = "own-pattern-too-slow"

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


class Redactor:
    """Knows the secrets of one process, by name and value, and what its person says of others."""

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        *,
        patterns: Iterable[str] = (),
        allowed: Iterable[str] = (),
        home: Home | None = None,
    ) -> None:
        """`secrets`: name to value. `patterns`: expressions of what else is a secret. `allowed`:
        what is none, whatever it looks like. `home`: written without the person's name.

        Raises ValueError for a pattern that is no regular expression.
        """
        self._known = Known(secrets or {})
        self._own = tuple(map(Pattern, patterns))
        self._allowed = frozenset(allowed)
        self._home = home
        self._set_paths({})

    def writing(self, path: PurePath, shown: str) -> "Redactor":
        """This redactor, which moreover writes `path` as `shown`."""
        other = copy(self)
        other._set_paths({**self._paths, path: shown})
        return other

    def _set_paths(self, paths: dict[PurePath, str]) -> None:
        self._paths = paths
        self._folder_of = {str(path): to for path, to in paths.items() if _is_deep(path)}
        self._folders = _any_of(self._folder_of, before=r"(?<![\w.-])", after=r"(?![\w-]|\.\w)")

    def text(self, text: str) -> str:
        """`text` without what should stay home."""
        pieces, at = [], 0
        for span in merged(apart_from_masks(self._spans(text), text)):
            pieces += [text[at : span.start], mask(span.kind)]
            at = span.end
        text = "".join([*pieces, text[at:]])
        if self._folders is not None:
            text = self._folders.sub(lambda found: self._folder_of[found.group()], text)
        return text if self._home is None else self._home.masked(text)

    def _spans(self, text: str) -> Iterator[Span]:
        yield from self._known.spans(text)
        yield from self._of_own_patterns(text)
        for span in _looking_like_one(text):
            if text[span.start : span.end] not in self._allowed:
                yield span
        yield from cuts.spans(text, self._known.beside_a_cut)

    def _of_own_patterns(self, text: str) -> Iterator[Span]:
        try:
            for pattern in self._own:
                for start, end in pattern.places(text):
                    yield Span(start, end, OWN)
        except TimeoutError:
            # What was not looked at must not be shown.
            log.warning("redact_pattern_too_slow", extra={"characters": len(text)})
            yield Span(0, len(text), TOO_SLOW)

    def value(self, value: Any, name: str = "") -> Any:
        """`value`, a JSON value, with every string in it redacted, names of fields too.

        `name`: of the field that holds it; it may tell that the whole of a string is a secret.
        """
        if isinstance(value, str):
            return self.text(value) if not name else self._field(value, name)
        if isinstance(value, Mapping):
            return self._fields(value)
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in value]
        return value

    def _field(self, text: str, name: str) -> str:
        strength = names.strength(name)
        if text in self._allowed or strength is None:
            return self.text(text)
        if literals.is_secret(text, name, strength):
            return mask(names.kind(name))
        return self.text(text)

    def _fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        told = fields.get("name", fields.get("key"))
        for key, item in fields.items():
            name = self.text(key)
            while name in kept:
                name += "_"
            # {"name": "DB_PASSWORD", "value": "..."}
            kept[name] = self.value(item, str(told) if told and key.lower() == "value" else key)
        return kept


def _looking_like_one(text: str) -> Iterator[Span]:
    yield from _as_written(text, lowered(text))
    yield from as_read.spans(text, lambda read: _as_written(read, lowered(read)))


def _as_written(text: str, in_lower_case: str) -> Iterator[Span]:
    """The surest first: they name what others find, too."""
    yield from private_keys.spans(text)
    yield from shapes.spans(text, in_lower_case)
    yield from addresses.spans(text)
    yield from named.spans(text, in_lower_case)
    yield from tables.spans(text)


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
