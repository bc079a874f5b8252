"""What is typed at a real terminal."""

import os
import pty
import sys

import pytest

from ml_intern.cli.person import Decision, Person
from ml_intern.cli.screen import Screen
from tests.cli.services import TypingPerson


@pytest.fixture
def terminal(monkeypatch):
    """The keyboard of a terminal that is this process's standard input."""
    keyboard, screen = pty.openpty()
    with os.fdopen(screen) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield keyboard
    os.close(keyboard)


def test_what_was_typed_before_the_question_is_no_answer(terminal):
    os.write(terminal, b"y\n")
    looks = iter([False, True])
    assert Person(Screen()).decide({}, lambda: next(looks)) is None


def test_what_is_typed_after_it_is_one(terminal):
    def look() -> bool:
        os.write(terminal, b"y\n")
        return False

    decision = Person(Screen()).decide({}, look)
    assert decision is not None
    assert decision.verdict == "approve"


def test_a_yes_to_all_calls_like_it_is_taken_where_it_is_offered() -> None:
    offered, plain = TypingPerson("a"), TypingPerson("a", "y")
    said = offered.decide({"x": 1}, bool, like_this=True)
    assert said == Decision(verdict="approve", like_this=True)
    assert "[a]ll like it" in offered.asked[0]
    assert plain.decide({"x": 1}, bool) == Decision(verdict="approve")
    assert "[a]ll" not in plain.asked[0]


def test_an_edit_is_never_for_all_calls_like_it() -> None:
    person = TypingPerson("e", '{"x": 2}', "a", "y")
    said = person.decide({"x": 1}, bool, like_this=True)
    assert said == Decision(verdict="edit", arguments={"x": 2})


def test_what_was_decided_in_a_recording_is_taken_where_it_is_offered() -> None:
    recorded = Decision(verdict="edit", arguments={"x": 2})
    person = TypingPerson("r")
    assert person.decide({"x": 1}, bool, recorded=recorded) == recorded
    assert "as [r]ecorded: edit" in person.asked[0]
    plain = TypingPerson("r", "y")
    assert plain.decide({"x": 1}, bool) == Decision(verdict="approve")
