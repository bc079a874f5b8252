"""From "reproduce this paper, scaled down" to a run, each claimed number traceable."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import Event, ModelReplied, ToolFinished
from ml_intern.tools.untrusted import unmarked
from tests.scenario.test_kill import assert_nothing_lost_or_doubled, starts
from tests.scenario.world import World
from tests.support.outside import Outside
from tests.support.papers_told import (
    TRAINING,
    Sections,
    as_html,
    as_pdf,
    html,
    printed,
    sections,
    shares,
)
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

PAPER = "2602.00002"
WHOLE = sections()
COURSE = [
    *("read_paper", "extract_recipe", "inspect_dataset", "survey_hardware", "prepare_dataset"),
    *("plan_experiment", "write_recipe", "dummy_forward", "smoke_test", "launch_training"),
    *("watch_job", "evaluate", "evaluate", "write_model_card", "write_reproduce_bundle"),
]


@pytest.fixture
def arxiv(world: World) -> Iterator[Outside]:
    """arXiv's site, which has the paper as HTML; nobody else has it."""
    with Outside({f"/html/{PAPER}": as_html(WHOLE)}) as site, Outside({}) as nothing:
        world.environment |= {
            "ML_INTERN_ARXIV_SITE_URL": site.url,
            "ML_INTERN_ARXIV_URL": nothing.url,
            "ML_INTERN_AR5IV_URL": nothing.url,
            "ML_INTERN_SEMANTIC_SCHOLAR_URL": nothing.url,
            "ML_INTERN_HF_ENDPOINT": nothing.url,
        }
        yield site


def answers(events: list[Event], tool: str) -> list[dict[str, Any]]:
    """What the tool answered, each time."""
    found = [e for e in events if isinstance(e, ToolFinished) and e.tool == tool and e.ok]
    return [json.loads(unmarked(event.output)) for event in found]


def done(events: list[Event]) -> list[str]:
    """The tools that did their work, in order."""
    found = [e.tool for e in events if isinstance(e, ToolFinished) and e.ok]
    return [tool for tool in found if tool != "plan"]


def assert_every_number_is_traceable(world: World, paper: Sections) -> dict[str, dict[str, str]]:
    """What the report, the card and the tool say of the paper and of the run; row by row.

    Each number of the paper stands in its sentence, which stands in the paper as it is; each number
    of the run stands in what the run has left.
    """
    session_id = world.only_session()
    folder = world.state / "sessions" / session_id / "workspace/runs/1"
    events = world.events(session_id)
    (answer,) = answers(events, "write_model_card")
    card = (folder / "README.md").read_text()
    report = [event.text for event in events if isinstance(event, ModelReplied)][-1]
    sections_of = {sentence: title for title, said in paper for sentence in said}
    ours = set(left_by(folder))
    assert answer["paper"]["compared"]
    for row in answer["paper"]["compared"]:
        assert sections_of[row["sentence"]] == row["section"]
        assert printed(row["paper"]) <= printed(row["sentence"]) | shares(row["sentence"]), row
        assert printed(row["here"]) <= ours, row
        assert f"| {row['what']} | {row['paper']} | {row['here']} | {row['why']} | " in card
        assert f"“{row['sentence']}” ({row['section']})" in card.replace("\\", "")
        assert f"- {row['what']}: paper {row['paper']}, here {row['here']}" in report
        assert f"“{row['sentence']}” ({row['section']})" in report
    for each in answer["paper"]["chosen"]:
        assert printed(each["here"]) <= ours, each
        assert f"{each['what']} {each['here']}" in card
    rows = {row["what"]: row for row in answer["paper"]["compared"]}
    assert not rows.keys() & {each["what"] for each in answer["paper"]["chosen"]}
    return rows


def left_by(folder: Path) -> Iterator[float]:
    """Numbers of the run: its done-marker, the rows of its data, and what was measured, in %."""
    files = [folder / "done.json", folder / "reproduce/dataset.json"]
    for file in files:
        yield from numbers_of(json.loads(file.read_text()))
    measured = json.loads((folder / "reproduce/metrics.json").read_text())
    yield from (round(100 * number, 2) for number in numbers_of(measured))


def numbers_of(found: object) -> Iterator[float]:
    """All that stand in a JSON document."""
    if isinstance(found, dict):
        for each in found.values():
            yield from numbers_of(each)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield float(found)


