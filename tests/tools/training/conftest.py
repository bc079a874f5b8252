"""Sessions for the training tools: an empty one, and one that has really trained a small model."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.tools.training.sessions import Session, start

CLASSES = ("left", "right", "top")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with a dataset prepared; what it has launched ends with the test."""
    session = start(tmp_path)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session that has trained a recipe on pictures and scored it on validation and test.

    Shared: tests work on a copy of its facts, and leave `out` as they find it.
    """
    folder = tmp_path_factory.mktemp("scored")
    session = start(folder, prepared=False)
    draw_pictures(session.place.started_in / "pictures")
    session.answer("inspect_dataset", source="pictures")
    session.answer("prepare_dataset", source="pictures")
    session.answer("survey_hardware")
    session.answer("write_recipe", recipe="image_classification", values=VALUES)
    session.answer("dummy_forward", path="train.py")
    session.answer("smoke_test", path="train.py")
    job = session.answer("launch_training", path="train.py", output_dir="out")
    assert session.watch(job["job_id"])["status"] == "succeeded"
    session.answer("evaluate", model_dir="out")
    session.answer("evaluate", model_dir="out", split="test")
    return session


@pytest.fixture
def measured(scored: Session) -> Session:
    """The same, with facts of its own."""
    return Session(scored.place, list(scored.facts))


@pytest.fixture(scope="session")
def described(scored: Session) -> Session:
    """The same, with a model card and a reproduce bundle."""
    session = Session(scored.place, list(scored.facts))
    session.answer("write_model_card", model_dir="out", model_name="Halves", summary=SUMMARY)
    session.answer("write_reproduce_bundle", model_dir="out")
    return session


@pytest.fixture
def publishable(described: Session, tmp_path: Path) -> Session:
    """The same, in a copy of the workspace that a test may spoil, with nowhere published yet."""
    place = described.place
    workspace = tmp_path / "workspace"
    shutil.copytree(place.workspace, workspace, symlinks=True)
    changed = replace(place, workspace=workspace, published=tmp_path / "published")
    return Session(changed, list(described.facts))


SUMMARY = "Tells which half of a small picture is bright."
VALUES = {
    "train_dir": "data/data/train",
    "validation_dir": "data/data/validation",
    "num_train_epochs": 4,
    "per_device_train_batch_size": 8,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "logging_steps": 5,
}


def draw_pictures(folder: Path) -> None:
    """Small grey pictures whose bright half tells the class."""
    chance = random.Random(7)
    for number in range(90):
        name = CLASSES[number % 3]
        (folder / name).mkdir(parents=True, exist_ok=True)
        picture = Image.new("L", (8, 8))
        picture.putdata([_pixel(name, place, chance) for place in range(64)])
        picture.save(folder / name / f"{number}.png")


def _pixel(name: str, place: int, chance: random.Random) -> int:
    row, column = divmod(place, 8)
    bright = {"left": column < 4, "right": column >= 4, "top": row < 4}[name]
    return chance.randrange(120, 256) if bright else chance.randrange(0, 100)
