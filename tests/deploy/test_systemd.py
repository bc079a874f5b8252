"""The units as systemd reads them, without starting anything. What they do is tried in
tests/scenario/systemd.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ml_intern.settings import ENV_PREFIX, Settings

FOLDER = Path(__file__).parents[2] / "deploy/systemd"
UNITS = {"of the machine": [], "of one person": ["--user"]}
PLACES = {"of the machine": FOLDER, "of one person": FOLDER / "user"}
PROGRAM = "/opt/ml-intern/.venv/bin/ml-intern"
MOST_EXPOSED = 30  # tenths


@pytest.fixture(params=list(UNITS))
def kind(request):
    return request.param


@pytest.fixture
def unit(kind):
    return (PLACES[kind] / "ml-intern.service").read_text()


@pytest.fixture
def analyze(kind, tmp_path):
    """Calls systemd-analyze for the manager of this kind of unit."""
    program = shutil.which("systemd-analyze")
    if program is None:
        missing = "systemd-analyze is not installed (Debian: apt-get install systemd)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)

    def call(*words):
        return subprocess.run(
            [program, *UNITS[kind], *words],
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def written(folder: Path, text: str) -> str:
    path = folder / "ml-intern.service"
    path.write_text(text)
    return str(path)


def value(unit: str, name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    return found


def test_systemd_understands_every_line(unit, analyze, tmp_path):
    """The program stands in for ours, which is not installed here."""
    assert PROGRAM in unit
    done = analyze("verify", written(tmp_path, unit.replace(PROGRAM, "/bin/true")))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_complain_of_a_misspelt_line(unit, analyze, tmp_path):
    misspelt = unit.replace(PROGRAM, "/bin/true").replace("WatchdogSec=", "WatchdogSecs=")
    assert "WatchdogSecs" in analyze("verify", written(tmp_path, misspelt)).stderr


def test_the_unit_exposes_little(unit, analyze, tmp_path):
    """systemd-analyze takes every unit without a user for root's, also one of a user manager."""
    owned = unit if "\nUser=" in unit else unit.replace("[Service]\n", "[Service]\nUser=ada\n")
    done = analyze(
        "security", "--offline=true", f"--threshold={MOST_EXPOSED}", written(tmp_path, owned)
    )
    assert done.returncode == 0, done.stdout


def test_a_stop_has_more_time_than_draining_takes(unit):
    assert float(value(unit, "TimeoutStopSec")) > Settings.model_fields["drain_s"].default


def test_the_unit_spares_what_is_to_outlive_it(unit):
    assert value(unit, "KillMode") == "process"
    assert value(unit, "RuntimeDirectoryPreserve") == "yes"
    assert "RemoveIPC=" not in unit


def test_the_unit_says_how_it_is_used(kind, unit):
    header = unit.split("\n\n")[0]
    systemctl = " ".join(["systemctl", *UNITS[kind]])
    for act in ("enable --now", "status", "stop", "edit"):
        assert f"{systemctl} {act}" in header


def test_every_setting_in_the_example_exists():
    names = re.findall(rf"^#?{ENV_PREFIX}(\w+)=", example(), re.MULTILINE)
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_the_example_changes_nothing_until_somebody_edits_it():
    assert all(line.startswith("#") for line in example().splitlines() if line)


def example() -> str:
    return (FOLDER / "ml-intern.env.example").read_text()


def test_what_the_readme_links_to_exists():
    linked = re.findall(r"\]\(([\w./-]+)\)", (FOLDER / "README.md").read_text())
    assert linked
    assert [path for path in linked if not (FOLDER / path).exists()] == []
