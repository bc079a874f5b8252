"""What is typed in the machine, as root or as the service's user, and waiting for the outcome."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.scenario.systemd.machine import PROJECT

STATE = Path("/var/lib/ml-intern")
README = Path(PROJECT) / "deploy/systemd/README.md"
PATIENCE_S = 150.0

T = TypeVar("T")


def run(*command: str, check: bool = True, cwd: str | None = None) -> str:
    """What it says; with `check`, it must succeed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert not check or done.returncode == 0, (
        f"{command} ended with {done.returncode}:\n{done.stdout}"
    )
    return done.stdout


def follow_readme(heading: str, become: Sequence[str] = ()) -> None:
    """Type what the README says under this heading, as root or as somebody else."""
    part = README.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
    assert blocks, f"nothing to type under {heading}"
    for block in blocks:
        run(*become, "sh", "-euxc", block, cwd=PROJECT)


def as_service(*words: str) -> str:
    """What `ml-intern words...` says to the service's user."""
    return run(*service_command(*words))


def service_command(*words: str) -> list[str]:
    """`ml-intern words...` as the service's user."""
    return service_python("ml_intern.cli.main", *words)


def service_python(module: str, *words: str) -> list[str]:
    """A Python module as the service's user."""
    settings = (f"PYTHONPATH={PROJECT}", f"ML_INTERN_STATE_DIR={STATE}", f"HOME={STATE}")
    become = ["runuser", "-u", "ml-intern", "--", "env", *settings]
    return [*become, sys.executable, "-m", module, *words]


def wait_until(fact: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """The first true value of `fact`; fails with `what` when there is none in time."""
    end = time.monotonic() + within_s
    while not (value := fact()):
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.05)
    return value
