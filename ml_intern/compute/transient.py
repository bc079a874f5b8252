"""A systemd unit for one job alone, so that the job has a control group of its own and is no part
of the service that started it.

The unit is a scope of the *user* manager of whoever we run as: that of a person who is logged in
or lingers, or of the service's own user after `loginctl enable-linger`. It needs no privilege at
all. The system's manager is asked only by root: to let another user ask it takes a polkit rule, and
such a rule would let that user start any unit, as root.

A scope is entered, not forked: the job keeps the name spaces, limits and system-call filter of the
service. Where there is no such manager, it does not answer, or it refuses, the job starts without a
unit; the service must then not kill its whole control group on a stop (`KillMode=process`).
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

UNIT_PREFIX = "ml-intern-job-"
PATIENCE_S = 20.0
"""A manager that hangs must not hold up a job for longer."""
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_LONGEST_DESCRIPTION = 120


class Manager(NamedTuple):
    """How to reach the manager that may give us units."""

    command: list[str]
    environment: dict[str, str]


class Launch(NamedTuple):
    """A command that enters a new unit and then becomes the given one."""

    argv: list[str]
    environment: dict[str, str]


def find_manager(environment: Mapping[str, str], uid: int) -> Manager | None:
    """The manager of a process with this environment and user. It may refuse all the same."""
    program = shutil.which("systemd-run", path=environment.get("PATH", os.defpath))
    if program is None:
        return None
    if uid == 0:
        return Manager([program], {})
    folder = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}")
    if not (folder / "systemd").is_dir():
        return None
    return Manager([program, "--user"], {"XDG_RUNTIME_DIR": str(folder)})


def launch_in_unit(
    manager: Manager,
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    run_id: str,
    description: str,
) -> Launch:
    """How to start `argv` with `environment` in a unit of its own."""
    shown = _UNPRINTABLE.sub("?", description)[:_LONGEST_DESCRIPTION]
    names = [f"--unit={UNIT_PREFIX}{run_id}", f"--description={shown}"]
    # A unit that manages its own processes is not stopped as a whole when one of them runs out of
    # memory: the runner lives to write down how the job ended.
    options = ["--scope", "--collect", "--quiet", "--property=Delegate=yes"]
    return Launch(
        [*manager.command, *options, *names, "--", *argv], {**environment, **manager.environment}
    )
