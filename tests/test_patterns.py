"""A person's own expressions: checked when they are read, and bounded whatever they are."""

import pytest

from ml_intern.patterns import Pattern, usable
from ml_intern.tracing.redaction import Redactor

SLOW_WITHOUT_SHOWING = r"(?:b|bb)+#(?:a|aa)+$"
"""Ordinary texts do not reach the part that is slow."""


@pytest.mark.parametrize(
    ("written", "why"),
    [("(", "no regular expression"), ("x*", "matches nothing"), (r"(?:a|aa)+$", "takes more than")],
)
def test_what_cannot_be_used_is_refused(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        usable(written)


@pytest.mark.parametrize("written", [r"PROJ-\d{4,8}", r"\b[A-Z]{3}\w+\b", r"(?i)internal[ -]\S+"])
def test_what_is_ordinary_is_taken(written: str) -> None:
    assert usable(written) == written


def test_the_group_secret_is_what_is_replaced() -> None:
    redactor = Redactor(patterns=[r"badge (?P<secret>\d+)", r"PROJ-\d+"])
    shown = redactor.text("badge 4711 of PROJ-12")
    assert shown == "badge [REDACTED:own-pattern] of [REDACTED:own-pattern]"


def test_a_text_that_takes_too_long_is_not_shown_at_all() -> None:
    shown = Redactor(patterns=[SLOW_WITHOUT_SHOWING]).text("b#" + "a" * 200 + "!")
    assert shown == "[REDACTED:own-pattern-too-slow]"


def test_a_search_ends_in_time() -> None:
    with pytest.raises(TimeoutError):
        list(Pattern(SLOW_WITHOUT_SHOWING).places("b#" + "a" * 200 + "!"))
