"""How the code of sessions is allowed to run, and in what."""

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from ml_intern.cli.doctor.check import Check
from ml_intern.cli.quantities import count
from ml_intern.cli.rules_apart import between
from ml_intern.client.remote import connect
from ml_intern.daemon.models import training_python
from ml_intern.sandbox.choose import choose_sandbox
from ml_intern.sandbox.protocol import Access, Sandbox
from ml_intern.sandbox.run import run_confined
from ml_intern.settings import Settings
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy.settings import rules_of
from ml_intern.tools.training.environment import HOW_TO_INSTALL, NEEDED

PROBE_TIMEOUT_S = 60.0
_GUARANTEES = {
    "bubblewrap": "code sees only its workspace, its own processes and no network",
    "process": "code reads and writes only its workspace and has no network (Landlock); "
    "it can still see that other paths and processes exist, which bubblewrap would hide",
    "none": "code may do whatever you may do",
}
_PEEK = """
import pathlib, sys
try:
    print("read", pathlib.Path(sys.argv[1]).read_text())
except OSError:
    print("refused")
"""
_VERSIONS = """
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def policy(settings: Settings) -> Check:
    rules = rules_of(settings.policy, all_tools())
    words = (
        f"{count(len(rules), 'rule')} of the settings, then the defaults"
        if rules
        else "the defaults"
    )
    found = f"{words}; `ml-intern policy list`"
    daemon = connect(settings.socket_path)
    if daemon is None:
        return Check(name="policy", verdict="ok", found=found)
    with daemon:
        apart = between(daemon, settings)
    if apart.found:
        found, step = f"{found}. {apart.found}", apart.next_step
        return Check(name="policy", verdict="warn", found=found, next_step=step)
    return Check(name="policy", verdict="ok", found=found)


def sandbox(settings: Settings) -> Check:
    sandbox = choose_sandbox(settings.sandbox)
    seen = _peek(sandbox, settings.state_dir)
    words = f"{sandbox.name}: {_GUARANTEES.get(sandbox.name, 'unknown')}"
    if sandbox.name == "none":
        step = "set sandbox to auto, unless you mean it"
        return Check(name="sandbox", verdict="warn", found=words, next_step=step)
    if seen != "refused":
        return Check(
            name="sandbox",
            verdict="fail",
            found=f"{sandbox.name}: a confined command did not behave: {seen}",
            next_step="install bubblewrap (Debian: apt install bubblewrap)",
        )
    return Check(name="sandbox", verdict="ok", found=f"{words}; tried")


def _peek(sandbox: Sandbox, folder: Path) -> str:
    """What confined code gets of a file that it may not read."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="doctor-") as name:
        inside, outside = Path(name) / "inside", Path(name) / "outside"
        inside.mkdir()
        outside.write_text("kept out")
        done = run_confined(
            sandbox,
            [sys.executable, "-I", "-S", "-c", _PEEK, str(outside)],
            access=Access(write=(inside,)),
            cwd=inside,
            environment=sandbox.environment(inside, {}),
            timeout_s=PROBE_TIMEOUT_S,
            cancelled=threading.Event(),
            output=Path(name) / "output",
        )
    return done.text.strip()


def training(settings: Settings) -> Check:
    python = training_python(settings)
    done = subprocess.run(
        [python, "-I", "-c", _VERSIONS, *NEEDED],
        capture_output=True,
        text=True,
        timeout=PROBE_TIMEOUT_S,
        check=True,
    )
    versions = json.loads(done.stdout)
    missing = [name for name in NEEDED if name not in versions]
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Check(
        name="training",
        verdict="fail" if missing else "ok",
        found=f"{python}: {listed}" + (f"; missing: {', '.join(missing)}" if missing else ""),
        next_step=HOW_TO_INSTALL if missing else "",
    )
