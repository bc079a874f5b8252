"""`doctor`: looks at everything that a first run needs, and says what to do where it is missing.

Each check stands alone and never raises: a broken one is a finding. Tries things instead of
believing settings: writes a file, confines a command, asks the training interpreter.
"""

import json
import locale
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from rich.console import Console
from rich.text import Text
from sqlalchemy import Connection

from ml_intern import __version__
from ml_intern.cli import exits
from ml_intern.cli.quantities import count, duration, shown, size
from ml_intern.cli.rules_apart import between
from ml_intern.cli.summary import short, tilde
from ml_intern.client.door import Health
from ml_intern.client.remote import connect
from ml_intern.clock import SystemClock
from ml_intern.daemon.cautions import (
    Caution,
    idle_fallbacks,
    left_behind,
    old_sqlite,
    passed_over,
)
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.hub_access import endpoint_of, hub_of, stored_token, token_file, token_of
from ml_intern.daemon.models import AUTOPILOT, Models, known_price, training_python
from ml_intern.daemon.slack import tokens
from ml_intern.daemon.stores import database_of, open_store
from ml_intern.daemon.uploads import traces_of
from ml_intern.effort import Effort
from ml_intern.errors import HubError, HubRefused, MLInternError
from ml_intern.llm.client import ModelClient, window_of
from ml_intern.llm.hosted import GUESS, HostedModel, price_list
from ml_intern.llm.weights import WeightsModel
from ml_intern.queue import address, schema
from ml_intern.queue.lock import DaemonLock
from ml_intern.queue.mail import Undelivered, undelivered
from ml_intern.queue.rows import UnknownRow
from ml_intern.queue.snapshot import snapshot, version_of
from ml_intern.queue.unknowns import unanswered
from ml_intern.sandbox.choose import choose_sandbox
from ml_intern.sandbox.protocol import Access, Sandbox
from ml_intern.sandbox.run import run_confined
from ml_intern.settings import Settings, config_file, load
from ml_intern.slack.drafts import CHANNEL as SLACK
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy.settings import rules_of
from ml_intern.tools.training.environment import HOW_TO_INSTALL, NEEDED
from ml_intern.tracing.upload.ledger import Ledger

Verdict = Literal["ok", "warn", "fail"]

