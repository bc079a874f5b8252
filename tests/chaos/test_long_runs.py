"""One prompt and very many calls: all is done, every request is sound, nothing is forgotten."""

import random
from pathlib import Path

import pytest

from ml_intern.session.summarizing import MOST_IN_VAIN
from tests.chaos.long_runs import long_run
from tests.support.long_run import BROKEN, WildModel

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


@pytest.mark.parametrize(("calls", "window"), [(60, 8_192), (80, 32_000), (110, 200_000)])
def test_a_long_run_is_done_within_the_window_and_forgets_nothing(
    tmp_path: Path, calls: int, window: int
) -> None:
    """In small; `python -m tests.chaos.long_runs` is a thousand calls in each window."""
    run = long_run(tmp_path, calls, window)
    assert run.problems == []
    assert run.model.refusals == 0
    assert run.model.compactions > 0


@pytest.mark.parametrize("how", BROKEN)
def test_a_model_that_does_not_sum_up_loses_no_path_and_no_number(tmp_path: Path, how: str) -> None:
    run = long_run(tmp_path, 16, 8_192, BROKEN[how])
    assert run.problems == []
    assert run.model.summaries >= MOST_IN_VAIN


def test_every_request_is_sound_whatever_a_model_does(tmp_path: Path) -> None:
    run = long_run(tmp_path, 20, 12_000, kind=WildModel, chance=random.Random(20261126))
    assert run.problems == []
    assert run.model.compactions > 3
