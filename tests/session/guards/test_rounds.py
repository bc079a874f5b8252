"""When calls count as the same, and when they go in a circle."""

import pytest

from ml_intern.session.guards.rounds import Exchange, exchange, repetition
from tests.session.guards.given import answered


def rounds(letters):
    return [frozenset([Exchange(shown=letter, digest=letter)]) for letter in letters]


@pytest.mark.parametrize(
    ("letters", "cycle", "times"),
    [
        ("AAA", "A", 3),
        ("BAAAA", "A", 4),
        ("ABABAB", "AB", 3),
        ("ABABABA", "BA", 3),
        ("XABCABCABC", "ABC", 3),
        ("ABCDABCDABCD", "ABCD", 3),
    ],
)
def test_the_shortest_cycle_is_found(letters, cycle, times):
    found = repetition(rounds(letters))
    assert (found.shown, found.times) == (", then ".join(cycle), times)


@pytest.mark.parametrize("letters", ["", "A", "AA", "ABAB", "AABAAB", "AAAB", "ABCDEABCDEABCDE"])
def test_less_than_three_times_in_a_row_is_no_repetition(letters):
    assert repetition(rounds(letters)) is None


def test_calls_are_the_same_whatever_their_ids():
    first = exchange(answered("call_1", "cut; the whole is in .outputs/call_1.txt"), "{}", None)
    second = exchange(answered("call_2", "cut; the whole is in .outputs/call_2.txt"), "{}", None)
    assert first == second


def test_what_ran_counts_and_not_how_it_was_written():
    first = exchange(answered("1"), '{"a": 1}', "sha")
    assert first == exchange(answered("2"), '{"a":1}', "sha")
    assert first != exchange(answered("2"), '{"a": 1}', "other")


@pytest.mark.parametrize(
    "other", [answered("1", "new"), answered("1", ok=False), answered("1", tool="read")]
)
def test_another_answer_or_another_tool_is_another_exchange(other):
    assert exchange(answered("1"), "{}", None) != exchange(other, "{}", None)


def test_long_arguments_are_shown_in_short():
    assert len(exchange(answered("1"), "x" * 10_000, None).shown) < 300
