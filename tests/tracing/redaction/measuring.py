"""How many of the secrets of a corpus are replaced, and how much that is none."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_intern.tracing.redaction import Redactor

CORPUS = Path(__file__).parent / "corpus"
MASK_BEGINS = "[REDACTED:"
LONG, LONG_PIECE = 24, 16


@dataclass
class Measured:
    """Over one corpus."""

    known: Counter[str] = field(default_factory=Counter)
    """Secrets by kind."""
    found: Counter[str] = field(default_factory=Counter)
    masks: int = 0
    wrong: list[str] = field(default_factory=list)
    """What was replaced and is no secret, nor part of one."""
    left: list[str] = field(default_factory=list)

    @property
    def recall(self) -> dict[str, float]:
        """By kind."""
        return {kind: self.found[kind] / count for kind, count in self.known.items()}

    @property
    def precision(self) -> float:
        """Of the places that were replaced, those that hold a secret."""
        return 1 - len(self.wrong) / max(1, self.masks)


def read(name: str) -> Iterator[dict[str, Any]]:
    """The texts of a half."""
    with gzip.open(CORPUS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def measure(
    texts: Iterable[dict[str, Any]],
    written: Callable[[str], str] = str,
    within: Callable[[str], str] | None = None,
) -> Measured:
    """`written`: how a text is written; `within`: how a part of it then looks."""
    nothing_known, measured = Redactor(), Measured()
    for entry in texts:
        redactor = Redactor(entry["known"]) if entry.get("known") else nothing_known
        text = written(entry["text"])
        shown = redactor.text(text)
        places = [(secret["kind"], (within or str)(secret["value"])) for secret in entry["secrets"]]
        for kind, value in places:
            measured.known[kind] += 1
            is_left = _is_left(value, shown)
            measured.found[kind] += not is_left
            if is_left:
                measured.left.append(f"{kind}: {value!r} in {text[:300]!r}")
        _count_masks(measured, text, shown, [value for _, value in places])
    return measured


def _is_left(value: str, shown: str) -> bool:
    """Whether two thirds of it are seen, or 16 characters of a long one."""
    size = LONG_PIECE if len(value) >= LONG else max(5, 2 * len(value) // 3)
    return any(value[at : at + size] in shown for at in range(max(1, len(value) - size + 1)))


def _count_masks(measured: Measured, text: str, shown: str, values: list[str]) -> None:
    """What stood where a mask stands is found again by what stands around it."""
    at = 0
    pieces = shown.split(MASK_BEGINS)
    at = len(pieces[0])
    for piece in pieces[1:]:
        behind = piece.partition("]")[2]
        end = text.find(behind, at) if behind else len(text)
        replaced = text[at:end]
        measured.masks += 1
        if not any(value in replaced or replaced in value for value in values):
            measured.wrong.append(f"{replaced!r} in {text[max(0, at - 60) : end + 20]!r}")
        at = end + len(behind)
