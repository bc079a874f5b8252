"""What time on the Hub's machines costs, and which entries of its list give no price."""

import math
from fractions import Fraction
from typing import Any

import pytest
from huggingface_hub import JobHardwareInfo
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.compute.hub import STARTING_S, cost_micro_usd, whole_minutes, worst_micro_usd
from ml_intern.compute.hub.prices import MOST_PER_MINUTE, MOST_TIMEOUT_S, Flavor, flavors_of
from ml_intern.errors import InputError
from ml_intern.queue.rows import MOST_AMOUNT
from tests.support.hub import a_machine

prices = st.integers(1, MOST_PER_MINUTE)
limits = st.floats(min_value=0, max_value=MOST_TIMEOUT_S, exclude_min=True, allow_nan=False)


def of(*entries: dict[str, Any]) -> dict[str, Flavor]:
    found = flavors_of(JobHardwareInfo(**entry) for entry in entries)
    assert sorted({flavor.name for flavor in found}) == [flavor.name for flavor in found]
    return {flavor.name: flavor for flavor in found}


@given(price=prices, timeout_s=limits, share=st.floats(0, 1), start=st.floats(0, 1))
def test_no_job_within_its_limits_costs_more_than_the_worst_case(
    price: int, timeout_s: float, share: float, start: float
) -> None:
    billed_s = share * timeout_s + start * STARTING_S
    assert cost_micro_usd(price, billed_s) <= worst_micro_usd(price, timeout_s)


@given(price=prices, timeout_s=limits)
def test_the_worst_case_is_whole_minutes_and_less_than_one_too_many(
    price: int, timeout_s: float
) -> None:
    worst = worst_micro_usd(price, timeout_s)
    exact = Fraction(timeout_s + STARTING_S) / 60 * price
    assert exact <= worst + Fraction(price, 10**6)
    assert worst < exact + price
    assert worst % price == 0
    assert type(worst) is int
    assert worst <= MOST_AMOUNT


@given(price=prices, timeout_s=limits, more_s=st.floats(0, 1e6))
def test_more_time_never_costs_less(price: int, timeout_s: float, more_s: float) -> None:
    longer = min(timeout_s + more_s, MOST_TIMEOUT_S)
    assert worst_micro_usd(price, longer) >= worst_micro_usd(price, timeout_s)


def test_a_minute_counts_once_it_is_begun() -> None:
    assert [whole_minutes(s) for s in (0, 0.1, 60, 60.1, 3600)] == [0, 1, 1, 2, 60]
    assert worst_micro_usd(25_000, 3600) == 25_000 * 65
    assert worst_micro_usd(25_000, 1) == 25_000 * 6


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf, MOST_TIMEOUT_S + 1])
def test_no_time_limit_is_no_bound(timeout_s: float) -> None:
    with pytest.raises(InputError):
        worst_micro_usd(1, timeout_s)


@pytest.mark.parametrize("billed_s", [-1, math.nan, math.inf])
def test_no_length_of_time_has_no_cost(billed_s: float) -> None:
    with pytest.raises(InputError):
        cost_micro_usd(1, billed_s)


def test_an_entry_has_its_price_and_its_accelerator() -> None:
    found = of(a_machine("cpu-basic", 167), a_machine("a10g-largex2", 50_000, 2))
    assert found["cpu-basic"].micro_usd_per_minute == 167
    assert (found["cpu-basic"].accelerator, found["cpu-basic"].trouble) == ("", "")
    assert found["a10g-largex2"].accelerator == "2 x A10G, 24 GB"


@pytest.mark.parametrize("price", [0, -25_000, 25_000.5, True, "25000", None, MOST_PER_MINUTE + 1])
def test_what_is_no_price_is_unknown(price: Any) -> None:
    flavor = of(a_machine("odd", price))["odd"]
    assert flavor.micro_usd_per_minute is None
    assert flavor.trouble == f"{price!r} is no price in millionths of a dollar"


@pytest.mark.parametrize("unit", ["hour", "second", "month", "Minute", "", None, 60, "x" * 1000])
def test_a_price_for_another_time_than_a_minute_is_unknown(unit: Any) -> None:
    flavor = of(a_machine("odd", 25_000, unitLabel=unit))["odd"]
    assert flavor.micro_usd_per_minute is None
    assert "not for a minute" in flavor.trouble
    assert len(flavor.trouble) < 120


@pytest.mark.parametrize("usd", [1.5, 0.00025, -0.025, math.nan, math.inf, "0.025", None, True])
def test_two_prices_that_contradict_each_other_are_unknown(usd: Any) -> None:
    flavor = of(a_machine("odd", 25_000, unitCostUSD=usd))["odd"]
    assert flavor.micro_usd_per_minute is None
    assert "two prices" in flavor.trouble


def test_a_rounded_price_in_dollars_is_the_same_price() -> None:
    assert of(a_machine("t4", 6_667, unitCostUSD=0.00667))["t4"].micro_usd_per_minute == 6_667


def test_a_name_that_stands_there_at_two_prices_has_none() -> None:
    found = of(a_machine("one", 5), a_machine("two", 5), a_machine("one", 6), a_machine("two", 5))
    assert found["one"].micro_usd_per_minute is None
    assert "more than once" in found["one"].trouble
    assert found["two"].micro_usd_per_minute == 5
