"""PostgreSQL stops without a word while many sessions are at work, and comes back."""

import random
from pathlib import Path

import pytest

from tests.chaos.daemon import Home
from tests.chaos.outage import AT_WORK_WITHIN_S, stop_server
from tests.chaos.scenes import Stage
from tests.support.nursery import Nursery
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

STOPS = 3
SEED = 7


def test_a_server_that_stops_under_load_costs_nothing_and_all_go_on_at_once(
    nursery: Nursery, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    stage = Stage(Home(nursery, tmp_path / "home", database=postgres_url))
    try:
        found = stop_server(stage, postgres_server, STOPS, random.Random(SEED))
    finally:
        stage.close()

    assert found.count.problems == []
    assert found.count.is_clean
    assert found.slowest_s < AT_WORK_WITHIN_S
