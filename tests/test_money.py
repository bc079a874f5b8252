"""Money in words of people."""

import pytest

from ml_intern.money import bill, dollars


@pytest.mark.parametrize(
    ("micro_usd", "words"),
    [
        (0, "$0.00"),
        (1_500_000, "$1.50"),
        (123_456_789_000, "$123,456.79"),
        (-2_000_000, "-$2.00"),
        (10_000, "$0.01"),
        (12_300, "$0.0123"),
        (250, "$0.00025"),
        (1, "$0.000001"),
        (None, "unknown"),
    ],
)
def test_no_sum_is_rounded_to_nothing(micro_usd: int | None, words: str) -> None:
    assert dollars(micro_usd) == words


def test_a_price_that_is_not_known_hides_none_that_is() -> None:
    assert bill(1_500_000, is_whole=True) == "$1.50"
    assert bill(1_500_000, is_whole=False) == "$1.50 and what nobody knows the price of"
    assert bill(0, is_whole=False) == "unknown"
