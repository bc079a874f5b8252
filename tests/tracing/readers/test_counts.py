"""The check of `make trace-readers` itself: what a file holds, and where a reader differs."""

import pytest

from tests.tracing import golden
from tests.tracing.readers.counts import counts, differences


@pytest.fixture
def held():
    (path,) = golden.EXAMPLES.glob("c9f02920*")
    return counts(path)


def test_a_file_is_counted(held):
    figures = {name: value for name, value in held.items() if isinstance(value, int)}
    assert figures == {
        "call_count": 8,
        "result_count": 8,
        "errors": 4,
        "lines": 16,
        "users": 2,
        "answers": 6,
        "texts": 1,
        "thoughts": 1,
        "compactions": 0,
        "tokens": 17_742,
    }
    assert sorted(held["calls"]) == sorted(held["results"])
    assert held["calls_in_chain"] == held["calls"]


def test_a_reader_that_shows_the_same_does_not_differ(held):
    shown = {"calls": held["calls"][::-1], "errors": 4, "tokens": 17_742}
    assert differences(shown, held) == []


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({"refused": "ValueError: no"}, "refused: ValueError: no"),
        ({"complaints": ["Line 3 of it is odd"]}, "complains: Line 3 of it is odd"),
        ({"errors": 3}, "errors: 3, the file has 4"),
        ({"calls": []}, "calls: 0 of 8, lost"),
        ({"results": ["other"]}, "more ['other']"),
    ],
)
def test_whatever_differs_is_told(held, shown, told):
    (difference,) = differences(shown, held)
    assert told in difference


def test_a_result_shown_twice_is_one_too_many(held):
    (difference,) = differences({"results": [*held["results"], held["results"][0]]}, held)
    assert difference.startswith("results: 9 of 8")
