import re

import pytest

from ml_intern.tools.papers.recipe.numbers import NUMBER, WORD_NUMBER, plain, value_of


def numbers(text: str) -> list[float]:
    return [value_of(found[0]) for found in re.finditer(NUMBER, plain(text).lower())]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a rate of 1e-4", [1e-4]),
        ("1E-4", [1e-4]),
        ("1e\u22124", [1e-4]),
        ("$10^{-4}$", [1e-4]),
        (r"$5 \times 10^{-5}$.", [5e-5]),
        (r"${5}\times{10}^{-5}$", [5e-5]),
        (r"5\text{\times}{10}^{-5}", [5e-5]),
        (r"$3\cdot 10^{-4}$", [3e-4]),
        (r"$1\text{e-}4$", [1e-4]),
        ("5\u00d710\u22125", [5e-5]),
        ("5 × 10⁻⁵", [5e-5]),
        ("1 × 10−3 during the first", [1e-3]),
        ("10-4", [1e-4]),
        ("10-12 epochs", [10]),
        ("256K tokens", [256_000]),
        ("0.5M tokens", [500_000]),
        ("2.5 million", [2_500_000]),
        ("4,096", [4096]),
        ("100{,}000 steps", [100_000]),
        ("100\u202f000 steps", [100_000]),
        ("$2^{16}$", [65_536]),
        (".001", [0.001]),
        ("1.5e9", [1_500_000_000]),
        ("an A100 and ResNet50", []),
        ("version 1.2.3", []),
        ("32 100", [32, 100]),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, values: list[float]) -> None:
    assert numbers(text) == values


def test_whole_numbers_are_whole() -> None:
    assert isinstance(value_of("0.5m"), int)
    assert isinstance(value_of("5 × 10^-5"), float)


def test_numbers_in_words_count_where_they_are_asked_for() -> None:
    found = [value_of(each[0]) for each in re.finditer(WORD_NUMBER, "three of sixteen seeds, or 5")]
    assert found == [3, 16, 5]


def test_indices_and_greek_letters_are_plain() -> None:
    assert plain(r"$\beta_{1}=0.9$, $\beta_2 = 0.98$, $\epsilon$") == "β1=0.9, β2 = 0.98, ε"
