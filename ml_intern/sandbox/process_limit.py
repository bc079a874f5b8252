"""A control group that bounds how many threads one run may have, where we may make one.

RLIMIT_NPROC never stops root, so that without this a fork bomb of root's takes the machine. Where
no control group can be made (inside most containers, and for plain users, whom RLIMIT_NPROC does
stop) there is none, and only the keeper's count of processes remains. Standard library only.
"""

import contextlib
import os
from pathlib import Path

_MOUNTS = {1: Path("/sys/fs/cgroup/pids"), 2: Path("/sys/fs/cgroup")}
_THREADS_PER_CPU = 64


def threads_allowed(max_processes: int) -> int:
    """Threads that so many processes may have in all: numeric libraries start one per processor."""
    return max_processes + _THREADS_PER_CPU * (os.cpu_count() or 1)


class ProcessLimit:
    """One control group. Make it with `open_limit`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, pid: int) -> None:
        """From now on this process, and what it starts, is bounded, if the kernel lets us."""
        with contextlib.suppress(OSError):
            (self._folder / "cgroup.procs").write_text(str(pid))

    def members(self) -> list[int]:
        """All processes in it, however far they have gone from their parents."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in (self._folder / "cgroup.procs").read_text().split()]
        return []

    def close(self) -> None:
        """Remove it; it must be empty."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def open_limit(run_id: str, max_processes: int | None) -> ProcessLimit | None:
    """A new group for one run; None when nothing is to be bounded, or none can be made here."""
    parent = _own_group() if max_processes is not None and os.geteuid() == 0 else None
    if parent is None or max_processes is None:
        return None
    folder = parent / f"ml-intern-{run_id}"
    try:
        folder.mkdir()
    except OSError:
        return None
    try:
        (folder / "pids.max").write_text(str(threads_allowed(max_processes)))
    except OSError:  # the controller is not ours to use: the file is not there
        folder.rmdir()
        return None
    return ProcessLimit(folder)


def _own_group() -> Path | None:
    """The group of this process under the `pids` controller, version 1 or 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        version = 1 if "pids" in controllers.split(",") else 2 if not controllers else None
        if version is not None and (folder := _MOUNTS[version] / path.lstrip("/")).is_dir():
            return folder
    return None
