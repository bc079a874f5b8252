"""What this machine has, and what of it the session's code may use."""

import os
import platform
import resource
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from ml_intern.events import Machine
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import Workplace

_NO_LIMIT_BYTES = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2^63."""


def survey(place: Workplace) -> dict[str, Any]:
    """Processors, memory, its limits and free disk.

    Not the GPUs: those count as the training environment sees them.
    """
    memory = psutil.virtual_memory()
    limit, limited_by = _tightest_limit(place.memory_bytes)
    return {
        "cpus": usable_cpus(),
        "memory_bytes": memory.total,
        "available_memory_bytes": memory.available,
        "memory_limit_bytes": limit,
        "memory_limit_from": limited_by,
        "disk_free_bytes": shutil.disk_usage(place.workspace).free,
    }


def usable_cpus() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0))


def this_machine(*, cpus: int | None = None, threads: int | None = None) -> Machine:
    """As a session's first event names it, with what was asked for instead."""
    return Machine(
        cpus=cpus or usable_cpus(),
        threads=threads or set_threads(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def set_threads() -> int | None:
    """Those of `OMP_NUM_THREADS` in our own environment; None where it says none."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else None


def gpu_names(root: Path) -> tuple[str, ...]:
    """NVIDIA GPUs by the driver's own list; `root` is where `/` is. Says nothing of what is free.

    A container may see the list and not be given the devices, so both have to be there.
    """
    if not any((root / "dev").glob("nvidia[0-9]*")):
        return ()
    listed = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    return tuple(_gpu_name(path) for path in listed)


def _gpu_name(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return "unknown model"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return models[0] if models else "unknown model"


def memory_limit_bytes(setting_bytes: int | None) -> int | None:
    """The tightest of our own limit, RLIMIT_AS and the cgroup's; None when there is none."""
    return _tightest_limit(setting_bytes)[0]


def _tightest_limit(setting_bytes: int | None) -> tuple[int, str] | tuple[None, None]:
    """Its bytes, and where it comes from."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits = [
        (setting_bytes, "memory_limit_bytes"),
        (None if soft == resource.RLIM_INFINITY else soft, "RLIMIT_AS"),
        (cgroup_limit_bytes(Path("/")), "cgroup"),
    ]
    known = [(limit, source) for limit, source in limits if limit is not None]
    return min(known, key=lambda found: found[0]) if known else (None, None)


def cgroup_limit_bytes(root: Path) -> int | None:
    """The memory limit of this process's control group, version 1 or 2; `root` is where `/` is."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = [limit for line in lines for limit in _limits(root, line)]
    return min(found, default=None)


def _limits(root: Path, line: str) -> list[int]:
    """The limits that one line of `/proc/self/cgroup` leads to, from the group up to the root.

    In a container the path is often the host's and does not exist here; then only the root counts.
    """
    _, controllers, path = line.split(":", 2)
    if not controllers:
        mount, name = root / "sys/fs/cgroup", "memory.max"
    elif "memory" in controllers.split(","):
        mount, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
    else:
        return []
    group = mount / path.lstrip("/")
    folders = [group, *group.parents]
    inside = [folder for folder in folders if folder.is_relative_to(mount)]
    return [limit for folder in inside if (limit := _read_limit(folder / name)) is not None]


def _read_limit(path: Path) -> int | None:
    try:
        limit = int(path.read_text())
    except (OSError, ValueError):
        return None
    return limit if limit < _NO_LIMIT_BYTES else None


def available_bytes(place: Workplace, facts: Facts) -> tuple[int, bool]:
    """Bytes that a training process may fill, and whether they are those of a GPU.

    A GPU counts once the survey has seen it from within the training environment.
    """
    gpus = (facts.latest("hardware") or {}).get("report", {}).get("gpus", [])
    if gpus:
        return min(_free_bytes(gpu) for gpu in gpus), True
    free = psutil.virtual_memory().available
    limit = memory_limit_bytes(place.memory_bytes)
    return (free if limit is None else min(free, limit)), False


def _free_bytes(gpu: Mapping[str, Any]) -> int:
    return int(gpu.get("free_bytes") or gpu["memory_bytes"])
