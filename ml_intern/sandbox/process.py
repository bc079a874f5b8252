"""A process with Landlock, a system-call filter, limits and a scrubbed environment. Needs no
installation.

Confined code reads the system's public files, the given interpreters and what `Access` names; it
writes what `Access` names, `/dev/shm` and stateless devices. It cannot read, list or write anything
else, look into other processes (their environment, memory, open files), or signal them where the
kernel has Landlock 6. Without `network` it can open no socket but local ones, not even to itself on
loopback.

Not hidden: that a path exists, command lines of other processes, named Unix sockets whose path is
known; and modes and times of the same user's files can be changed. Bubblewrap closes these.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_intern.errors import SandboxError
from ml_intern.sandbox import confine
from ml_intern.sandbox.environment import scrubbed_environment
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.system_paths import (
    accelerator_devices,
    hardware_files,
    plain_devices,
    system_files,
    with_link_targets,
)

_SHARED_MEMORY = "/dev/shm"


class ProcessSandbox:
    """`readable`: folders of the interpreters that confined code may use. Safe from any thread."""

    name = "process"

    def __init__(self, readable: Sequence[Path] = ()) -> None:
        own = [Path(sys.prefix), Path(sys.base_prefix)]
        self._readable = [
            *system_files(),
            *hardware_files(),
            "/proc",
            *with_link_targets([*own, *readable]),
        ]

    def wrap(self, argv: Sequence[str], access: Access, *, cwd: Path) -> list[str]:
        require_confinable(access)
        specification = confine.specification(
            "landlock",
            cwd=str(cwd),
            write=[*map(str, access.write), _SHARED_MEMORY],
            read=[*self._readable, *map(str, access.read)],
            devices=[*plain_devices(), *accelerator_devices()],
            network=access.network,
            memory_bytes=access.memory_bytes,
            max_file_bytes=access.max_file_bytes,
            max_processes=access.max_processes,
        )
        return [sys.executable, "-I", "-S", confine.__file__, *specification, *argv]

    def environment(self, home: Path, extra: Mapping[str, str]) -> dict[str, str]:
        return scrubbed_environment(home, extra)


def require_confinable(access: Access) -> None:
    """Raise SandboxError where Landlock cannot do what `access` demands."""
    if confine.landlock_version() < 1:
        raise SandboxError(
            "This kernel has no Landlock; install bubblewrap, or allow running without a sandbox."
        )
    if not access.network and not confine.can_refuse_network():
        raise SandboxError(
            "This kernel cannot close the network to a process; install bubblewrap, or allow the "
            "network to the session's code."
        )
    missing = [str(path) for path in access.write if not path.exists()]
    if missing:
        raise SandboxError(f"Create {', '.join(missing)} before code may write there.")
