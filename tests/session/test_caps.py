"""Caps and amounts in words of people, and what people type."""

import pytest

from ml_intern.errors import InputError
from ml_intern.session.caps import (
    amount,
    by_itself,
    level_passed,
    more_room,
    named,
    named_by,
    parsed,
    proposed,
    reached,
    shortfall,
    unit_of,
)


def test_every_cap_has_its_unit() -> None:
    found = {cap: (amount(cap, 7200), unit_of(cap)) for cap in ("day:2026-01-31", "tokens",
             "seconds", "iterations", "price:m")}  # fmt: skip
    assert found == {
        "day:2026-01-31": ("$0.0072", "USD"),
        "tokens": ("7,200 tokens", "tokens"),
        "seconds": ("2.0 h", "hours"),
        "iterations": ("7,200 calls", "calls"),
        "price:m": ("7,200 calls", "calls"),
    }


def test_what_a_person_types_becomes_the_caps_own_unit() -> None:
    assert parsed("session:s", " $2.50 ") == 2_500_000
    assert parsed("seconds", "1.5") == 5400
    assert parsed("tokens", "10,000") == 10_000
    for words in ("", "-1", "nan", "inf", "much", "0", "1e30", "1.5"):
        with pytest.raises(InputError):
            parsed("tokens", words)


@pytest.mark.parametrize("words", ["1,5", "10,00", "1,5000", ",5", "1,234,5", "1.000,50"])
def test_a_comma_that_is_meant_as_a_point_does_not_give_ten_times_as_much(words: str) -> None:
    with pytest.raises(InputError):
        parsed("session:s", words)
    assert parsed("session:s", "$1,234.50") == 1_234_500_000


def test_a_cap_may_be_named_shortly() -> None:
    assert named_by("session", "s-1", "2026-01-31") == "session:s-1"
    assert named_by("day", "s-1", "2026-01-31") == "day:2026-01-31"
    assert named_by("price:gpt", "s-1", "2026-01-31") == "price:gpt"
    for cap in ("session:other", "moon", ""):
        with pytest.raises(InputError):
            named_by(cap, "s-1", "2026-01-31")


def test_a_model_is_told_what_is_left_and_that_more_was_given() -> None:
    assert level_passed("session:s", 80, 8_100_000, 10_000_000) == (
        "[ml-intern] 80 % of the session's money is used: $8.10 of $10.00, $1.90 left. "
        "At the cap the session waits for a person."
    )
    assert " 0 tokens left." in level_passed("tokens", 100, 1_200, 1_000)
    assert more_room("seconds", 7200) == (
        "[ml-intern] A person gave 2.0 h more for the session's time at work."
    )


def test_it_is_said_what_helps() -> None:
    assert "model_prices" in reached("price:m", 0, 0, 1)
    assert '`free_models = ["openai/our-own"]`' in reached("price:openai/our-own", 0, 0, 1)
    assert reached("tokens", 5, 9, 7) == (
        "more room: the cap on the session's tokens is reached: 5 tokens of 9 tokens used or "
        "reserved, and the next step may need 7 tokens"
    )
    assert "1 call of 1 call used or reserved, and the next step may need 1 call" in reached(
        "iterations", 1, 1, 1
    )
    assert "the 10 calls that were allowed are made" in reached("price:m", 10, 10, 1)
    assert named("day:2026-01-31") == "the money of 2026-01-31 (UTC)"


def test_what_is_lacking_is_said_where_rounded_sums_look_as_if_they_fitted() -> None:
    words = shortfall("daemon", 150_300, 250_000, 102_406)
    assert words == (
        "the cap on the money of all sessions together is reached: $0.15 of $0.25 used or "
        "reserved, and the next step may need $0.10, $0.002706 more than is left"
    )
    assert "more than is left" not in shortfall("daemon", 0, 0, 5_000_000)


def test_only_what_is_shared_may_become_free_again() -> None:
    assert "midnight" in by_itself("day:2026-01-31")
    assert "others" in by_itself("daemon")
    assert by_itself("session:s") == by_itself("tokens") == ""


def test_what_is_offered_is_enough_for_the_next_step_and_half_of_the_cap() -> None:
    assert proposed("day:2026-01-31", 518_875, 600_000, 152_250) == 300_000
    assert proposed("session:s", 598_875, 600_000, 522_250) == 530_000
    assert proposed("session:s", 900_000, 600_000, 1) == 310_000, "more is used than allowed"
    assert proposed("session:s", 0, 0, 0) == 10_000
    assert proposed("tokens", 90, 100, 33) == 50
    assert proposed("price:m", 0, 0, 1) == 10


def test_what_is_lacking_is_told_in_cents_like_the_rest() -> None:
    words = shortfall("session:s", 518_875, 600_000, 152_250)
    assert words.endswith("may need $0.15, $0.08 more than is left")
