"""`doctor`: looks at everything that a first run needs, and says what to do where it is missing.

Each check stands alone and never raises: a broken one is a finding. Tries things instead of
believing settings: writes a file, confines a command, asks the training interpreter.
"""

import json
import locale
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from ml_intern import __version__
from ml_intern.cli import exits
from ml_intern.cli.doctor import models, outside, running, state
from ml_intern.cli.doctor.check import Check
from ml_intern.cli.quantities import shown
from ml_intern.cli.summary import tilde
from ml_intern.errors import MLInternError
from ml_intern.settings import Settings, config_file, load

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def doctor(*, as_json: bool) -> int:
    """Check everything; status 78 when something fails that a run needs."""
    checks = list(examine())
    failed = any(check.verdict == "fail" for check in checks)
    if as_json:
        document = {"version": __version__, "ok": not failed, "checks": [asdict(c) for c in checks]}
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        _print(checks, failed=failed)
    return exits.CONFIGURATION if failed else exits.DONE


def examine() -> Iterator[Check]:
    """All checks, as far as the settings can be read."""
    yield _python()
    try:
        settings = load()
    except MLInternError as exc:
        yield Check(name="settings", verdict="fail", found=str(exc), next_step="mend the setting")
        return
    yield _settings_file()
    for check in (
        state.state_dir,
        state.database,
        running.policy,
        state.sqlite,
        state.leftovers,
        state.outcomes,
        state.messages,
        running.sandbox,
        running.training,
        models.model,
    ):
        yield _safely(check, settings)
    yield from models.fallbacks(settings)
    yield _safely(models.prices, settings)
    yield _safely(state.lock, settings)
    yield from outside.slack(settings)
    yield outside.hub_token(settings)
    yield _safely(outside.traces, settings)
    yield _terminal()


def _safely(check: Callable[[Settings], Check], settings: Settings) -> Check:
    """The finding, also where looking itself failed."""
    name = check.__name__.replace("_", " ")
    try:
        return check(settings)
    except OSError as exc:
        words = f"{exc.filename or settings.state_dir}: {exc.strerror}"
    except (MLInternError, subprocess.SubprocessError) as exc:
        words = str(exc)
    return Check(name=name, verdict="fail", found=words, next_step="mend this, or the setting")


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    right = sys.version_info >= (3, 11)
    return Check(
        name="python",
        verdict="ok" if right else "fail",
        found=f"{version} ({sys.executable})",
        next_step="" if right else "use Python 3.11 or newer",
    )


def _settings_file() -> Check:
    path = config_file()
    words = str(path) if path.is_file() else f"defaults and environment (there is no {path})"
    return Check(name="settings", verdict="ok", found=words)


def _terminal() -> Check:
    encoding = (getattr(sys.stdout, "encoding", None) or locale.getpreferredencoding()).lower()
    columns, rows = shutil.get_terminal_size()
    kind = "terminal" if sys.stdout.isatty() else "pipe or file"
    utf8 = encoding.replace("-", "") == "utf8"
    return Check(
        name="terminal",
        verdict="ok" if utf8 else "warn",
        found=f"{kind}, {columns} x {rows}, {encoding}",
        next_step="" if utf8 else "set LC_ALL=C.UTF-8 to see all characters",
    )


def _print(checks: list[Check], *, failed: bool) -> None:
    console = Console(highlight=False)
    for check in checks:
        mark, style = _MARKS[check.verdict]
        text = Text.assemble((f"{mark} ", style), f"{check.name:<10} ", shown(tilde(check.found)))
        if check.next_step:
            text.append(f"\n             → {check.next_step}", "cyan")
        console.print(text, soft_wrap=True)
    words = "Something that a run needs is missing." if failed else "Ready."
    console.print(Text(words, "bold red" if failed else "bold green"))
