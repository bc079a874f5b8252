"""Crash points: functions of the product, wrapped from outside, that kill their process.

A point names a function by module and attribute, and whether it dies before it, after it, or half
way through. Where a process dies it leaves a line in a file first, so that a point that is never
reached is seen. The product has no branch for any of this.
"""

import functools
import importlib
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.chaos.plan import Plan

Args = tuple[Any, ...]
STOPPED_S = 1.0


def always(_args: Args, _result: Any) -> bool:
    """For a function that is called for one purpose only."""
    return True


@dataclass(frozen=True, kw_only=True)
class Point:
    """A place to die at."""

    name: str
    at: str
    """`module:attribute` below `ml_intern`, with a dot for a method: `queue.store:Store.append`."""
    when: Literal["before", "after", "half"]
    of: Callable[[Args, Any], bool] = always
    """Whether this call of the function is meant; it gets the arguments and the result, if any."""
    anywhere: bool = False
    """Not only in the service of the plan's session: the call does not tell whose it is."""
    halved: Callable[["Trap", Callable[..., Any]], Callable[..., Any]] | None = None
    """How to die half way; only with `half`."""


class Trap:
    """A point that is set in this process."""

    def __init__(self, point: Point, plan: Plan) -> None:
        self._point = point
        self._plan = plan
        # Protects `_left`: several threads may come by.
        self._lock = threading.Lock()
        self._left = plan.hit

    def is_meant(self, args: Args, result: Any = None) -> bool:
        """Whether this call counts."""
        if not self._point.of(args, result):
            return False
        wanted = self._plan.session_id
        return self._point.anywhere or not wanted or wanted in f"{args!r}{result!r}"

    def step(self) -> None:
        """Come by; the last time is the end."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                fall(self._point.name, self._plan)


def fall(name: str, plan: Plan) -> None:
    """Leave a line, then be killed and not return, or be frozen and return when it is over."""
    if plan.reached:
        file = os.open(plan.reached, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{name}\n".encode())
    if plan.freezes:
        _freeze()
        return
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def _freeze() -> None:
    """Stop this process, and return when time has passed in which it did not run.

    The signal may reach another thread first, and this one goes on for a moment.
    """
    before = time.monotonic()
    os.kill(os.getpid(), signal.SIGSTOP)
    while (now := time.monotonic()) - before < STOPPED_S:
        before = now
        time.sleep(0.005)


def install(point: Point, plan: Plan) -> None:
    """Set the point in this process."""
    trap = Trap(point, plan)
    holder, attribute = place_of(point.at)
    original = getattr(holder, attribute)
    if point.when == "half":
        assert point.halved is not None, point.name
        setattr(holder, attribute, point.halved(trap, original))
    else:
        setattr(holder, attribute, _wrapped(trap, original, before=point.when == "before"))


def place_of(at: str) -> tuple[Any, str]:
    """What holds the function, and under which name."""
    module, _, path = at.partition(":")
    holder = importlib.import_module(f"ml_intern.{module}")
    *way, attribute = path.split(".")
    for name in way:
        holder = getattr(holder, name)
    return holder, attribute


def _wrapped(trap: Trap, original: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapped(*args: Any, **named: Any) -> Any:
        told = (*args, *named.values())
        if before and trap.is_meant(told):
            trap.step()
        result = original(*args, **named)
        if not before and trap.is_meant(told, result):
            trap.step()
        return result

    return wrapped


# Half way


def half_the_bytes(trap: Trap, original: Callable[..., Any]) -> Callable[..., Any]:
    """Of a function whose last argument but one or so are bytes that it writes: half, then dead."""

    def halved(*args: Any) -> Any:
        if not trap.is_meant(args):
            return original(*args)
        original(*[arg[: len(arg) // 2] if isinstance(arg, bytes) else arg for arg in args])
        trap.step()
        return original(*[arg[len(arg) // 2 :] if isinstance(arg, bytes) else arg for arg in args])

    return halved


def half_a_draft(trap: Trap, original: Callable[..., Any]) -> Callable[..., Any]:
    """Of a function that writes a draft and puts it in place: half a draft on the disk, then dead.

    The draft is complete for the function when it asks the kernel to keep it.
    """
    mine = threading.local()
    keep = os.fsync

    def fsync(file: Any) -> None:
        keep(file)
        if getattr(mine, "is_meant", False):
            trap.step()

    def halved(*args: Any) -> Any:
        mine.is_meant = trap.is_meant(args)
        cut = [arg[: len(arg) // 2] if isinstance(arg, bytes) else arg for arg in args]
        try:
            return original(*(cut if mine.is_meant else args))
        finally:
            mine.is_meant = False

    os.fsync = fsync
    return halved


def once_it_has_begun(name: str) -> Callable[[Trap, Callable[..., Any]], Callable[..., Any]]:
    """Of a tool that runs a command: when the file `name` of the workspace has grown by it."""

    def prepare(trap: Trap, original: Callable[..., Any]) -> Callable[..., Any]:
        def halved(*args: Any) -> Any:
            if trap.is_meant(args):
                file = Path(args[2].place.workspace) / name
                threading.Thread(target=_watch, args=(trap, file, _size(file)), daemon=True).start()
            return original(*args)

        return halved

    return prepare


def _watch(trap: Trap, file: Path, before: int) -> None:
    pause = threading.Event()
    while _size(file) == before:
        pause.wait(0.002)
    trap.step()


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
