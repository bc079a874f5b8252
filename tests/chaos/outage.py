"""The server of the database stops without a word under a busy daemon, and is started again.

Nobody has lost a session for it, so whoever was at work is at work again soon: nobody waits for a
lease that nobody else holds.
"""

import random
import time
from dataclasses import dataclass

from tests.chaos.ledger import Count
from tests.chaos.rounds import Workload, wait_for_a_moment
from tests.chaos.scenes import PATIENCE_S, Stage
from tests.scenario.world import wait_until
from tests.support.postgres import PostgresServer

AT_WORK_WITHIN_S = 10.0
DOWN_S = (0.1, 1.5)


@dataclass(kw_only=True)
class Outages:
    """What came of stops of the server."""

    stops: int = 0
    inside: int = 0
    """Of them, inside a call that had begun."""
    slowest_s: float = 0.0
    """From the server's start until all that was in work is in work again."""
    count: Count


def stop_server(stage: Stage, server: PostgresServer, stops: int, chance: random.Random) -> Outages:
    """Keep several sessions busy and stop the server so many times; then let all come to rest."""
    found = Outages(count=Count())
    workload = Workload(stage, chance)
    stage.home.start()
    for _ in range(stops):
        workload.fill()
        wait_for_a_moment(stage, chance)
        found.inside += bool(stage.peek.started_calls())
        before = stage.peek.progress()
        server.stop("immediate")
        time.sleep(chance.uniform(*DOWN_S))
        server.start()
        found.slowest_s = max(found.slowest_s, _back(stage, before))
        found.stops += 1
    stage.rest()
    found.count = stage.count()
    return found


def _back(stage: Stage, before: dict[str, tuple[int, int]]) -> float:
    began = time.monotonic()

    def is_back() -> bool:
        now = stage.peek.progress()
        return all(session not in now or now[session] > was for session, was in before.items())

    wait_until(is_back, "all that was in work is in work again", PATIENCE_S, every_s=0.05)
    return time.monotonic() - began
