"""A machine of its own that boots systemd: this one's root file system, under an overlay that is
thrown away, in systemd-nspawn without a network.

What runs in it is `guest.py`; what it finds out comes back as facts, one line of JSON each, with a
log for people. Needs root. Everything mounted and every process ends with the process that `boot`
starts.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[3]
PROJECT = "/opt/ml-intern"
DATA = "/srv/data"
SHARED = "/run/scenario"
PATIENCE_S = 500.0

_LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
"""Refused to a container unless it is asked for; a machine has it."""
_GUEST = f"""\
[Unit]
After=basic.target dbus.socket
Wants=dbus.socket
FailureAction=poweroff-immediate
SuccessAction=poweroff-immediate

[Service]
Type=oneshot
TimeoutStartSec=infinity
Environment=PYTHONPATH={PROJECT} PYTHONUNBUFFERED=1
ExecStart={{python}} -m tests.scenario.systemd.guest
WorkingDirectory=/
StandardOutput=file:{SHARED}/output.txt
StandardError=inherit
"""
# A container's /proc is partly covered, and the kernel then refuses bubblewrap a /proc of its own,
# unless the host's can still be found below. A machine has one that is whole: so has this one, and
# the host's does not count.
_BOOT = """\
set -eu
mount --bind /proc/irq /proc/irq
mount -t tmpfs -o mode=755 root "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
for folder in $3; do chmod o+x "$1/root$folder"; done
cp "$2/scenario.service" "$1/root/etc/systemd/system/"
root=$1/root
shift 3
exec systemd-nspawn --quiet --directory="$root" --private-network "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Booted:
    """What a machine has told, and its logs for people."""

    facts: dict[str, Any]
    output: str


def why_not() -> str | None:
    """Why no machine can be booted here; None when one can."""
    if os.geteuid() != 0:
        return "only root can boot a machine in systemd-nspawn"
    for program, package in (
        ("systemd-nspawn", "systemd-container"),
        ("dbus-daemon", "dbus"),
        ("runuser", "util-linux"),
    ):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: apt-get install {package})"
    return None


def boot(folder: Path, data: Path) -> Booted:
    """Boot a machine, run `guest.py` in it to its end; `data` lies in it as `DATA`."""
    root, shared = folder / "root", folder / "shared"
    root.mkdir()
    shared.mkdir()
    (shared / "scenario.service").write_text(_GUEST.format(python=sys.executable))
    (shared / "hidden.json").write_text(json.dumps(_hidden_prefixes()))
    closed = " ".join(_closed_folders())
    script = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _BOOT, "boot"]
    command = [*script, str(root), str(shared), closed, *_machine(shared, data)]
    console = folder / "console.txt"
    with console.open("wb") as sink, _own_groups() as join:
        running = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"},
            preexec_fn=join,
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):  # the facts say how far it came
                running.wait(PATIENCE_S)
        finally:
            running.kill()
            running.wait()
    return Booted(facts=_facts(shared), output=_words(console, shared))


def _machine(shared: Path, data: Path) -> list[str]:
    """What systemd-nspawn is told besides the root."""
    binds = [f"--bind-ro={path}" for path in sorted({sys.prefix, sys.base_prefix})]
    registered = [] if Path("/run/systemd/system").is_dir() else ["--register=no", "--keep-unit"]
    return [
        *registered,
        f"--machine=ml-intern-{uuid4().hex[:12]}",
        f"--system-call-filter={_LANDLOCK}",
        *binds,
        f"--bind-ro={ROOT}:{PROJECT}",
        f"--bind-ro={data}:{DATA}",
        f"--bind={shared}:{SHARED}",
        "--boot",
        "systemd.unit=scenario.service",
    ]


def _hidden_prefixes() -> list[str]:
    """Where our interpreter lives, as far as the service's own file system does not show it."""
    hidden = ("/root", "/home", "/tmp", "/var/tmp")
    prefixes = sorted({sys.prefix, sys.base_prefix})
    return [path for path in prefixes if path.startswith(tuple(f"{name}/" for name in hidden))]


def _closed_folders() -> list[str]:
    """Folders above our interpreter that only their owner may pass."""
    above = {parent for prefix in (sys.prefix, sys.base_prefix) for parent in Path(prefix).parents}
    return [str(path) for path in sorted(above) if not path.stat().st_mode & 0o001]


@contextlib.contextmanager
def _own_groups() -> Iterator[Any]:
    """Control groups for this machine alone, where no systemd looks after them: two machines at
    once would else take each other's groups for their own. Yields what a new process calls to
    enter.
    """
    made = [folder for folder in _groups() if _made(folder)]

    def join() -> None:
        for folder in made:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    try:
        yield join
    finally:
        for folder in made:
            for inner in sorted(folder.rglob("*/"), reverse=True):
                with contextlib.suppress(OSError):
                    inner.rmdir()
            with contextlib.suppress(OSError):
                folder.rmdir()


def _groups() -> list[Path]:
    if Path("/run/systemd/system").is_dir():
        return []
    mounts = {"name=systemd": "/sys/fs/cgroup/systemd", "": "/sys/fs/cgroup/unified"}
    name = f"ml-intern-scenario-{uuid4().hex[:12]}"
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    return [
        Path(mounts[controllers]) / own.lstrip("/") / name
        for _number, controllers, own in lines
        if controllers in mounts
    ]


def _made(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.mkdir()
        return True
    return False


def _facts(shared: Path) -> dict[str, Any]:
    try:
        lines = (shared / "facts.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {fact["fact"]: fact["value"] for fact in map(json.loads, lines)}


def _words(console: Path, shared: Path) -> str:
    """What was written on the console, by the guest, and into the service's journal."""
    return "\n".join(
        f"--- {path.name}\n{path.read_text(errors='replace')[-8000:]}"
        for path in (console, shared / "output.txt", shared / "journal.txt")
        if path.exists()
    )
