"""The suite would notice a product that breaks a rule. `make chaos` tries all of them."""

from pathlib import Path

import pytest

from tests.chaos.mutations import BY_NAME, MUTATIONS
from tests.chaos.noticing import noticed
from tests.chaos.points import BY_NAME as POINTS
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


def test_shell_commands_that_run_again_are_noticed(
    nursery: Nursery, database: str, tmp_path: Path
) -> None:
    by = noticed(nursery, tmp_path, BY_NAME["shell commands are run again"], database)
    assert "duplicated: effect" in by


def test_every_rule_names_what_notices_it() -> None:
    named = {where for mutation in MUTATIONS for where in mutation.caught_at}
    assert named - set(POINTS) == {"frozen owners", "killed when acknowledged"}
