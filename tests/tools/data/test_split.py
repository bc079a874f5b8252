"""Dividing examples: disjoint, complete, stratified, and blind to order."""

import random
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.tools.data.split import Part, divide

CLASSES = st.lists(st.integers(1, 60), min_size=1, max_size=6)
FRACTIONS = st.fixed_dictionaries(
    {}, optional={"test": st.floats(0.01, 0.4), "validation": st.floats(0.01, 0.4)}
)


def examples(sizes: list[int]) -> list[tuple[int, str]]:
    chance = random.Random(0)
    return [
        (chance.getrandbits(128), f"class {n}") for n, size in enumerate(sizes) for _ in range(size)
    ]


@given(CLASSES, FRACTIONS, st.integers(0, 2**63 - 1), st.randoms(use_true_random=False))
def test_every_example_is_in_one_split_whatever_the_order(
    sizes: list[int], fractions: dict[Any, float], seed: int, chance: random.Random
) -> None:
    rows = examples(sizes)
    mixed = chance.sample(rows, len(rows))
    plan = divide(rows, fractions, seed)
    assert plan == divide(mixed, fractions, seed)
    assert plan.keys() == {key for key, _ in rows}
    assert set(plan.values()) <= {"train", *fractions}


@given(CLASSES, FRACTIONS, st.integers(0, 2**63 - 1))
def test_every_class_is_cut_alike_and_is_in_every_split(
    sizes: list[int], fractions: dict[Any, float], seed: int
) -> None:
    rows = examples(sizes)
    plan = divide(rows, fractions, seed)
    label_of = dict(rows)
    found: Counter[tuple[str, Part]] = Counter((label_of[key], plan[key]) for key in plan)
    for number, size in enumerate(sizes):
        label = f"class {number}"
        assert found[label, "train"] >= 1
        for part, fraction in fractions.items():
            if size <= len(fractions):
                assert found[label, part] == 0
            else:
                assert found[label, part] >= 1
                assert abs(found[label, part] - size * fraction) <= 1


def test_another_seed_makes_other_splits() -> None:
    rows = examples([200, 200])
    fractions: dict[Any, float] = {"test": 0.1, "validation": 0.1}
    assert divide(rows, fractions, 1) != divide(rows, fractions, 2)


def test_the_sizes_are_right_in_the_sum() -> None:
    """Many small classes, each rounded up, would make the held-out part a third too large."""
    plan = divide(examples([15] * 100), {"test": 0.1, "validation": 0.1}, 42)
    assert Counter(plan.values()) == {"train": 1200, "test": 150, "validation": 150}
