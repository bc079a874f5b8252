"""`kill -9` at random moments, while many sessions work; `make chaos` does so a thousand times."""

import os
import random

import pytest

from tests.chaos.rounds import kill_at_random
from tests.chaos.scenes import Stage

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

KILLS = 10
SEED = "CHAOS_SEED"
"""Environment variable: the seed of a run that is to be repeated, as far as time repeats."""


def test_kills_at_any_moment_lose_nothing_and_double_nothing(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED) or random.randrange(1 << 32))
    with capsys.disabled():
        os.write(2, f"\n{SEED}={seed}\n".encode())

    killed = kill_at_random(stage, KILLS, random.Random(seed))

    assert killed.count.problems == []
    assert killed.count.is_clean
    assert killed.kills == KILLS
    assert killed.inside >= KILLS // 5, "too few kills fell inside a call that had begun"
