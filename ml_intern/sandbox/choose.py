"""Which sandbox a machine gets: the strongest that works, or the one that the settings name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ml_intern.errors import SandboxError
from ml_intern.sandbox.bubblewrap import BubblewrapSandbox, bubblewrap_program, bubblewrap_works
from ml_intern.sandbox.confine import landlock_version
from ml_intern.sandbox.process import ProcessSandbox
from ml_intern.sandbox.protocol import Sandbox
from ml_intern.sandbox.unconfined import NoSandbox

SandboxName = Literal["auto", "bubblewrap", "process", "none"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine can do about confining. The defaults look at this one."""

    has_bubblewrap: Callable[[], bool] = lambda: bubblewrap_program() is not None
    bubblewrap_works: Callable[[], bool] = bubblewrap_works
    landlock_version: Callable[[], int] = landlock_version


def choose_sandbox(
    name: SandboxName, readable: Sequence[Path] = (), machine: Machine | None = None
) -> Sandbox:
    """The sandbox of that name; `auto` is bubblewrap where it works, else Landlock, never none.

    `readable`: folders of the interpreters that confined code may use, see `interpreter_folders`.
    Raises SandboxError, with what to install, when this machine has nothing of the kind.
    """
    machine = machine or Machine()
    match name:
        case "none":
            return NoSandbox()
        case "bubblewrap":
            return _bubblewrap(readable, machine)
        case "process":
            return _process(readable, machine)
        case "auto":
            works = machine.bubblewrap_works()
            return BubblewrapSandbox(readable) if works else _process(readable, machine)


def _bubblewrap(readable: Sequence[Path], machine: Machine) -> Sandbox:
    if not machine.has_bubblewrap():
        raise SandboxError("Install bubblewrap (for Debian: apt install bubblewrap).")
    if not machine.bubblewrap_works():
        raise SandboxError(
            "bubblewrap is installed but may not make namespaces here; allow unprivileged user "
            "namespaces (kernel.unprivileged_userns_clone, AppArmor), or set the sandbox to "
            "`process`."
        )
    return BubblewrapSandbox(readable)


def _process(readable: Sequence[Path], machine: Machine) -> Sandbox:
    if machine.landlock_version() < 1:
        raise SandboxError(
            "Nothing here can confine the session's code: install bubblewrap (for Debian: "
            "apt install bubblewrap) or run a kernel with Landlock (5.13 or newer, with "
            "lsm=...,landlock). To run it with all your rights all the same, set the sandbox to "
            "`none`."
        )
    return ProcessSandbox(readable)
