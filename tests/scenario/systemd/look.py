"""What root can see of the service, its jobs and its processes."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.scenario.systemd.shell import STATE, run, wait_until

UNIT = "ml-intern.service"
GROUPS = Path("/sys/fs/cgroup")
TIME_TO_END_S = 10.0


def show(*names: str) -> dict[str, str]:
    """Properties of the unit."""
    told = run("systemctl", "show", UNIT, *(f"--property={name}" for name in names))
    return dict(line.split("=", 1) for line in told.splitlines())


def main_pid() -> int:
    """The daemon; 0 when there is none."""
    return int(show("MainPID")["MainPID"])


def restarts() -> int:
    """How often systemd has started the service by itself."""
    return int(show("NRestarts")["NRestarts"])


def is_up_after(count: int) -> bool:
    """Whether the service works, started again so often."""
    return show("ActiveState")["ActiveState"] == "active" and restarts() >= count


def ready_after_s() -> float:
    """From the process's start to the moment when systemd takes the service for started."""
    shown = show("ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic")
    ready, began = (int(shown[name]) for name in sorted(shown))
    return round((ready - began) / 1e6, 2)


def processes_of_service() -> set[int]:
    """All in its control group."""
    own = f"system.slice/{UNIT}/cgroup.procs"
    found: set[int] = set()
    for hierarchy in (GROUPS, GROUPS / "systemd"):
        with contextlib.suppress(FileNotFoundError):
            found |= {int(pid) for pid in (hierarchy / own).read_text().split()}
    return found


def units_of_jobs() -> list[str]:
    """Scopes for jobs, of whichever manager."""
    return sorted({path.name for path in GROUPS.rglob("ml-intern-job-*.scope")})


def job() -> dict[str, Any]:
    """The one job that runs: who it is, its runner's control group, and its command."""
    (record,) = [
        path
        for path in STATE.glob("sessions/*/jobs/*/process.json")
        if not path.with_name("exit.json").exists()
    ]
    found: dict[str, Any] = json.loads(record.read_text())
    (words,) = words_of([found["process"][0]])
    return {**found, "group": group_of(found["runner"][0]), "words": words}


def group_of(pid: int) -> str:
    """Its path in the hierarchy of systemd."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    named = [line.split(":", 2) for line in lines]
    return next(path for _number, name, path in named if name in ("name=systemd", ""))


def alive(job: dict[str, Any]) -> list[int]:
    """Of runner and process those that run, the same as before."""
    who = (job["runner"], job["process"])
    return [pid for pid, ticks, _boot in who if started_at(pid) == ticks]


def started_at(pid: int) -> int | None:
    """In clock ticks since the boot; None when it runs no more."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])
    return None


def words_of(pids: Iterable[int]) -> list[str]:
    """The commands of those that run."""
    found = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            found.append(line[:1000])
    return [line for line in found if line]


def left_of(pids: set[int]) -> list[str]:
    """Which of these processes still run when they have had the time to end."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not any(map(started_at, pids)), "all end", TIME_TO_END_S)
    return words_of(pid for pid in pids if started_at(pid))
