"""A session that waits for a yes: answered from other processes, once; then what was published."""

import json
import subprocess
import sys

import pytest

from ml_intern.events import ToolFinished, ToolStarted
from tests.scenario.conftest import Waiting
from tests.scenario.world import World
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

ACCURACY = """
import json, sys
from pathlib import Path
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification
folder, data = map(Path, sys.argv[1:])
model = AutoModelForImageClassification.from_pretrained(folder).eval()
processor = AutoImageProcessor.from_pretrained(folder)
rows = [json.loads(line) for line in (data / "metadata.jsonl").read_text().splitlines()]
right = 0
for row in rows:
    picture = Image.open(data / row["file_name"]).convert("RGB")
    with torch.no_grad():
        logits = model(**processor(picture, return_tensors="pt")).logits
    right += model.config.id2label[int(logits.argmax())] == row["label"]
print(json.dumps(right / len(rows)))
"""


def published(world: World) -> list[ToolFinished]:
    return [
        event
        for event in world.events(world.only_session())
        if isinstance(event, ToolFinished) and event.tool == "publish"
    ]


def test_who_is_not_there_is_told_how_to_answer(waiting: Waiting) -> None:
    shown = waiting.world.shown(waiting.session_id)

    (asked,) = shown["approvals"]
    assert asked["tool"] == "publish"
    assert shown["exit_code"] == 4
    assert shown["cost_usd"] == 0.0, "it trained, on this machine"
    assert "$0.00" in waiting.world.does("show", waiting.session_id)[1]
    for command in shown["answer_with"]:
        assert command in waiting.said
    assert waiting.world.left_processes() == []


def test_a_yes_from_another_process_ends_it_and_what_is_published_keeps_its_score(
    waiting: Waiting,
) -> None:
    world = waiting.world
    shown = world.shown(waiting.session_id)
    answer = shown["answer_with"][0].split()
    assert answer[:2] == ["ml-intern", "approve"]

    status, said = world.does(*answer[1:])

    assert status == 0, said
    (done,) = published(world)
    assert done.ok
    assert world.shown(waiting.session_id)["cost_usd"] == 0.0
    status, said = world.does(*answer[1:])
    assert status == 2
    assert "Already decided by " in said
    assert len(published(world)) == 1
    assert broken_rules(world.trace(waiting.session_id)) == []
    (held_out,) = (world.state / "sessions" / waiting.session_id / "held_out").glob("*/test")
    measured = subprocess.run(
        [sys.executable, "-c", ACCURACY, json.loads(done.output)["path"], str(held_out)],
        capture_output=True,
        text=True,
        check=True,
    )
    test = world.shown(waiting.session_id)["metrics"]["test"]
    assert json.loads(measured.stdout) == pytest.approx(test["accuracy"], abs=1e-6)


def test_a_no_ends_it_honestly(waiting: Waiting) -> None:
    world = waiting.world

    status, said = world.does("deny", waiting.session_id, "--reason", "not before Monday")

    assert status == 0, said
    assert "not before Monday" in said
    (denied,) = published(world)
    assert not denied.ok
    assert denied.answered_by == "person"
    assert not (world.state / "published").exists()
    starts = [e for e in world.events(waiting.session_id) if isinstance(e, ToolStarted)]
    assert "publish" not in {start.tool for start in starts}


def test_of_two_answers_at_once_one_counts(waiting: Waiting) -> None:
    world = waiting.world

    both = [world.start("approve", waiting.session_id) for _ in range(2)]

    assert sorted(running.ends() for running in both) == [0, 2]
    (loser,) = (running for running in both if running.process.returncode == 2)
    assert "Already decided by " in loser.said() or "nothing to decide" in loser.said()
    status, said = world.does("resume", waiting.session_id)
    assert status == 0, said
    (done,) = published(world)
    assert done.ok
    assert len(list((world.state / "published").glob("*/*/model.safetensors"))) == 1


def test_a_killed_approval_is_kept(waiting: Waiting) -> None:
    """`approve --no-wait` stores the yes; a later process acts on it."""
    world = waiting.world
    status, said = world.does("approve", waiting.session_id, "--no-wait")
    assert (status, published(world)) == (0, []), said

    status, said = world.does("resume")

    assert status == 0, said
    (done,) = published(world)
    assert done.ok
