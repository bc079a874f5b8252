"""A person's own regular expressions, which may be slow: each search of one ends in time."""

from collections.abc import Iterator

import regex

SECONDS = 0.5
SECONDS_PER_CHARACTER = 2e-6
"""That one search of a text may take, and more for a longer one."""
PROBE_S = 1.0
_PROBE_LENGTH = 2_000
_MOST_PROBES = 12


class Pattern:
    """Immutable, safe from any thread."""

    def __init__(self, written: str) -> None:
        """Raises ValueError, which says why, for what is no expression, or no use as one."""
        self.written = written
        try:
            self._compiled = regex.compile(written)
        except regex.error as exc:
            raise ValueError(f"it is no regular expression: {exc}") from exc
        if self._compiled.search("") is not None:
            raise ValueError("it also matches nothing at all, so it would match everywhere")
        self._group = "secret" if "secret" in self._compiled.groupindex else 0

    def probe(self) -> None:
        """Raises ValueError when an ordinary text could keep it busy for a very long time."""
        letters = dict.fromkeys(filter(str.isalnum, "aA0" + self.written))
        for text in [*list(letters)[:_MOST_PROBES], *" _-./=", "ab ", "a1", "x="]:
            hard = text * (_PROBE_LENGTH // len(text)) + "\0"
            try:
                self._compiled.search(hard, timeout=PROBE_S)
            except TimeoutError as exc:
                raise ValueError(
                    f"it takes more than {PROBE_S:g} s to search {text!r} written {_PROBE_LENGTH} "
                    "times; repeat nothing that is repeated itself"
                ) from exc

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it matches: its group `secret`, or all of it. Raises TimeoutError."""
        timeout_s = SECONDS + len(text) * SECONDS_PER_CHARACTER
        for found in self._compiled.finditer(text, timeout=timeout_s, concurrent=True):
            start, end = found.span(self._group)
            if start < end:
                yield start, end


def usable(written: str) -> str:
    """The same, when it can be used. Raises ValueError."""
    Pattern(written).probe()
    return written