HUB_PATIENCE_S = 15.0
LITTLE_DISK_BYTES = 2 << 30
NO_DISK_BYTES = 100 << 20
PROBE_TIMEOUT_S = 60.0
MOST_NAMED = 5
LATE_MESSAGE = timedelta(minutes=10)
T = TypeVar("T")

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}
_GUARANTEES = {
    "bubblewrap": "code sees only its workspace, its own processes and no network",
    "process": "code reads and writes only its workspace and has no network (Landlock); "
    "it can still see that other paths and processes exist, which bubblewrap would hide",
    "none": "code may do whatever you may do",
}
_HERE = "the settings of this shell"
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


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding."""

    name: str
    verdict: Verdict
    found: str
    next_step: str = ""
    """Empty where nothing is to be done."""


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
    yield _settings()
    for check in (
        _state_dir,
        _database,
        _policy,
        _sqlite,
        _leftovers,
        _outcomes,
        _messages,
        _sandbox,
        _training,
        _model,
    ):
        yield _safely(check, settings)
    yield from _fallbacks(settings)
    yield _safely(prices, settings)
    yield _safely(_lock, settings)
    yield from _slack(settings)
    yield _hub_token(settings)
    yield _safely(_traces, settings)
    yield _terminal()


def _safely(check: Callable[[Settings], Check], settings: Settings) -> Check:
    """The finding, also where looking itself failed."""
    name = check.__name__.strip("_").replace("_", " ")
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


def _settings() -> Check:
    path = config_file()
    words = str(path) if path.is_file() else f"defaults and environment (there is no {path})"
    return Check(name="settings", verdict="ok", found=words)


def _state_dir(settings: Settings) -> Check:
    folder = settings.state_dir
    private_folder(folder)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"x" * 4096)
        file.flush()
        os.fsync(file.fileno())
    free = shutil.disk_usage(folder).free
    verdict: Verdict = "ok" if free >= LITTLE_DISK_BYTES else "warn"
    if free < NO_DISK_BYTES:
        verdict = "fail"
    return Check(
        name="state dir",
        verdict=verdict,
        found=f"{folder}, writable, {size(free)} free",
        next_step="" if verdict == "ok" else "free some disk, or set ML_INTERN_STATE_DIR elsewhere",
    )


def _database(settings: Settings) -> Check:
    """Whether it takes a transaction; whether all in it is right only `fsck` says.

    An older one is not opened: that would migrate it.
    """
    url = database_of(settings)
    path = address.file_of(url)
    if path is not None and not path.exists():
        return Check(name="database", verdict="ok", found=f"{path}: the first task creates it")
    with snapshot(url) as connection:
        version = version_of(connection)
    if version is not None and version < schema.VERSION:
        words = (
            f"{address.shown(url)} has schema {version}; the next start makes it {schema.VERSION}"
        )
        return Check(name="database", verdict="ok", found=words)
    began = time.monotonic()
    store = open_store(settings, SystemClock())
    try:
        store.probe()
    finally:
        store.close()
    took_ms = (time.monotonic() - began) * 1000
    words = f"{address.shown(url)}, opened and written to in {took_ms:.0f} ms"
    return Check(name="database", verdict="ok", found=words)


def _sqlite(settings: Settings) -> Check:
    words = f"SQLite {sqlite3.sqlite_version}"
    return _of_caution("sqlite", old_sqlite(settings), otherwise=words)


def _leftovers(settings: Settings) -> Check:
    words = "no session waits in a database that is not used"
    return _of_caution("leftovers", left_behind(settings), otherwise=words)


def _of_caution(name: str, caution: Caution | None, *, otherwise: str) -> Check:
    if caution is None:
        return Check(name=name, verdict="ok", found=otherwise)
    return _warned(name, caution)


def _warned(name: str, caution: Caution) -> Check:
    return Check(name=name, verdict="warn", found=caution.found, next_step=caution.next_step)


def _outcomes(settings: Settings) -> Check:
    """Calls of which a person is to say what became of them."""
    nothing: list[UnknownRow] = []
    found = _looked_up(settings, unanswered, nothing)
    if not found:
        return Check(name="outcomes", verdict="ok", found="no call waits for a word on its effect")
    calls = ", ".join(f"{one.tool} of {short(one.session_id)}" for one in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    words = f"{count(len(found), 'call')} may have taken effect or not: {calls}{more}"
    step = (
        f"look, and say `ml-intern resolve {short(found[0].session_id)} --retry`, --done or --skip"
    )
    return Check(name="outcomes", verdict="warn", found=words, next_step=step)


def _messages(settings: Settings) -> Check:
    """What was to be told in Slack, and was not."""
    found = _looked_up(settings, lambda connection: undelivered(connection, SLACK), Undelivered())
    age = timedelta() if found.since is None else SystemClock().now() - found.since
    words = f"{count(found.waiting, 'message')} to Slack to be sent"
    if found.waiting:
        words += f", the first since {duration(max(0.0, age.total_seconds()))}"
    if found.refused:
        words += f"; {found.refused:,} of the last 7 days not taken by Slack"
        step = "look for slack_message_lost in the daemon's log"
    elif age > LATE_MESSAGE:
        step = "see that a daemon runs, and what is said of slack below"
    else:
        return Check(name="messages", verdict="ok", found=words)
    return Check(name="messages", verdict="warn", found=words, next_step=step)


def _looked_up(settings: Settings, look: Callable[[Connection], T], otherwise: T) -> T:
    """`otherwise` where there is no database yet, or one whose tables may be others."""
    url = database_of(settings)
    path = address.file_of(url)
    if path is not None and not path.exists():
        return otherwise
    with snapshot(url) as connection:
        return look(connection) if version_of(connection) == schema.VERSION else otherwise


def _policy(settings: Settings) -> Check:
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


def _sandbox(settings: Settings) -> Check:
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


def _training(settings: Settings) -> Check:
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


def _model(settings: Settings) -> Check:
    with closing(Models(settings)) as models:
        return _seen(models.named(settings.model), settings.reasoning_effort, where="`api_base`")


def _fallbacks(settings: Settings) -> Iterator[Check]:
    """Each of them. None is an error: the chain goes on without one that cannot be used."""
    idle = idle_fallbacks(settings)
    if idle is not None:
        yield _warned("fallback", idle)
    with closing(Models(settings)) as models:
        for name in settings.fallback_models:
            if name != settings.model:
                yield from _fallback(name, models, settings)


def _fallback(name: str, models: Models, settings: Settings) -> Iterator[Check]:
    try:
        model, effort = models.named(name), settings.reasoning_effort
        seen = _seen(model, effort, where="its variable in docs/models.md")
        is_priced = known_price(name, settings).origin != "unknown"
    except (MLInternError, OSError, subprocess.SubprocessError) as exc:
        yield _warned("fallback", passed_over(name, exc))
        return
    yield replace(seen, name="fallback")
    if not is_priced:
        words = f"nobody knows what {name} costs, so it is passed over while another one is left"
        step = _how_to_price(name)
        yield Check(name="fallback", verdict="warn", found=words, next_step=step)


def _seen(model: ModelClient, effort: Effort | None, *, where: str) -> Check:
    """What one model takes, and whether it is there. `where`: its address is set."""
    if isinstance(model, WeightsModel):
        return _weights(model)
    name, window = model.name, window_of(model)
    if isinstance(model, HostedModel) and model.is_away():
        return Check(
            name="model",
            verdict="warn",
            found=f"{name}: its server does not answer",
            next_step=f"start it, or check the address ({where})",
        )
    if window is None:
        words = " (in this process: no key, no network, no cost)" if name == AUTOPILOT else ""
        return Check(name="model", verdict="ok", found=name + words)
    words = f"{name}: window {window.tokens:,} ({window.source}), answer {window.answer:,}"
    if isinstance(model, HostedModel):
        words += _effort(model, effort)
    if window.source != GUESS:
        return Check(name="model", verdict="ok", found=words)
    return Check(
        name="model",
        verdict="warn",
        found=words,
        next_step="set what it takes: "
        f"context_windows = {{{json.dumps(name)} = TOKENS}} in config.toml",
    )


def _effort(model: HostedModel, wanted: Effort | None) -> str:
    """The level of the settings, and what becomes of it."""
    if wanted is None:
        return ""
    taken = model.effort_taken()
    if taken is None:
        return f", reasoning_effort {wanted} not asked for: it has no such levels"
    return f", reasoning_effort {wanted}" + (f" (it takes {taken})" if taken != wanted else "")


def _weights(model: WeightsModel) -> Check:
    """Whether a model that is to run here has room now. Imports torch in its process: seconds."""
    weighed, window = model.weigh(), model.window()
    return Check(
        name="model",
        verdict="ok" if weighed["fits"] else "warn",
        found=f"{model.name}: window {window.tokens:,} ({window.source}), answer "
        f"{window.answer:,}; {weighed['words']}",
        next_step=""
        if weighed["fits"]
        else "free memory, choose a smaller model, or set context_windows lower",
    )


def prices(settings: Settings) -> Check:
    """Whether it is known what the model of the settings costs."""
    own = count(len(settings.model_prices), "price")
    words = f"{price_list()}; {own} and {len(settings.free_models)} free by the settings"
    if known_price(settings.model, settings).origin != "unknown":
        return Check(name="prices", verdict="ok", found=words)
    return Check(
        name="prices",
        verdict="warn",
        found=f"{words}; nobody knows what {settings.model} costs, so its sessions wait for a yes",
        next_step=_how_to_price(settings.model),
    )


def _how_to_price(name: str) -> str:
    return (
        "if it is free, such as a server of your own, set free_models = "
        f"[{json.dumps(name)}] in config.toml, else give its price in model_prices"
    )


def _lock(settings: Settings) -> Check:
    pid = DaemonLock(settings.state_dir / "daemon.lock").holder_pid()
    if pid is None:
        words = "nobody works in this state directory now"
    else:
        words = f"process {pid} works in this state directory: {_command_of(pid)}"
    return Check(name="lock", verdict="ok", found=words)


def _command_of(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "its command line cannot be read"
    return " ".join(part.decode(errors="replace") for part in raw.split(b"\0")[:3] if part)


def _slack(settings: Settings) -> Iterator[Check]:
    """Asks Slack, where it is set up."""
    try:
        found = tokens(settings)
    except MLInternError as exc:
        yield Check(name="slack", verdict="fail", found=str(exc))
        return
    if found is None:
        yield _without_tokens(settings)
        return
    # Here, because Slack's client takes half a second to import.
    from ml_intern.slack.examination import examine as examine_slack

    named = [settings.slack_channel, *settings.notify_channels.values()]
    channels = list(dict.fromkeys(name for name in named if name))
    may = (settings.slack_may_start, settings.slack_may_decide)
    for one in examine_slack(*found, settings.slack_api_url, channels, *may):
        verdict: Verdict = "fail" if one.is_fatal else "warn" if one.next_step else "ok"
        yield Check(name="slack", verdict=verdict, found=one.found, next_step=one.next_step)


def _without_tokens(settings: Settings) -> Check:
    """Whoever has set a channel or people wants Slack, and has not got it here."""
    if not (settings.slack_channel or settings.slack_may_start or settings.slack_may_decide):
        return Check(name="slack", verdict="ok", found="not set up (docs/slack.md says how)")
    return Check(
        name="slack",
        verdict="warn",
        found="the settings name a channel or people, but this process has neither token",
        next_step="give SLACK_BOT_TOKEN and SLACK_APP_TOKEN to the daemon, and here to look; "
        "see docs/slack.md",
    )


def _hub_token(settings: Settings) -> Check:
    if settings.hf_token is not None:
        words = "present in the settings"
    elif stored_token() == token_of(settings) is not None:
        words = f"present in {token_file()}"
    else:
        words = "none" if token_of(settings) is None else "present in the environment"
    step = "this version publishes to a folder in any case"
    return Check(name="hub token", verdict="ok", found=f"{words}; {step}")


def _traces(settings: Settings) -> Check:
    """Asks the daemon; where none runs, the Hub, with the settings of this shell."""
    folder = traces_of(settings)
    if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        step = "make it a folder that you may write; what is missing there is written then"
        words = f"are not written: {folder} is no folder that can be written"
        return Check(name="traces", verdict="warn", found=words, next_step=step)
    daemon = connect(settings.socket_path)
    if daemon is not None:
        with daemon:
            return _sent_by(daemon.health(), settings)
    if not settings.traces_upload or token_of(settings) is None:
        why = "there is no token" if settings.traces_upload else "traces_upload is false"
        return Check(name="traces", verdict="ok", found=f"stay here, by {_HERE}: {why}")
    try:
        return _dataset(settings)
    except HubError as exc:
        return _not_sent(f"cannot be sent to {endpoint_of(settings)} with {_HERE}: {exc}")


def _sent_by(daemon: Health, settings: Settings) -> Check:
    who = f"the daemon (process {daemon.pid})"
    if daemon.traces_off:
        return Check(
            name="traces", verdict="ok", found=f"stay here: {who} says {daemon.traces_off}"
        )
    if daemon.traces_trouble:
        return _not_sent(f"are not sent by {who}: {daemon.traces_trouble}")
    ledger = Ledger.load(traces_of(settings))
    seen = {True: ", private", False: ", which everybody can read", None: ""}[ledger.known.private]
    place = f" to {ledger.now}{seen}" if ledger.now else ""
    words = f"{who} sends them{place}; {count(daemon.traces_pending, 'file')} to send"
    if daemon.traces_held:
        return _not_sent(f"{words}, {count(daemon.traces_held, 'file')} held back")
    return Check(name="traces", verdict="ok", found=words)


def _dataset(settings: Settings) -> Check:
    """What a daemon of these settings would do. Raises HubError, ConfigError."""
    with hub_of(settings, patience_s=HUB_PATIENCE_S) as hub:
        who = hub.who()
        repo_id = settings.traces_repo.format(user=who.user)
        place = f"{endpoint_of(settings)}/datasets/{repo_id}"
        if who.role == "read":
            words = f"cannot be sent to {place} with {_HERE}: the token of {who.user} may only read"
            return _not_sent(words)
        try:
            seen = hub.look(repo_id)
        except HubRefused as exc:
            if exc.reason != "missing":
                raise
            words = "which is not there yet"
        else:
            words = "private" if seen.private else "which everybody can read"
    words = f"a daemon with {_HERE} sends them to {place}, {words}"
    return Check(name="traces", verdict="ok", found=words)


def _not_sent(words: str) -> Check:
    step = "see `ml-intern traces status`, or set traces_upload to false"
    return Check(name="traces", verdict="warn", found=words, next_step=step)


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
