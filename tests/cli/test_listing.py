"""What `show` prints of a session."""

from pathlib import Path

import pytest

from ml_intern.cli.listing import print_session
from ml_intern.cli.summary import summary
from ml_intern.client.view import fold
from tests.cli.journals import published_journal


def shown(capsys: pytest.CaptureFixture[str], host_pid: int | None) -> str:
    view = fold(published_journal())
    document = {**summary(view, trace=Path("/x.jsonl")), "state": "done"}
    print_session(view, document, [], host_pid, is_hosted=host_pid is not None)
    return capsys.readouterr().out


def test_the_calls_that_are_not_listed_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, None)
    listed = text.partition("steps, without 1 update of the plan\n")[2].partition("\n\n")[0]
    assert len(listed.splitlines()) == 8
    assert ", 9 tool calls, " in text


def test_of_a_session_that_is_worked_on_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\nGoing on  11111111\n" in shown(capsys, 42)
    assert "→ process 42 works on it" in shown(capsys, 42)
