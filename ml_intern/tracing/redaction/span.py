"""A stretch of a text that must not be seen."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """Characters `start` to `end` hold a secret of a kind."""

    start: int
    end: int
    kind: str


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """In their order and apart: of those that overlap one, named as the first that was given."""
    ranked = sorted(enumerate(spans), key=lambda one: one[1].start)
    if not ranked:
        return
    rank, whole = ranked[0]
    for number, span in ranked[1:]:
        if span.start >= whole.end:
            yield whole
            rank, whole = number, span
            continue
        kind = span.kind if number < rank else whole.kind
        rank = min(rank, number)
        whole = Span(whole.start, max(whole.end, span.end), kind)
    yield whole


MASK = re.compile(r"\[REDACTED:([a-z0-9-]+)\]")


def mask(kind: str) -> str:
    """What stands in its place."""
    return f"[REDACTED:{kind}]"


def apart_from_masks(spans: Iterable[Span], text: str) -> Iterator[Span]:
    """Those that touch nothing that was replaced before: redacting again changes nothing."""
    masks = [found.span() for found in MASK.finditer(text)]
    for span in spans:
        at = bisect_left(masks, (span.end, 0))
        if at == 0 or masks[at - 1][1] <= span.start:
            yield span


def lowered(text: str) -> str:
    """In lower case, and as long: what is found there stands at the same place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.encode("ascii", "replace").decode().lower()
