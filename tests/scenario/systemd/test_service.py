"""The service under a real systemd, on a machine that is booted for it and used in one go; each
test looks at what was found out there (`guest.py`).
"""

import os
import re
from typing import Any

import pytest

from tests.scenario.data import image_folder
from tests.scenario.systemd.machine import Booted, boot, why_not

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(560)]

COUNTS = re.compile(r"\d+ running, \d+ queued, \d+ waiting, \d+ approvals? open")
SCOPE = re.compile(r"/user\.slice/.*/ml-intern-job-[0-9a-f]{32}\.scope")
DRAIN_S = 60.0


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Booted:
    """A machine on which all steps were done, and that is gone again."""
    if reason := why_not():
        is_ci = os.environ.get("CI") == "true" and os.geteuid() == 0
        (pytest.fail if is_ci else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("machine")
    image_folder(folder / "data" / "colours", each=20)
    return boot(folder, folder / "data")


class Facts:
    """What was found out, by name."""

    def __init__(self, booted: Booted) -> None:
        self._booted = booted

    def __getitem__(self, name: str) -> Any:
        if name not in self._booted.facts:
            last = self._booted.facts.get("step", "nothing")
            pytest.fail(f"{name} was not found out; the last step was: {last}")
        return self._booted.facts[name]


@pytest.fixture
def facts(booted: Booted) -> Facts:
    return Facts(booted)


def test_every_step_was_done(booted: Booted) -> None:
    assert "broken" not in booted.facts, f"{booted.facts['broken']}\n{booted.output}"
    assert booted.facts.get("step") == "all done", booted.output


def test_start_returns_when_the_service_has_said_that_it_is_ready(facts: Facts) -> None:
    assert facts["after_start"]["Type"] == "notify"
    assert facts["after_start"]["ActiveState"] == "active"
    assert facts["ready_after_s"] > 0.1  # no Python has opened a store before


def test_the_status_line_counts_sessions(facts: Facts) -> None:
    assert COUNTS.fullmatch(facts["after_start"]["StatusText"])
    assert COUNTS.fullmatch(facts["after_kill"]["StatusText"])


def test_the_socket_is_the_services_users_alone(facts: Facts) -> None:
    assert facts["socket_mode"] == "0o600"


def test_a_killed_service_is_started_again(facts: Facts) -> None:
    assert facts["after_kill"]["ActiveState"] == "active"
    assert facts["after_kill"]["NRestarts"] == "1"


def test_confined_code_does_not_outlive_a_killed_service(facts: Facts) -> None:
    assert facts["confined_left_by_kill"] == []


def test_a_session_goes_on_after_a_kill_until_its_job_trains(facts: Facts) -> None:
    assert "bwrap" in facts["job_without_manager"]["words"]


def test_without_a_user_manager_a_job_is_in_the_services_group(facts: Facts) -> None:
    assert facts["job_without_manager"]["group"] == "/system.slice/ml-intern.service"


def test_with_a_user_manager_a_job_has_a_unit_of_its_own(facts: Facts) -> None:
    group = facts["job_with_manager"]["group"]
    assert SCOPE.fullmatch(group)
    assert facts["units_of_jobs"] == [group.rpartition("/")[2]]


def test_landlock_can_confine_below_the_hardened_unit_too(facts: Facts) -> None:
    """The second job ran under `sandbox = process`, which refuses where Landlock does not work."""
    assert "train" in facts["job_with_manager"]["words"]
    assert "bwrap" not in facts["job_with_manager"]["words"]


@pytest.mark.parametrize("through", ["restart", "hang", "stop", "upgrade"])
def test_a_job_goes_on_through(facts: Facts, through: str) -> None:
    assert facts[f"job_goes_on_through_{through}"]


def test_the_watchdog_ends_a_daemon_that_hangs(facts: Facts) -> None:
    assert "Watchdog timeout" in facts["watchdog_said"]


def test_a_stop_drains_in_time_and_leaves_nothing_in_the_service(facts: Facts) -> None:
    assert facts["after_stop"] == {
        "ActiveState": "inactive",
        "Result": "success",
        "ExecMainStatus": "0",
    }
    assert facts["stop_took_s"] < DRAIN_S
    assert facts["left_in_the_service"] == []


def test_a_new_daemon_takes_up_the_job_of_an_older_one_and_can_end_it(facts: Facts) -> None:
    assert re.search(r"\b1 waiting\b", facts["status_with_job"])
    assert facts["processes_of_job"] == []
    assert facts["units_at_the_end"] == []


def test_no_job_was_lost_or_started_twice(facts: Facts) -> None:
    assert facts["jobs_started"] == 2
    assert facts["jobs_ended"] == ["cancelled", "cancelled"]


def test_uninstalling_leaves_nothing(facts: Facts) -> None:
    assert facts["unit_after_uninstall"] == "not-found"
    assert facts["left_by_uninstall"] == []


def test_the_unit_for_one_person_starts_and_stops_too(facts: Facts) -> None:
    started = facts["after_start_for_one_person"]
    assert (started["Type"], started["ActiveState"]) == ("notify", "active")
    assert COUNTS.fullmatch(started["StatusText"])
    assert facts["after_stop_for_one_person"] == {"ActiveState": "inactive", "Result": "success"}