def test_a_paper_of_arxiv_becomes_a_run_that_is_set_beside_it_across_a_kill(
    world: World, pictures: Path, arxiv: Outside
) -> None:
    task = f"Reproduce arXiv:{PAPER}, scaled down. Data: {pictures}. Do not publish."
    running = world.start("run", "--yes", task)
    world.wait_for(starts("plan_experiment"), "planning", running)
    running.signal(signal.SIGKILL)
    assert running.ends() == -signal.SIGKILL

    status, said = world.does("resume", "--yes")

    assert status == 0, said
    session_id = world.only_session()
    events = world.events(session_id)
    assert_nothing_lost_or_doubled(events)
    assert done(events) == COURSE
    assert len(world.jobs()) == 1
    assert f"/html/{PAPER}" in [each.path for each in arxiv.asked]
    found = assert_every_number_is_traceable(world, WHOLE)
    rows = {what: (row["paper"], row["here"], row["why"]) for what, row in found.items()}
    (paper, here, why) = rows.pop("accuracy on HueSet")
    assert (paper, why) == ("98.4 %", "")
    assert here.endswith(" % (test of colours)")
    assert rows == {
        "architecture": ("Vision Transformer", "ViTForImageClassification", ""),
        "num hidden layers": ("2", "2", ""),
        "hidden size": ("64", "64", ""),
        "num attention heads": ("4", "4", ""),
        "optimiser": ("AdamW", "AdamW", ""),
        "learning rate": ("0.002", "0.002", ""),
        "weight decay": ("0.01", "0.01", ""),
        "warmup": ("0.05 fraction", "0.05 of all steps", ""),
        "batch size": ("16 examples", "16 examples", ""),
        "epochs": ("8 epochs", "8 epochs", ""),
        "train examples of HueSet": ("48000 examples", "144 examples of colours", "other data"),
    }
    (plan,) = answers(events, "plan_experiment")
    assert plan["hardware"].startswith("this machine")
    assert plan["memory"]["fits"] is True
    assert {each["what"]: each["becomes"] for each in plan["changes"]} == {
        "train_examples": 144,
        "seeds": 1,
    }
    assert broken_rules(world.trace(session_id)) == []
    assert world.left_processes() == []


def planned(world: World, paper: str, pictures: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plan of a paper that lies here, and the script that was written by it."""
    running = world.start("run", "--yes", f"Reproduce {paper}, scaled down. Data: {pictures}.")
    world.wait_for(starts("dummy_forward"), "the script is checked", running)
    running.signal(signal.SIGINT)
    assert running.ends() == 130, running.said()
    events = world.events(world.only_session())
    (plan,), (script,) = answers(events, "plan_experiment"), answers(events, "write_recipe")
    assert plan["settings"].items() <= script["arguments"].items()
    return plan, script["arguments"]


def test_what_a_pdf_leaves_open_is_assumed_and_never_said_to_be_its_own(
    world: World, pictures: Path
) -> None:
    little = sections(training=(TRAINING[0], TRAINING[2]))
    (world.folder / "paper.pdf").write_bytes(as_pdf(little))

    plan, script = planned(world, "paper.pdf", pictures)

    (recipe,) = answers(world.events(world.only_session()), "extract_recipe")
    assert recipe["learning_rate"] is recipe["optimiser"] is recipe["warmup"] is None
    assert (recipe["epochs"]["value"], script["num_train_epochs"]) == (8, 8)
    assert "learning_rate" in plan["not_from_the_paper"]
    assert not {"epochs", "batch_size"} & {*plan["not_from_the_paper"]}
    assert {"optimiser", "weight_decay", "schedule"} <= {*plan["unknown"]}


def test_absurd_values_of_a_paper_end_in_a_sound_plan(world: World, pictures: Path) -> None:
    absurd = (
        TRAINING[0],
        "We train with AdamW with a learning rate of 30.",
        "We train for 1,000,000 epochs with a batch size of 1,000,000,000.",
    )
    (world.folder / "paper.html").write_text(html(sections(training=absurd)))

    plan, script = planned(world, "paper.html", pictures)

    left_open = {each["what"]: each["was"] for each in plan["changes"] if "impl" in each["why"]}
    assert left_open == {"learning_rate": 30, "epochs": 1_000_000, "batch_size": 1_000_000_000}
    assert {"learning_rate", "epochs", "batch_size"} <= {*plan["not_from_the_paper"]}
    assert script["learning_rate"] == 0.001
    assert script["per_device_train_batch_size"] <= 144
    assert 100 <= plan["work"]["updates"] <= 20_000
