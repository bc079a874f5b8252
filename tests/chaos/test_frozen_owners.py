"""An owner is frozen past its lease, another takes over, and it wakes."""

import pytest

from tests.chaos.frozen import freeze
from tests.chaos.scenes import Stage

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

OWNERS = 3


def test_an_owner_that_wakes_after_its_lease_writes_nothing(stage: Stage) -> None:
    assert freeze(stage, OWNERS) > 0

    count = stage.count()
    assert count.problems == []
    assert count.is_clean
    assert stage.witness.read_text(), "nobody looked"
