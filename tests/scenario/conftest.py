"""A world for each test; what it has started is ended with it, and its database is whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.data import image_folder
from tests.scenario.world import World
from tests.support.nursery import Nursery


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
