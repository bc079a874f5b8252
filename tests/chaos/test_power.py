"""A log that was cut anywhere holds what was acknowledged before, and nothing by halves."""

import random
from pathlib import Path

import pytest

from tests.chaos import power
from tests.chaos.daemon import Home
from tests.chaos.scenes import Stage
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

CUTS = 60


def test_a_log_cut_at_any_byte_opens_and_holds_what_was_on_the_disk(
    nursery: Nursery, tmp_path: Path
) -> None:
    stage = Stage(Home(nursery, tmp_path / "home"))
    try:
        sized = power.written(stage)
        assert len({one.size_bytes for one in sized}) > 5
        problems = power.cut(stage.home.state, tmp_path / "cuts", sized, CUTS, random.Random(7))
    finally:
        stage.close()
    assert problems == []
