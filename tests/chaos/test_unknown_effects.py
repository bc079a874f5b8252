"""Effects that reach outside and were cut off: a person says what becomes of each."""

import pytest

from tests.chaos.rounds import lose_sends
from tests.chaos.scenes import Stage

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


def test_only_what_a_person_wants_again_is_done_again(stage: Stage) -> None:
    assert lose_sends(stage) == {"retry": 2, "done": 1, "skip": 1}

    count = stage.count()
    assert count.problems == []
    assert (count.is_clean, count.unknown) == (True, 3)
