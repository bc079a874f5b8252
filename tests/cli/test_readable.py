"""What a tool answers, as a person reads it in a terminal."""

import json

import pytest

from ml_intern.cli.readable import readable

ANSWER = {
    "title": "QLoRA",
    "learning_rate": {"value": 0.0002, "from": 3},
    "momentum": None,
    "gated": False,
    "ambiguous": {},
    "tags": ["a", "b"],
    "items": [
        {"title": "One", "about": {"why": ["x", {"deep": 1}]}},
        {"title": "Two", "about": "plain"},
    ],
    "text": "First line.\n\n  Second line.",
}
LINES = """\
title          QLoRA
learning_rate  value 0.0002, from 3
momentum       —
gated          no
ambiguous      none
tags           a, b
items
  - title  One
    about
      why
        - x
        - deep 1
  - title Two, about plain
text
  First line.

    Second line."""


def test_an_answer_stands_in_lines_and_nothing_of_it_is_left_out() -> None:
    assert readable(json.dumps(ANSWER)) == LINES


def test_what_is_long_stands_below_its_name() -> None:
    found = readable(json.dumps({"names": ["n" * 60, "m" * 60]}))
    assert found == f"names\n  - {'n' * 60}\n  - {'m' * 60}"


@pytest.mark.parametrize("answer", ["     1  seen", "[1, 2]", "{broken", "[" * 100_000, "7"])
def test_what_is_no_object_stays_as_it_is(answer: str) -> None:
    assert readable(answer) == answer


@pytest.mark.parametrize("place", ["title\x1b[2J", "text"])
def test_a_terminal_is_told_nothing_by_what_it_shows(place: str) -> None:
    hostile = json.dumps({place: "a\x1b[31m\nb\u202e", "list": ["\x1b]0;x\x07"]})
    assert not set("\x1b\x07\u202e") & set(readable(hostile))
    assert "\x1b" not in readable("\x1b[31mred")
