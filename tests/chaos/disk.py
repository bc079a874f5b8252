"""A disk without room under a crowd: what was acknowledged is there, and work goes on."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.daemon import Home
from tests.chaos.ledger import Count
from tests.chaos.scenes import Stage
from tests.chaos.script import program
from tests.scenario.test_full_disk import fill
from tests.scenario.world import wait_until
from tests.support.nursery import Nursery

SIZE = "64m"
SESSIONS = 4


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few MB. Raises PermissionError where we may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PermissionError(f"no small file system here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_under_load(nursery: Nursery, folder: Path, disk: Path, database: str = "") -> Count:
    """Let a crowd work, fill the disk, let it ask for more, make room again."""
    home = Home(nursery, folder, database=database)
    home.state = disk / "state"
    stage = Stage(home)
    try:
        home.start()
        persons = [stage.person(f"disk {number}") for number in range(SESSIONS)]
        for person in persons:
            person.start(program(1, "bash", "write", "pair", "spill"))
        wait_until(lambda: stage.peek.started_calls() > 0, "somebody is at work")
        ballast = fill(disk)
        for person in persons:
            person.say(program(2, "bash", "write"))
        wait_until(lambda: stage.crowd.notes.asked_again > 0, "somebody is told to come back")
        ballast.unlink()
        stage.rest()
        return stage.count()
    finally:
        stage.close()
