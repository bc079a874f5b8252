"""Jobs in units of their own. The manager here is a stand-in for `systemd-run` and grants or
refuses; the real one is tried in tests/scenario/systemd.
"""

import json
import os
from pathlib import Path

import pytest

from ml_intern.compute.local import LocalCompute
from ml_intern.compute.transient import UNIT_PREFIX, Manager, find_manager, launch_in_unit
from ml_intern.sandbox.unconfined import NoSandbox
from tests.compute.given import DONE, Jobs

GRANTS = """#!/bin/sh
printf '%s\\n' "$@" > "$(dirname "$0")/asked"
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""
REFUSES = """#!/bin/sh
touch "$(dirname "$0")/asked"
echo 'Failed to start transient scope unit: Interactive authentication required.' >&2
exit 1
"""


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """A folder for a `systemd-run`, found first, and the runtime folder of a user manager."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "runtime" / "systemd").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    return folder


@pytest.fixture
def jobs(tmp_path):
    jobs = Jobs(tmp_path, NoSandbox())
    jobs.compute = LocalCompute(NoSandbox(), own_units=True)
    yield jobs
    jobs.clean()


def install(manager: Path, script: str) -> None:
    (manager / "systemd-run").write_text(script)
    (manager / "systemd-run").chmod(0o755)


def test_a_job_starts_in_a_scope_named_by_its_run(manager, jobs):
    install(manager, GRANTS)
    assert jobs.run(DONE).status == "succeeded"
    claim = json.loads((Path(jobs.handles[0]["folder"]) / "claim.json").read_text())
    asked = (manager / "asked").read_text().splitlines()
    assert f"--unit={UNIT_PREFIX}{claim['run_id']}" in asked
    assert {"--scope", "--collect", "--description=ml-intern: train.py"} <= set(asked)


@pytest.mark.parametrize("script", [REFUSES, "#!/bin/sh\nexec true\n"], ids=["refused", "silent"])
def test_a_job_starts_all_the_same_where_no_unit_is_granted(manager, jobs, script):
    install(manager, script)
    assert jobs.run(f"echo training; {DONE}").status == "succeeded"
    assert jobs.log(jobs.handles[0]) == "training\n"


def test_why_a_job_has_no_unit_is_logged(manager, jobs, caplog):
    install(manager, REFUSES)
    with caplog.at_level("INFO"):
        jobs.run(DONE)
    (record,) = [one for one in caplog.records if one.message == "job_without_own_unit"]
    assert "Interactive authentication required" in record.reason


def test_a_job_that_a_unit_has_started_is_not_started_again_when_its_answer_is_lost(manager, jobs):
    install(manager, GRANTS.replace('exec "$@"', '"$@" > /dev/null'))
    assert jobs.run(f"echo once >> runs; {DONE}").status == "succeeded"
    assert (jobs.workspace / "runs").read_text() == "once\n"


def test_without_own_units_nobody_asks_a_manager(manager, jobs):
    install(manager, REFUSES)
    jobs.compute = LocalCompute(NoSandbox())
    assert jobs.run(DONE).status == "succeeded"
    assert not (manager / "asked").exists()


def test_what_the_runner_inherits_is_what_it_was_given_and_the_way_to_the_manager():
    manager = Manager(["systemd-run", "--user"], {"XDG_RUNTIME_DIR": "/run/user/7"})
    launch = launch_in_unit(manager, ["true"], {"LANG": "C"}, run_id="r", description="train.py")
    assert launch.environment == {"LANG": "C", "XDG_RUNTIME_DIR": "/run/user/7"}
    assert launch.argv[:2] == ["systemd-run", "--user"]
    assert launch.argv[-2:] == ["--", "true"]


def test_a_description_is_one_short_line_of_plain_characters():
    words = "a\nExecStart=/bin/x ü" + 200 * "y"
    launch = launch_in_unit(Manager(["run"], {}), ["true"], {}, run_id="r", description=words)
    (described,) = [word for word in launch.argv if word.startswith("--description=")]
    assert described.startswith("--description=a?ExecStart=/bin/x ?yyy")
    assert len(described) < 150


# Which manager


def test_a_user_asks_the_manager_of_that_user(manager, tmp_path):
    install(manager, GRANTS)
    runtime = str(tmp_path / "runtime")
    found = find_manager({"PATH": str(manager), "XDG_RUNTIME_DIR": runtime}, uid=7)
    assert found == Manager([str(manager / "systemd-run"), "--user"], {"XDG_RUNTIME_DIR": runtime})


def test_root_asks_the_manager_of_the_system(manager):
    install(manager, GRANTS)
    found = find_manager({"PATH": str(manager)}, uid=0)
    assert found == Manager([str(manager / "systemd-run")], {})


def test_a_user_without_a_manager_has_nobody_to_ask(manager, tmp_path):
    install(manager, GRANTS)
    nothing = str(tmp_path / "nothing")
    assert find_manager({"PATH": str(manager), "XDG_RUNTIME_DIR": nothing}, uid=7) is None
    assert find_manager({"PATH": str(manager)}, uid=4_000_000_000) is None


def test_without_systemd_run_nobody_can_be_asked(tmp_path):
    assert find_manager({"PATH": str(tmp_path)}, uid=0) is None
