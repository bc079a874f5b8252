"""`kill -9` at every named point: what was accepted is done, once, in order.

Scenes have a home each and wait most of the time, so several are played side by side.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.daemon import Home
from tests.chaos.databases import SQLITE
from tests.chaos.points import POINTS, Reached
from tests.chaos.rounds import come_to_rest, die_at, first_hit
from tests.chaos.scenes import Stage
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

SIDE_BY_SIDE = 6
THINNED = (
    *("order", "orders", "edit", "park", "withdraw", "expire", "paid", "cap", "like"),
    *("letters", "posts", "compact", "model", "model_within"),
)
"""Scenes of which a third of the points are tried here, on one database each; `make chaos` tries
all of them on both."""
LONGEST_FIRST = sorted(
    {point.scene for point in POINTS},
    key=lambda scene: -sum(point.scene == scene for point in POINTS),
)


def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(
    request: pytest.FixtureRequest,
    nursery: Nursery,
    new_database: Callable[[], str],
    tmp_path: Path,
) -> None:
    """Each daemon ends at one point; the next one first brings to an end what it has left."""
    database = request.node.callspec.params["new_database"]

    def broken(scene: str) -> list[str]:
        points = _chosen(scene, database)
        if not points:
            return []
        stage = Stage(Home(nursery, tmp_path / scene, database=new_database()))
        try:
            return _broken(stage, points)
        finally:
            stage.close()

    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="scene") as pool:
        found = dict(zip(LONGEST_FIRST, pool.map(broken, LONGEST_FIRST), strict=True))

    assert {scene: problems for scene, problems in found.items() if problems} == {}


def _chosen(scene: str, database: str) -> list[Reached]:
    """Points inside of a transaction are tried on both databases, others on one of them here."""
    points = [point for point in POINTS if point.scene == scene]
    turn = int(database != SQLITE)
    if scene in THINNED:
        return points[3 * turn :: 6]
    return [one for number, one in enumerate(points) if one.is_inside or number % 2 == turn]


def _broken(stage: Stage, points: list[Reached]) -> list[str]:
    died = [die_at(stage, point, first_hit(point)) for point in points]
    come_to_rest(stage)
    missed = [f"{one.point} was not reached" for one in died if not one.reached]
    return [*missed, *stage.count().problems]


def test_there_are_as_many_points_as_were_promised() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS) >= 25
