"""Tools that do not exist: the right one is named, whatever other agents call it."""

import pytest

from ml_intern.tools.call.names import ELSEWHERE, unknown_tool
from ml_intern.tools.catalogue import all_tools

KNOWN = [tool.name for tool in all_tools()]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Bash", "bash"),
        ("shell", "bash"),
        ("execute_bash", "bash"),
        ("str_replace_editor", "read or write or edit"),
        ("read_file", "read"),
        ("Read", "read"),
        ("write_file", "write"),
        ("create_file", "write"),
        ("todo_write", "plan"),
        ("TodoWrite", "plan"),
        ("functions.bash:0", "bash"),
        ("mcp__tools__Bash", "bash"),
        ("bash<|channel|>commentary", "bash"),
        ("AskUserQuestion", "ask_person"),
    ],
)
def test_what_other_agents_call_it_is_translated(name, meant):
    assert f"Here this is done with {meant};" in unknown_tool(name, KNOWN)


def test_a_misspelt_name_is_answered_with_the_nearest_ones():
    assert "The nearest names are: launch_training" in unknown_tool("launch_trainning", KNOWN)


@pytest.mark.parametrize("name", ["teleport", "", "...", "\0", "_" * 5000, "x" * 1_000_000])
def test_a_name_like_no_other_is_answered_with_all_of_them(name):
    answer = unknown_tool(name, KNOWN)
    assert "launch_training" in answer
    assert len(answer) < 1_000


def test_a_tool_that_is_not_offered_is_not_named():
    assert "bash" not in unknown_tool("shell", ["read", "plan"]).partition("Nothing ran.")[2]


def test_who_wants_to_end_with_a_call_is_told_how_to_end():
    assert "answer in words" in unknown_tool("attempt_completion", KNOWN)


def test_every_translation_leads_to_a_tool_that_exists():
    assert {name for meant in ELSEWHERE.values() for name in meant} <= set(KNOWN)
