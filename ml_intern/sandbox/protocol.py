"""Where code runs: what a sandbox may be asked, whichever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Access:
    """What confined code may touch, beyond the system's own read-only files.

    A path that is in neither tuple cannot be seen. Write access contains read access.
    """

    write: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()
    network: bool = False
    memory_bytes: int | None = None
    """Address space (RLIMIT_AS) of each process; None keeps the limit that we run under."""
    max_file_bytes: int | None = None
    """Largest file that may be written (RLIMIT_FSIZE)."""
    max_processes: int | None = None


class Sandbox(Protocol):
    """Turns a command into one that runs confined. Starts nothing itself."""

    name: str
    """`process`, `bubblewrap` or `none`."""

    def wrap(self, argv: Sequence[str], access: Access, *, cwd: Path) -> list[str]:
        """The command to start instead of `argv`; it ends with `argv`'s exit status.

        Raises SandboxError when this machine cannot confine it as `access` demands.
        """
        ...

    def environment(self, home: Path, extra: Mapping[str, str]) -> dict[str, str]:
        """The whole environment for the command: scrubbed of secrets, `HOME` and `TMPDIR` below
        `home`.
        """
        ...
