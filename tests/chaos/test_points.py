"""`kill -9` at every named point: what was accepted is done, once, in order."""

from itertools import groupby

import pytest

from tests.chaos.points import POINTS, Reached
from tests.chaos.rounds import come_to_rest, die_at, first_hit
from tests.chaos.scenes import Stage

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

SCENES = {
    scene: list(points)
    for scene, points in groupby(
        sorted(POINTS, key=lambda point: point.scene), key=lambda point: point.scene
    )
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_at_any_point_of_a_scene_loses_nothing_and_doubles_nothing(
    stage: Stage, scene: str
) -> None:
    """Each daemon ends at one point; the next one first brings to an end what it has left."""
    points: list[Reached] = SCENES[scene]

    died = [die_at(stage, point, first_hit(point)) for point in points]
    come_to_rest(stage)

    assert [one.point for one in died if not one.reached] == []
    count = stage.count()
    assert count.problems == []
    assert count.is_clean


def test_there_are_as_many_points_as_were_promised() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS) >= 25
