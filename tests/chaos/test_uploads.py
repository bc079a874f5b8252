"""What the daemon sends arrives whole and once, whatever the Hub and the daemon suffer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.daemon import Home
from tests.chaos.scenes import Stage
from tests.chaos.uploads import Weather, weather
from tests.support.hub import HubServer
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]


@pytest.fixture
def stage(nursery: Nursery, tmp_path: Path) -> Iterator[Stage]:
    """Files are sent alike over each database."""
    made = Stage(Home(nursery, tmp_path / "home"))
    yield made
    made.close()


def test_every_file_ends_on_the_hub_as_it_is_here_and_no_commit_is_empty(stage: Stage) -> None:
    """In small; `python -m tests.chaos.uploads` is 50 sessions and ten kills."""
    with HubServer() as hub:
        found = weather(stage, hub, Weather(sessions=8, kills=3, rate=0.2, seed=20261120))
    assert found.problems == []
    assert len(found.hub) == 8
    assert found.failed > 0
