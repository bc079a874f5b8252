"""`traces export`, as a person runs it."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.cli.traces.exporting import target_of
from ml_intern.transcript.parts import part_of
from tests.support.nursery import Nursery
from tests.tracing import golden

COMMAND = (sys.executable, "-c", "from ml_intern.cli.main import main; main()", "traces")
DIGITS = "ee272992"
"""Finished; wants 95 % on held-out images, and has them."""
REVIEWS = "c9f02920"
"""Interrupted, without a target."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    day = tmp_path / "traces" / "sessions" / "2026-11-20"
    day.mkdir(parents=True)
    for begin in (DIGITS, REVIEWS):
        (path,) = golden.EXAMPLES.glob(f"{begin}*.jsonl")
        shutil.copy(path, day)
    return tmp_path


@pytest.fixture
def run(home: Path, nursery: Nursery):
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ML_INTERN_STATE_DIR": str(home), **variables}
        words = ("traces", "export", "-o", "out.jsonl", *arguments)
        return nursery.run(*words, environment=environment, folder=home)

    return run


@pytest.fixture
def left_out(run):
    def left_out(*arguments: str, **variables: str) -> dict[str, str]:
        """Why, by the first characters of the session's id."""
        told = json.loads(run("--json", *arguments, **variables).stdout)
        return {session_id[:8]: why for session_id, why in told["left_out"].items()}

    return left_out


def change(home: Path, begin: str, old: str, new: str) -> None:
    (path,) = home.glob(f"traces/sessions/*/{begin}*.jsonl")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_all_sessions_are_exported_to_a_file_for_its_owner_only(home: Path, run) -> None:
    told = run()
    assert (told.returncode, told.stderr) == (exits.DONE, "")
    assert told.stdout.startswith("2 examples of 2 sessions exported to out.jsonl, ")
    lines = [json.loads(line) for line in (home / "out.jsonl").read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["messages", "seen_whole", "tools"]] * 2
    assert stat.S_IMODE((home / "out.jsonl").stat().st_mode) == 0o600


def test_only_those_that_are_named(home: Path, run) -> None:
    told = json.loads(run(DIGITS, "--json").stdout)
    assert (told["sessions"], told["examples"], told["left_out"]) == (1, 1, {})
    assert told["tools"]["evaluate"] == 1
    assert told["size_bytes"] == (home / "out.jsonl").stat().st_size


def test_a_session_that_is_named_by_its_parts_is_exported_once(home: Path, run) -> None:
    files = sorted(golden.EXAMPLES.glob("*.jsonl"))
    told = json.loads(run(*map(str, files), "--json").stdout)
    named = {part_of(path).session_id for path in files}
    assert len(named) < len(files)
    assert told["sessions"] == len(named)


def test_finished_leaves_out_what_was_interrupted(home: Path, left_out) -> None:
    assert left_out("--finished") == {REVIEWS: "not finished"}


def test_a_replay_is_left_out_unless_it_is_named(home: Path, left_out) -> None:
    change(home, REVIEWS, '"model":"anthropic/claude-sonnet-4-5"', '"model":"replay/a.jsonl"')
    assert left_out() == {REVIEWS: "plays another session again"}
    assert left_out(REVIEWS) == {}


def test_target_met_asks_the_evaluation_and_not_the_words(home: Path, left_out) -> None:
    assert left_out("--target-met") == {REVIEWS: "names no target"}
    change(home, DIGITS, '"metrics":{"accuracy":0.9', '"metrics":{"accuracy":0.8')
    assert left_out("--target-met")[DIGITS] == "target not reached"


def test_an_imported_session_has_no_evaluation_of_ours(home: Path, left_out) -> None:
    change(home, DIGITS, '"mlIntern":{', '"mlIntern":{"imported":true,')
    assert left_out("--target-met")[DIGITS] == "target not reached"


def test_a_session_with_something_redacted_is_left_out_unless_allowed(
    home: Path, run, left_out
) -> None:
    change(home, DIGITS, "I begin with a plan.", "I take [REDACTED:hf-token].")
    assert left_out() == {DIGITS: "something was redacted in it"}
    assert "--allow-hits takes those too" in run().stdout
    assert left_out("--allow-hits") == {}
    assert "I take [REDACTED:hf-token]." in (home / "out.jsonl").read_text()


