"""Namespaces made by bubblewrap: confined code sees a file system, processes and a network of its
own.

What `Access` does not name does not exist inside. `/tmp` is private and in memory; without
`network` there is only loopback, so that several processes of one training run still find each
other. `--die-with-parent` is always right here: the parent is the supervisor of the command or the
runner of the job, never the daemon. The session's limits, the capabilities and the system-call
filter are set inside, by `confine.py`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from ml_intern.errors import SandboxError
from ml_intern.sandbox import confine
from ml_intern.sandbox.environment import scrubbed_environment, short_names_folder
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.system_paths import (
    accelerator_devices,
    hardware_files,
    system_files,
    with_link_targets,
)

_PROBE_S = 10.0


class BubblewrapSandbox:
    """`readable`: folders of the interpreters that confined code may use. Safe from any thread."""

    name = "bubblewrap"

    def __init__(self, readable: Sequence[Path] = ()) -> None:
        own = [Path(sys.prefix), Path(sys.base_prefix), Path(confine.__file__)]
        interpreters = with_link_targets([*own, *readable])
        self._readable = [*system_files(), *hardware_files(), *interpreters]

    def wrap(self, argv: Sequence[str], access: Access, *, cwd: Path) -> list[str]:
        program = bubblewrap_program()
        if program is None:
            raise SandboxError("Install bubblewrap (bwrap), or choose the sandbox `process`.")
        missing = [str(path) for path in access.write if not path.exists()]
        if missing:
            raise SandboxError(f"Create {', '.join(missing)} before code may write there.")
        specification = confine.specification(
            "namespaces",
            cwd=str(cwd),
            memory_bytes=access.memory_bytes,
            max_file_bytes=access.max_file_bytes,
            max_processes=access.max_processes,
        )
        inner = [sys.executable, "-I", "-S", confine.__file__, *specification, *argv]
        return [program, *_namespaces(access), *self._files(access), "--", *inner]

    def environment(self, home: Path, extra: Mapping[str, str]) -> dict[str, str]:
        return scrubbed_environment(home, extra)

    def _files(self, access: Access) -> Iterable[str]:
        """Mounts, in the order in which they cover each other: writable ones last."""
        yield from ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
        names = str(short_names_folder())
        yield from ("--ro-bind-try", names, names)
        for path in (*self._readable, *map(str, access.read)):
            yield from ("--ro-bind-try", path, path)
        for path in accelerator_devices():
            yield from ("--dev-bind-try", path, path)
        for path in map(str, access.write):
            yield from ("--bind", path, path)
        yield from ("--remount-ro", "/")


@cache
def bubblewrap_works() -> bool:
    """Whether bubblewrap is installed and may make the namespaces that we need. Asked once."""
    program = bubblewrap_program()
    if program is None:
        return False
    command = [program, *_namespaces(Access()), "--ro-bind", "/", "/", "--proc", "/proc", "--"]
    try:
        probe = subprocess.run(
            [*command, "/bin/true"], capture_output=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def bubblewrap_program() -> str | None:
    """Path of `bwrap`, if it is installed."""
    return shutil.which("bwrap", path=f"{os.environ.get('PATH', '')}:/usr/bin:/bin")


def _namespaces(access: Access) -> list[str]:
    alone = [] if access.network else ["--unshare-net"]
    return [
        *("--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"),
        *alone,
        *("--hostname", "localhost", "--die-with-parent"),
    ]
