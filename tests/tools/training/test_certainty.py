import pytest

from ml_intern.tools.training.certainty import caution, interval_95


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [  # as statsmodels' proportion_confint(method="wilson") has them
        (178, 180, 0.9604, 0.9969),
        (10, 12, 0.5520, 0.9530),
        (5, 5, 0.5655, 1.0),
        (0, 5, 0.0, 0.4345),
    ],
)
def test_the_interval_is_that_of_wilson(right: int, rows: int, low: float, high: float) -> None:
    assert interval_95(right / rows, rows) == pytest.approx((low, high), abs=5e-5)


def test_without_a_row_nothing_is_known() -> None:
    assert interval_95(0.0, 0) == (0.0, 1.0)


def test_a_caution_is_for_few_rows() -> None:
    assert caution(100, 0.9, 1.0) == ""
    assert "on 99 rows only" in caution(99, 0.915, 0.99)
    assert "from 92% to 99%" in caution(99, 0.915, 0.99)
