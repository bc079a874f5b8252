"""Dividing examples into training, validation and test: stratified, seeded, blind to their order.

Each class is sorted by a hash of seed and content, and cut at the same fractions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from math import floor
from typing import Literal

Part = Literal["train", "validation", "test"]


def divide(
    examples: Iterable[tuple[int, str]], fractions: Mapping[Part, float], seed: int
) -> dict[int, Part]:
    """The split of each example, which is a key of its content (128 bits) and its class.

    `fractions`: the share of each split that is to be cut off; the rest is for training. A class
    that has an example for every split is in every split; a rarer one stays in training. The same
    keys and seed give the same answer.
    """
    by_label: dict[str, list[int]] = defaultdict(list)
    for key, label in examples:
        by_label[label].append(key)
    common = {label: len(keys) for label, keys in by_label.items() if len(keys) > len(fractions)}
    sizes = {part: _sizes(common, fraction) for part, fraction in fractions.items()}
    return {
        key: part
        for label, keys in by_label.items()
        for key, part in _cut(
            _shuffled(keys, seed), {p: sizes[p][label] for p in sizes if label in common}
        )
    }


def _sizes(counts: Mapping[str, int], fraction: float) -> dict[str, int]:
    """How much of each class is cut off: one at least, near its share, and right in the sum."""
    sizes = {label: max(1, floor(count * fraction)) for label, count in counts.items()}
    short = round(sum(counts.values()) * fraction) - sum(sizes.values())
    by_remainder = sorted(counts, key=lambda label: (-(counts[label] * fraction % 1), label))
    eligible = [label for label in by_remainder if counts[label] * fraction > sizes[label]]
    return sizes | {label: sizes[label] + 1 for label in eligible[: max(0, short)]}


def _shuffled(keys: Iterable[int], seed: int) -> list[int]:
    salt = seed.to_bytes(8)
    return sorted(
        keys, key=lambda key: (blake2b(key.to_bytes(16), key=salt, digest_size=8).digest(), key)
    )


def _cut(keys: list[int], sizes: Mapping[Part, int]) -> Iterable[tuple[int, Part]]:
    start, waiting = 0, len(sizes)
    for part, size in sizes.items():
        end = min(start + size, len(keys) - waiting)
        yield from ((key, part) for key in keys[start:end])
        start, waiting = end, waiting - 1
    yield from ((key, "train") for key in keys[start:])
