"""What is stored: the folder, the database, and what waits in it for a person."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from ml_intern.cli.doctor.check import Check, Verdict, of_caution
from ml_intern.cli.quantities import count, duration, size
from ml_intern.cli.summary import short
from ml_intern.clock import SystemClock
from ml_intern.daemon.cautions import (
    left_behind,
    old_sqlite,
)
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.stores import database_of, open_store
from ml_intern.queue import address, schema
from ml_intern.queue.lock import DaemonLock
from ml_intern.queue.mail import Undelivered, undelivered
from ml_intern.queue.rows import UnknownRow
from ml_intern.queue.snapshot import snapshot, version_of
from ml_intern.queue.unknowns import unanswered
from ml_intern.settings import Settings
from ml_intern.slack.drafts import CHANNEL as SLACK

LITTLE_DISK_BYTES = 2 << 30
NO_DISK_BYTES = 100 << 20
MOST_NAMED = 5
LATE_MESSAGE = timedelta(minutes=10)
T = TypeVar("T")


def state_dir(settings: Settings) -> Check:
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


def database(settings: Settings) -> Check:
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


def sqlite(settings: Settings) -> Check:
    words = f"SQLite {sqlite3.sqlite_version}"
    return of_caution("sqlite", old_sqlite(settings), otherwise=words)


def leftovers(settings: Settings) -> Check:
    words = "no session waits in a database that is not used"
    return of_caution("leftovers", left_behind(settings), otherwise=words)


def outcomes(settings: Settings) -> Check:
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


def messages(settings: Settings) -> Check:
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


def lock(settings: Settings) -> Check:
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
