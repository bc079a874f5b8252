"""What is typed at a real terminal."""

import os
import pty
import sys

import pytest

from ml_intern.cli.person import Person
from ml_intern.cli.screen import Screen


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
