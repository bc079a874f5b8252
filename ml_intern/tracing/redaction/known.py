"""Secrets that are known by their value, however escaped it appears. Immutable."""

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from ml_intern.tracing.redaction.span import Span

SHORTEST = 6
"""Shorter values are left alone: they would be found in ordinary words."""
SHORTEST_PIECE = 4
"""Of one that was cut in two."""
SHORTEST_IN_BASE64 = 8
"""In bytes: of a shorter one too little is left that does not depend on what is around it."""
_URL_SAFE = str.maketrans("+/", "-_")


class Known:
    """The secrets of one process, by name and value."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """`secrets`: name to value."""
        self._kind_of = {
            form: _kind(name)
            for name, value in secrets.items()
            if len(value) >= SHORTEST
            for form in _forms(value)
        }
        longest_first = sorted(self._kind_of, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def spans(self, text: str) -> Iterator[Span]:
        """Where one of them stands."""
        if not self._kind_of:
            return
        for found in self._pattern.finditer(text):
            yield Span(*found.span(), self._kind_of[found.group()])

    def beside_a_cut(self, before: str, behind: str) -> tuple[int, int]:
        """How much of the end of `before` begins one, and of the start of `behind` ends one."""
        heads, tails = [0], [0]
        for form in self._kind_of:
            sizes = range(len(form) - 1, SHORTEST_PIECE - 1, -1)
            heads.append(next((size for size in sizes if before.endswith(form[:size])), 0))
            tails.append(next((size for size in sizes if behind.startswith(form[-size:])), 0))
        return max(heads), max(tails)


def _kind(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "secret"


def _forms(value: str) -> set[str]:
    """The value as it stands in plain text, in JSON (in JSON, too), in a URL, in Python, in HTML,
    and within what is written in base64.
    """
    in_json = json.dumps(value)[1:-1]
    return {
        value,
        in_json,
        json.dumps(in_json)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        repr(value)[1:-1],
        repr(value.encode())[2:-1],
        html.escape(value),
        *_within_base64(value.encode()),
    }


def _within_base64(value: bytes) -> Iterator[str]:
    """What of the value does not depend on its neighbours, for each place where it may begin."""
    if len(value) < SHORTEST_IN_BASE64:
        return
    for before in range(3):
        length = (before + len(value)) // 3 * 3 - before
        coded = base64.b64encode(b"\0" * before + value[:length]).decode()
        form = coded[(0, 2, 3)[before] :]
        yield form
        yield form.translate(_URL_SAFE)
