"""Every way of writing a number comes to plain digits; everything else stays as it is."""

import pytest

from ml_intern.llm.autopilot.reading.numbers import in_digits, parse

WRITTEN: list[tuple[str, str]] = [
    ("learning rate: 10^-3", "learning rate: 0.001"),
    ("lr of 10**-4", "lr of 0.0001"),
    ("lr 2*10^-4", "lr 0.0002"),
    ("lr 3\u00d710⁻⁵", "lr 3e-05"),
    ("lr 10^{-2}", "lr 0.01"),
    ("lr \u22120.1", "lr -0.1"),
    ("a rate of 1 000 000", "a rate of 1000000"),
    ("a rate of 1,000,000", "a rate of 1000000"),
    ("a rate of 1.000.000", "a rate of 1000000"),
    ("a rate of 1'000'000", "a rate of 1000000"),
    ("a rate of 1_000_000", "a rate of 1000000"),
    ("a rate of 1\u202f000\u202f000", "a rate of 1000000"),
    ("vocab size 12 500", "vocab size 12500"),
    ("12,500 rows", "12500 rows"),
    ("a rate of one million", "a rate of 1000000"),
    ("seed twenty-five", "seed 25"),
    ("one hundred and fifty epochs", "150 epochs"),
    ("two thousand five hundred warmup steps", "2500 warmup steps"),
    ("a batch size of thirty-two", "a batch size of 32"),
    ("three epochs", "3 epochs"),
    ("a hundred epochs", "100 epochs"),
    ("nine out of ten", "9 out of 10"),
    ("nine times out of ten", "9 times out of 10"),
    ("one in ten wrong", "1 in 10 wrong"),
    ("ninety out of a hundred", "90 out of 100"),
    ("two thirds correct", "2/3 correct"),
    ("nine tenths", "9/10"),
    ("three quarters of them", "3/4 of them"),
    ("half of them right", "1/2 of them right"),
    ("a third of the rows", "1/3 of the rows"),
    ("a learning rate of one tenth", "a learning rate of 0.1"),
    ("lr 1/1000", "lr 0.001"),
]
UNTOUCHED = [
    "0,0005 and .85 and 3e-4 and 0.001",
    "seed 7 100 warmup steps",
    "batch size 16 128 tokens",
    "80/10/10",
    "12/10/2023",
    "which department each one belongs to",
    "the twenty newsgroups dataset",
    "a two-step plan",
    "the third column",
    "one of the teams",
    "half the data",
    "an eight-track tape",
    "1.000 accuracy",
    "version 3,14",
    "files from 2023 100",
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_a_number_comes_to_plain_digits(text: str, expected: str) -> None:
    assert in_digits(text) == expected


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_sets_and_counts_nothing_stays(text: str) -> None:
    assert in_digits(text) == text


@pytest.mark.parametrize(
    ("text", "value"), [("0,5", 0.5), (".85", 0.85), ("3E-4", 3e-4), ("15k", 15_000), ("1e6", 1e6)]
)
def test_parse(text: str, value: float) -> None:
    assert parse(text) == value
