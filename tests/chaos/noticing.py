"""Whether the suite notices that a rule of the product does not hold any more."""

from pathlib import Path

from tests.chaos.daemon import Home
from tests.chaos.frozen import freeze
from tests.chaos.mutations import ACKNOWLEDGED, FROZEN, Mutation
from tests.chaos.points import BY_NAME
from tests.chaos.rounds import come_to_rest, die_at, die_when_acknowledged, first_hit
from tests.chaos.scenes import Stage
from tests.support.nursery import Nursery

FROZEN_SESSIONS = 6
PLAIN = ("duplicated", "unfenced")
"""What says most, where several things are wrong."""


def noticed(nursery: Nursery, folder: Path, mutation: Mutation, database: str = "") -> str:
    """What noticed it, and how; empty when nothing did."""
    for number, where in enumerate(mutation.caught_at):
        stage = Stage(Home(nursery, folder / f"{number}", database=database))
        stage.patience_s = 20.0
        try:
            if found := _tried(stage, where, mutation.name):
                return f"{where}: {found}"
        finally:
            stage.close()
    return ""


def _tried(stage: Stage, where: str, mutation: str) -> str:
    try:
        match where:
            case _ if where == FROZEN:
                freeze(stage, FROZEN_SESSIONS, mutation=mutation)
            case _ if where == ACKNOWLEDGED:
                die_when_acknowledged(stage, mutation=mutation)
                come_to_rest(stage, mutation=mutation)
            case _:
                point = BY_NAME[where]
                died = die_at(stage, point, first_hit(point), mutation=mutation)
                assert died.reached, "the point is not reached"
                come_to_rest(stage, mutation=mutation)
    except AssertionError as exc:
        words = str(exc).splitlines()[0]
        if "come to rest" not in words:
            raise
        return f"{words}"
    problems = stage.count().problems
    return min(problems, key=lambda words: not words.startswith(PLAIN), default="")