@pytest.mark.parametrize("how", [(), ("--allow-hits",)])
def test_a_session_that_may_hold_a_secret_is_always_left_out(
    home: Path, how: tuple[str, ...], left_out
) -> None:
    change(home, DIGITS, "I begin with a plan.", "I begin with plainwords.")
    assert left_out(*how, MY_TOKEN="plainwords") == {DIGITS: "may hold a secret"}
    assert "plainwords" not in (home / "out.jsonl").read_text()


def test_a_broken_line_is_told_as_one(home: Path, left_out) -> None:
    (path,) = home.glob(f"traces/sessions/*/{DIGITS}*.jsonl")
    with path.open("a") as file:
        file.write('{"type": "user", "mess')
    assert left_out() == {DIGITS: "a line of it cannot be read"}


def test_a_file_in_utf_16_is_exported(home: Path, left_out) -> None:
    (path,) = home.glob(f"traces/sessions/*/{DIGITS}*.jsonl")
    path.write_text(path.read_text(), encoding="utf-16")
    assert left_out() == {}


def test_an_imported_trace_of_ours_has_our_schemas(home: Path, tmp_path: Path, run) -> None:
    (path,) = home.glob(f"traces/sessions/*/{DIGITS}*.jsonl")
    moved = path.rename(tmp_path / path.name)
    env = {**os.environ, "ML_INTERN_STATE_DIR": str(home)}
    subprocess.run((*COMMAND, "import", moved), env=env, check=True, timeout=60)
    told = json.loads(run(DIGITS, "--json").stdout)
    assert (told["sessions"], told["inferred_tools"]) == (1, [])


def test_a_pattern_that_was_set_later_counts_as_redacted(home: Path, left_out) -> None:
    own = {"ML_INTERN_REDACT_PATTERNS": '["begin with a plan"]'}
    assert left_out(**own) == {DIGITS: "something was redacted in it"}
    assert left_out("--allow-hits", **own) == {}
    assert "begin with a plan" not in (home / "out.jsonl").read_text()


def test_nothing_exported_is_told_and_leaves_the_file_as_it_was(home: Path, run) -> None:
    (home / "out.jsonl").write_text("before")
    told = run(REVIEWS, "--finished")
    assert told.returncode == exits.FAILED
    assert told.stdout.splitlines() == [
        "Nothing is exported, and nothing written.",
        f"1 left out, not finished: {REVIEWS}",
    ]
    assert (home / "out.jsonl").read_text() == "before"
    assert {path.name for path in home.iterdir()} == {"traces", "out.jsonl"}


def test_standard_output_holds_the_examples_alone(home: Path, run) -> None:
    told = run("-o", "-")
    assert [sorted(json.loads(line)) for line in told.stdout.splitlines()] == [
        ["messages", "seen_whole", "tools"]
    ] * 2
    assert "2 examples of 2 sessions exported to standard output, " in told.stderr


def test_an_output_that_cannot_be_written_is_named(home: Path, run) -> None:
    told = run("-o", "missing/out.jsonl")
    assert told.returncode not in (exits.DONE, exits.FAILED)
    assert "missing/out.jsonl cannot be written: No such file or directory" in told.stderr


def test_later_words_change_the_target() -> None:
    both = target_of(["Train it to 90 % accuracy.", "Make it 95 % accuracy."])
    assert both is not None
    assert both.value == 0.95
    assert target_of(["Train it."]) is None


@pytest.mark.parametrize("name", ["reasoning_content", "thinking", "none"])
def test_thoughts_stand_under_the_name_that_is_asked_for(home: Path, name: str, run) -> None:
    run(REVIEWS, "--thoughts", name)
    (line,) = (home / "out.jsonl").read_text().splitlines()
    thoughts = [
        message.get(name) for message in json.loads(line)["messages"] if message["role"] != "tool"
    ]
    told = any(thought and "They keep the rate" in thought for thought in thoughts)
    assert told == (name != "none") == ("They keep the rate" in line)
