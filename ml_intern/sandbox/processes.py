"""Processes of this machine: who they are, who descends from whom, and how to end them all.

A process is named by its id, its start and the boot: an id alone is given to another one sooner or
later. Standard library only: the supervisor and the job runner start with nothing else.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

_GONE = ("Z", "X", "x")  # zombies and dead ones run nothing any more
_KILL_PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.01


class Identity(NamedTuple):
    """One process, never mistaken for a later one with the same id."""

    pid: int
    started_ticks: int
    """Field 22 of /proc/PID/stat: clock ticks since the boot."""
    boot_id: str


class _Row(NamedTuple):
    pid: int
    name: str
    state: str
    parent: int
    started_ticks: int

    @property
    def runs(self) -> bool:
        return self.state not in _GONE


@cache
def boot_id() -> str:
    """Changes with every boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """Who runs under this id now; None when nobody does."""
    row = _row(pid)
    return Identity(pid, row.started_ticks, boot_id()) if row is not None and row.runs else None


def is_alive(process: Identity) -> bool:
    """Whether exactly this process still runs."""
    return identify(process.pid) == process


def name_of(pid: int) -> str:
    """What the kernel calls it, at most 15 characters; empty when it is gone."""
    row = _row(pid)
    return "" if row is None else row.name


def descendants(root: int) -> list[int]:
    """Running children of `root`, their children, and so on; `root` itself is not among them."""
    children: dict[int, list[_Row]] = {}
    for row in _table():
        children.setdefault(row.parent, []).append(row)
    found: list[int] = []
    front = children.get(root, [])
    while front:
        found.extend(row.pid for row in front if row.runs)
        front = [child for row in front for child in children.get(row.pid, ())]
    return found


def marked(variable: str, value: str) -> list[int]:
    """Running processes that were started with `variable=value`, as far as we may look."""
    wanted = f"{variable}={value}".encode()
    return [row.pid for row in _table() if row.runs and wanted in _environ(row.pid)]


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each of them; those that are gone, or not ours, are passed over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_all(look: Callable[[], list[int]], patience_s: float = _KILL_PATIENCE_S) -> int:
    """Kill what `look` finds until it finds nothing, at most `patience_s` seconds; how many are
    left.

    All are stopped before the first is killed, so that none of them starts another meanwhile.
    """
    end = time.monotonic() + patience_s
    while found := look():
        if time.monotonic() > end:
            return len(found)
        stopped: set[int] = set()
        while (fresh := set(found) - stopped) and time.monotonic() < end:
            send(fresh, signal.SIGSTOP)
            stopped |= fresh
            found = look()
        send(stopped, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_S)
    return 0


def _table() -> Iterable[_Row]:
    for name in os.listdir("/proc"):  # noqa: PTH208  # read several times per second
        if name.isdigit() and (row := _row(int(name))) is not None:
            yield row


def _row(pid: int) -> _Row | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # read many times per second
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    before, _, after = text.rpartition(b") ")  # a name may hold anything, brackets too
    fields = after.split()
    name = before.partition(b"(")[2].decode(errors="replace")
    return _Row(pid, name, fields[0].decode(), int(fields[1]), int(fields[19]))


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
