"""A world for each test; what it has started is ended with it, and its database is whole."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_intern.messages import SessionId
from tests.scenario.data import image_folder
from tests.scenario.world import World
from tests.support.nursery import Nursery


@dataclass(kw_only=True)
class Waiting:
    """A state directory in which publishing waits for a yes; put back before each test."""

    world: World
    session_id: SessionId
    said: str
    kept: Path

    def again(self) -> None:
        shutil.rmtree(self.world.state)
        shutil.copytree(self.kept, self.world.state, symlinks=True)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image folder of 180 pictures in three classes."""
    return image_folder(tmp_path_factory.mktemp("data") / "colours")


@pytest.fixture
def world(tmp_path: Path, nursery: Nursery) -> Iterator[World]:
    """A new state directory."""
    made = World(folder=tmp_path, state=tmp_path / "state", nursery=nursery)
    yield made
    made.end()
    assert made.broken_rows() == []


@pytest.fixture(scope="session")
def waited(
    tmp_path_factory: pytest.TempPathFactory, pictures: Path, nursery: Nursery
) -> Iterator[Waiting]:
    """One session, trained once for all that stand `TOGETHER` (see `tests/conftest.py`)."""
    folder = tmp_path_factory.mktemp("waiting")
    world = World(folder=folder, state=folder / "state", nursery=nursery)
    status, said = world.does(
        "run", f"Train a small image classifier on {pictures} for 8 epochs and publish it as hues."
    )
    assert status == 4, said
    kept = folder / "kept"
    shutil.copytree(world.state, kept, symlinks=True)
    yield Waiting(world=world, session_id=world.only_session(), said=said, kept=kept)
    world.end()


@pytest.fixture
def waiting(waited: Waiting) -> Iterator[Waiting]:
    """As it was when it began to wait."""
    waited.again()
    yield waited
    assert waited.world.broken_rows() == []
