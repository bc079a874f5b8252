"""Years and days, as calls name them."""

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.papers.when import Years, period, years


@pytest.mark.parametrize(
    ("said", "expected", "of_semantic_scholar"),
    [
        ("2023", Years(first=2023, last=2023), "2023"),
        ("2021-2023", Years(first=2021, last=2023), "2021-2023"),
        (" 2021 - 2023 ", Years(first=2021, last=2023), "2021-2023"),
        ("2023-", Years(first=2023), "2023-"),
        ("-2020", Years(last=2020), "-2020"),
    ],
)
def test_years(said: str, expected: Years, of_semantic_scholar: str) -> None:
    found = years(said)
    assert found == expected
    assert expected.for_semantic_scholar == of_semantic_scholar


def test_no_years_are_all_years() -> None:
    assert years("") is None


@pytest.mark.parametrize(
    "said", ["2023-2021", "1066", "20232024", "-", "last year", "2023-05", "0"]
)
def test_what_are_no_years(said: str) -> None:
    with pytest.raises(InputError, match="years"):
        years(said)


def test_a_paper_without_a_year_may_be_of_any() -> None:
    span = Years(first=2021, last=2023)
    held = [span.holds(year) for year in (None, 2020, 2021, 2023, 2024)]
    assert held == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", {}),
        ("2024-02-29", {"date": "2024-02-29"}),
        ("2026-W53", {"week": "2026-W53"}),
        ("2026-11", {"month": "2026-11"}),
    ],
)
def test_periods(said: str, expected: dict[str, str]) -> None:
    assert period(said) == expected


@pytest.mark.parametrize("said", ["2023-02-29", "2025-W53", "2026-00", "2026", "today", "2026-1-1"])
def test_what_is_no_period(said: str) -> None:
    with pytest.raises(InputError, match="day, week or month"):
        period(said)
