"""`db backup`, `db restore`, `db copy`: the database as a whole, moved and kept with care."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from ml_intern.cli import exits
from ml_intern.cli.checking import Progress
from ml_intern.cli.quantities import count, line, size
from ml_intern.clock import SystemClock
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.stores import database_of, site_of
from ml_intern.errors import Busy, InputError
from ml_intern.queue import address, copying, schema
from ml_intern.queue.backup import MOST_FOUND, back_up, restore, wrong_with
from ml_intern.queue.finding import Finding
from ml_intern.queue.lock import DaemonLock
from ml_intern.queue.snapshot import snapshot, version_of
from ml_intern.settings import Settings, load

_HELD = (
    "Process {pid} works in {folder}; stop it first (`systemctl stop ml-intern`, or SIGTERM), "
    "then repeat."
)


def backup(named: str | None) -> int:
    """Copy the database to a new file; prints its path."""
    settings = load()
    target = _default_target(settings) if named is None else _named(named)
    progress = Progress(sys.stderr, "page")
    source = _path(settings)
    found = back_up(source, target, progress.tell)
    progress.clear()
    if found:
        return _refuse(source, found, "no copy was kept. Everything that is wrong")
    sys.stdout.write(f"{target}\n")
    sys.stderr.write(f"Backed up and looked through: {size(target.stat().st_size)}.\n")
    return exits.DONE


def put_back(named: str) -> int:
    """Check a backup and put it in the place of the database."""
    settings = load()
    chosen, path = _named(named), _path(settings)
    if chosen == path:
        raise InputError(f"{chosen} is the database itself; name a backup of it.")
    private_folder(settings.state_dir)
    with stopped(settings.state_dir):
        _refuse_newer(chosen)
        found = wrong_with(chosen)
        if found:
            return _refuse(
                chosen, found, "nothing was changed. Take another backup. Everything that is wrong"
            )
        kept = restore(chosen, path, _now().strftime("%Y-%m-%dT%H-%M-%SZ"))
    sys.stdout.write(f"{path} is now what {chosen} holds.\n")
    if kept is not None:
        sys.stdout.write(f"What stood there is kept: {kept}\n")
    return exits.DONE


def copy(source: str, target: str) -> int:
    """Move the whole store into another, empty database."""
    urls = address.parse(source), address.parse(target)
    site = "" if address.file_of(urls[1]) else site_of(load().sessions_path)
    progress = Progress(sys.stderr)
    with ExitStack() as both:
        for folder in sorted({path.parent for url in urls if (path := address.file_of(url))}):
            # Beside any other file there is no daemon to be stopped.
            if (folder / "daemon.lock").exists():
                both.enter_context(stopped(folder))
        rows = copying.copy(*urls, site, progress.tell)
    progress.clear()
    listed = ", ".join(f"{table} {number:,}" for table, number in sorted((+rows).items()))
    sys.stdout.write(f"{count(rows.total(), 'row')} copied and compared: {listed}.\n")
    return exits.DONE


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """No process works in this state directory meanwhile. Raises Busy."""
    lock = DaemonLock(folder / "daemon.lock")
    if not lock.try_acquire():
        raise Busy(_HELD.format(pid=lock.holder_pid(), folder=folder), retry_after_s=0.0)
    try:
        yield
    finally:
        lock.release()


def _refuse_newer(chosen: Path) -> None:
    """Raises InputError for a backup that this ml-intern cannot use at all."""
    with snapshot(address.of_file(chosen)) as connection:
        version = version_of(connection)
    if version is not None and version > schema.VERSION:
        raise InputError(
            f"{chosen} has schema {version}, this ml-intern knows {schema.VERSION}; install "
            "the version that wrote it."
        )


def _refuse(chosen: Path, found: list[Finding], so: str) -> int:
    for one in found:
        sys.stdout.write(f"{one.table}\t{line(one.place)}\t{line(one.words)}\n")
    many = f"{count(len(found), 'finding')}{' or more' if len(found) == MOST_FOUND else ''}"
    sys.stderr.write(
        f"ml-intern: {chosen} is damaged ({many}), so {so}, and what to do: "
        f"ml-intern fsck {shlex.quote(str(chosen))}\n"
    )
    return exits.DAMAGED


def _named(words: str) -> Path:
    """The file of a backup. Raises InputError for a server's database."""
    path = address.file_of(address.parse(words))
    if path is None:
        raise InputError("A backup is a file; name its path.")
    return path


def _path(settings: Settings) -> Path:
    """The file of the settings. Raises InputError where they name a server."""
    path = address.file_of(database_of(settings))
    if path is None:
        raise InputError(
            "The database of the settings is a server's; back it up by its own means (pg_dump), or "
            "`ml-intern db copy` it into a file."
        )
    return path


def _default_target(settings: Settings) -> Path:
    folder = settings.state_dir / "backups"
    private_folder(folder)
    return folder / f"ml-intern-{_now().strftime('%Y-%m-%dT%H-%M-%SZ')}.db"


def _now() -> datetime:
    return SystemClock().now()
