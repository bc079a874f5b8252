"""Repeats, contradictions and leaks."""

import random

from ml_intern.tools.data.overlap import Overlap
from ml_intern.tools.data.table import Split

Example = tuple[Split, int, str, int]


def overlap(*examples: Example) -> Overlap:
    found = Overlap()
    for example in examples:
        found.add(*example)
    return found


def test_repeats_are_counted_and_one_is_kept() -> None:
    found = overlap(("all", 1, "a", 1), ("all", 1, "a", 1), ("all", 2, "a", 2), ("all", 1, "a", 1))
    assert found.duplicates == 2
    assert [found.take("all", 1, 1) for _ in range(3)] == [True, False, False]


def test_contradictions_take_all_their_examples_along() -> None:
    found = overlap(("all", 1, "a", 1), ("all", 1, "b", 1), ("all", 1, "a", 1), ("all", 2, "a", 2))
    assert (found.conflicting, found.duplicates) == (3, 0)
    assert list(found.kept()) == [("train", 2, "a")]
    assert not found.take("all", 1, 1)


def test_a_leak_is_taken_from_the_earlier_split() -> None:
    found = overlap(
        ("train", 1, "a", 1),
        ("train", 2, "a", 2),
        ("validation", 2, "a", 2),
        ("test", 1, "a", 1),
        ("test", 1, "a", 1),
    )
    assert found.leaks() == {"train/test": 1, "train/validation": 1}
    assert (found.leaked, found.duplicates) == (2, 1)
    assert set(found.kept()) == {("test", 1, "a"), ("validation", 2, "a")}
    assert not found.take("train", 1, 1)
    assert found.take("test", 1, 1)


def test_which_variant_is_kept_does_not_depend_on_order() -> None:
    examples: list[Example] = [
        (split, key, "a", variant)
        for split in ("train", "test")
        for key in (1, 2)
        for variant in (5, 3, 9)
    ]
    kept = set()
    for seed in range(10):
        mixed = random.Random(seed).sample(examples, len(examples))
        found = overlap(*mixed)
        kept.add(frozenset((s, k, v) for s, k, _, v in mixed if found.take(s, k, v)))
    assert kept == {frozenset({("test", 1, 3), ("test", 2, 3)})}


def test_every_example_has_exactly_one_fate() -> None:
    chance = random.Random(1)
    examples: list[Example] = [
        (
            chance.choice(("train", "validation", "test")),
            chance.randrange(80),
            chance.choice("ab"),
            0,
        )
        for _ in range(200)
    ]
    found = overlap(*examples)
    kept = sum(found.take(split, key, variant) for split, key, _, variant in examples)
    assert kept + found.duplicates + found.conflicting + found.leaked == len(examples)
