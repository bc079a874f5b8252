"""Who holds a lease: one process, named so that its death can be proved.

A number alone proves nothing, because the kernel uses it again; number and start time together do.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """One process of one boot."""

    boot_id: str
    """Of the kernel and of the process-id namespace: process ids mean nothing outside of both."""
    pid: int
    start_time: int
    """Clock ticks since boot."""


def read_owner() -> Owner:
    """This process. Raises OSError where there is no /proc."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    namespace = (_PROC / "self/ns/pid").readlink()
    pid = os.getpid()
    found = _process(pid)
    if found is None:
        raise OSError(f"/proc does not show process {pid}; mount /proc of this namespace.")
    return Owner(boot_id=f"{boot} {namespace}", pid=pid, start_time=found[0])


def is_provably_dead(owner: Owner, *, seen_from: Owner) -> bool:
    """True when no thread of `owner` can run any more, as far as `seen_from` can know.

    False for a process of another boot or namespace: there only time can tell.
    """
    if owner.boot_id != seen_from.boot_id:
        return False
    found = _process(owner.pid)
    if found is None:
        return not _answers(owner.pid)
    start_time, has_ended = found
    return has_ended or start_time != owner.start_time


def _process(pid: int) -> tuple[int, bool] | None:
    """Start time, and whether only its entry is left; None when /proc does not show the process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself hold spaces and parentheses. Fields: see proc_pid_stat(5).
    fields = text.rpartition(")")[2].split()
    state, threads, start_time = fields[0], int(fields[17]), int(fields[19])
    return start_time, state in "ZX" and threads <= 1


def _answers(pid: int) -> bool:
    """Second witness for a process that /proc hides (`hidepid`)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
