"""`traces replay`, as a person runs it. With recorded tools nothing runs and nothing is kept."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ml_intern.cli import exits
from tests.support.nursery import Nursery

EXAMPLES = sorted(path.absolute() for path in Path("traces/examples").glob("*.jsonl"))
REVIEWS = next(path for path in EXAMPLES if path.stem.startswith("c9f02920"))
ROOT = Path(__file__).resolve().parents[3]
CLAUDE = [
    {
        "type": "user",
        "uuid": "a",
        "parentUuid": None,
        "sessionId": "s",
        "cwd": "/home/ada/project",
        "message": {"role": "user", "content": "Look around."},
    },
    {
        "type": "assistant",
        "uuid": "b",
        "parentUuid": "a",
        "sessionId": "s",
        "message": {
            "id": "m1",
            "role": "assistant",
            "model": "claude",
            "stop_reason": "tool_use",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "Edit", "input": {"file": "x"}},
                {"type": "tool_use", "id": "toolu_2", "name": "bash", "input": {"command": "ls"}},
            ],
        },
    },
    *(
        {
            "type": "user",
            "uuid": f"r{number}",
            "parentUuid": "b",
            "sessionId": "s",
            "message": {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": text}
                ],
            },
        }
        for number, text in ((1, "edited"), (2, '{"exit_code": 0, "output": ""}'))
    ),
    {
        "type": "assistant",
        "uuid": "c",
        "parentUuid": "r2",
        "sessionId": "s",
        "message": {
            "id": "m2",
            "role": "assistant",
            "model": "claude",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "Nothing there."}],
        },
    },
]


@pytest.fixture
def run(tmp_path: Path, nursery: Nursery):
    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "ML_INTERN_STATE_DIR": str(tmp_path / "state"),
            "ML_INTERN_SANDBOX": "process",
            "PYTHONPATH": str(ROOT),
            **variables,
        }
        return nursery.run(*words, environment=environment, folder=tmp_path)

    return run


@pytest.fixture
def replay(run):
    def replay(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run("traces", "replay", *arguments, **variables)

    return replay


def comparison(done: subprocess.CompletedProcess[str]) -> dict:
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kind"] == "comparison"
    assert found["exit_code"] == done.returncode
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[:8])
def test_every_example_is_played_without_a_difference(tmp_path, path, replay) -> None:
    done = replay(str(path), "--tools", "recorded", "--json")
    assert done.returncode == exits.DONE, done.stdout + done.stderr
    found = comparison(done)
    assert found["differences"] == []
    assert found["compared"] >= 1
    assert not (tmp_path / "state" / "sessions").exists()


def test_a_recording_of_more_answers_than_the_limit_is_played_whole(tmp_path, replay) -> None:
    done = replay(str(REVIEWS), "--tools", "recorded", "--json", ML_INTERN_MAX_ITERATIONS="1")
    assert done.returncode == exits.DONE, done.stdout + done.stderr
    assert comparison(done)["differences"] == []


def test_a_changed_answer_of_the_router_is_the_one_difference(tmp_path, replay) -> None:
    """What no tool answers is given anew, with recorded tools too."""
    changed = tmp_path / "changed.jsonl"
    changed.write_text(REVIEWS.read_text().replace("after 66 characters", "after 67 characters"))
    done = replay(str(changed), "--tools", "recorded", "-q")
    assert done.returncode == exits.FAILED
    assert "1 difference in 8 results compared." in done.stdout
    assert "1. answer 4, call 1: write_recipe: another result (line 15 of the recor" in done.stdout
    assert "after 66 characters" in done.stdout


def write(folder: Path, lines: list[dict]) -> Path:
    path = folder / "claude.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_tools_of_other_programs_are_named_and_the_rest_goes_on(tmp_path, replay) -> None:
    done = replay(str(write(tmp_path, CLAUDE)), "--json")
    assert "not among our tools, so these calls fail: Edit (1)" in done.stderr
    found = comparison(done)
    assert found["unknown_tools"] == {"Edit": 1}
    places = [one["where"] for one in found["differences"]]
    assert "answer 1, call 1: Edit" in places
    assert found["compared"] == 2


def test_what_waits_for_a_person_is_compared_so_far(tmp_path, replay) -> None:
    lines = json.loads(json.dumps(CLAUDE))
    change = {"what": "x", "was": "1", "becomes": "2", "why": "y"}
    lines[1]["message"]["content"][0] = {
        "type": "tool_use", "id": "toolu_1", "name": "propose_change", "input": change,
    }  # fmt: skip
    done = replay(str(write(tmp_path, lines)), "-q")
    assert done.returncode == exits.WAITING
    assert "compared so far: the replay has not come to its end." in done.stdout
    assert "was not given again" not in done.stdout


def test_what_cannot_be_read_is_named_by_its_line(tmp_path, replay) -> None:
    path = write(tmp_path, CLAUDE)
    path.write_text(path.read_text() + "{torn\n")
    done = replay(str(path), "--tools", "recorded", "-q")
    assert "! line 6: no JSON" in done.stderr
    assert "No difference" in done.stdout


@pytest.mark.parametrize("lines", [[], CLAUDE[:1], CLAUDE[1:]])
def test_what_holds_nothing_to_play_is_refused(tmp_path, lines, replay) -> None:
    done = replay(str(write(tmp_path, lines)))
    assert done.returncode == exits.USAGE
    assert "nothing to" in done.stderr or "is no trace" in done.stderr


def test_a_recording_is_a_model_like_others_named_from_where_the_person_is(tmp_path, run) -> None:
    write(tmp_path, CLAUDE[:1] + CLAUDE[-1:])
    done = run("run", "--model", "replay/claude.jsonl", "-q", "What is there?")
    assert done.returncode == exits.DONE, done.stderr
    assert "Nothing there." in done.stdout
