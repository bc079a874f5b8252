"""Long outputs are cut, kept in the workspace, and never written anywhere else."""

import pytest

from ml_intern.tools.protocol import succeed
from ml_intern.tools.spill import HEAD_CHARS, LIMIT_CHARS, TAIL_CHARS, spill

LONG = "a" * LIMIT_CHARS + "z" * TAIL_CHARS


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_what_a_conversation_can_bear_stays_as_it_is(workspace):
    outcome = succeed("a" * LIMIT_CHARS)
    assert spill(outcome, workspace, "call_1") == (outcome, None)
    assert list(workspace.iterdir()) == []


def test_a_long_output_is_cut_and_kept(workspace):
    outcome, path = spill(succeed(LONG), workspace, "call_1")
    assert path == str(workspace / ".outputs/call_1.txt")
    assert (workspace / ".outputs/call_1.txt").read_text() == LONG
    assert outcome.output.startswith("a" * HEAD_CHARS)
    assert outcome.output.endswith(f"the whole output is in {path}]\n{'z' * TAIL_CHARS}")


def test_half_a_character_is_no_obstacle(workspace):
    _, path = spill(succeed(f"{LONG}\ud83d"), workspace, "call_1")
    assert path is not None


def test_a_folder_that_leads_out_of_the_workspace_is_not_followed(workspace, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (workspace / ".outputs").symlink_to(elsewhere)
    outcome, path = spill(succeed(LONG), workspace, "call_1")
    assert path is None
    assert "could not be kept" in outcome.output
    assert len(outcome.output) < LIMIT_CHARS
    assert list(elsewhere.iterdir()) == []


def test_a_file_that_leads_out_of_the_workspace_is_not_written_through(workspace, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (workspace / ".outputs").mkdir()
    (workspace / ".outputs/call_1.txt").symlink_to(precious)
    _, path = spill(succeed(LONG), workspace, "call_1")
    assert path is None
    assert precious.read_text() == "precious"


def test_a_file_in_the_place_of_the_folder_does_not_lose_the_answer(workspace):
    (workspace / ".outputs").write_text("in the way")
    outcome, path = spill(succeed(LONG), workspace, "call_1")
    assert path is None
    assert outcome.ok
