"""What a session's code may touch, derived from its workplace."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_intern.sandbox.protocol import Access
from ml_intern.tools.protocol import ToolContext, Workplace

MAX_PROCESSES = 512
"""Of one command or job, with all that it starts."""


def access_of(
    place: Workplace, *, extra_read: Sequence[Path] = (), extra_write: Sequence[Path] = ()
) -> Access:
    """Write the workspace, and read nothing else of the person's; network and memory as settled."""
    return Access(
        write=(place.workspace, *extra_write),
        read=tuple(extra_read),
        network=place.network,
        memory_bytes=place.memory_bytes,
        max_processes=MAX_PROCESSES,
    )


def environment_of(place: Workplace, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the session's code; `python` is the training environment's."""
    path = f"{place.training_python.parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    return place.sandbox.environment(home_of(place), {"PATH": path, **(extra or {})})


def home_of(place: Workplace) -> Path:
    """The `HOME` of the session's code: a hidden folder of the workspace. It exists afterwards.

    The code may have put something else there; without a home it could not run to take it away.
    """
    home = place.workspace / ".home"
    if home.is_symlink():
        home.unlink(missing_ok=True)
    try:
        home.mkdir(exist_ok=True)  # reads run side by side: another one may just have made it
    except FileExistsError:
        home.unlink(missing_ok=True)
        home.mkdir(exist_ok=True)
    return home


def output_of(ctx: ToolContext) -> Path:
    """A new file for the output of one command, out of the reach of the session's code."""
    folder = ctx.place.jobs / "output"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{ctx.place.clock.new_id()}.txt"
