"""Backups of a SQLite store: made beside a running daemon, put back while none runs.

A backup is one file, mode 0600, of one moment; nothing that exists is ever written over. What a
restore takes out of the way is kept under a dated name, with its log.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

from ml_intern.errors import InputError, StoreUnavailable
from ml_intern.queue import address, schema
from ml_intern.queue.database import BUSY_TIMEOUT_S
from ml_intern.queue.finding import Finding
from ml_intern.queue.invariants import Checker
from ml_intern.queue.snapshot import snapshot, version_of
from ml_intern.queue.sqlite import writing_alone

MOST_FOUND = 20

_PAGES_AT_ONCE = 2048
_LOGS = ("-wal", "-journal")
_BESIDE = (*_LOGS, "-shm")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV)


def back_up(source: Path, target: Path, tick: Callable[[int], object] = bool) -> list[Finding]:
    """Write what stands in `source` now to the new file `target`, unless it is damaged.

    Returns what is wrong; where that is something, no copy is kept. `tick` is told how many pages
    have been copied. Raises InputError where `target` exists, or its folder or `source` does not,
    StoreUnavailable.
    """
    with _told(target):
        is_taken, has_folder = target.exists(), target.parent.is_dir()
    if is_taken:
        raise InputError(f"{target} exists; name a file that does not.")
    if not has_folder:
        raise InputError(
            f"There is no folder {target.parent}; make it, or name a file in one that exists."
        )
    part = _private_file(target, ".part")
    try:
        with _told(target):
            _copy(source, part, tick)
        found = wrong_with(part)
        if not found:
            _put_new(part, target)
    finally:
        part.unlink(missing_ok=True)
    return found


def restore(backup: Path, path: Path, dated: str) -> Path | None:
    """Put `backup` in the place of `path`; returns where what stood there is now, if it did.

    For the holder of `daemon.lock`, with no connection open. `dated` ends the name of what is kept.
    Whenever it is cut off, `path` is the backup or what stood there, whole: the log is folded into
    the old file first, so that nothing is in it when the file gets its successor.
    Raises InputError, StoreUnavailable; then `path` holds what it held.
    """
    part = _private_file(path, ".restoring")
    try:
        with _told(path):
            _copy(backup, part, bool)
        _demand_whole(backup, part)
        with _told(path), writing_alone(path):
            kept = _keep(path, dated) if path.exists() else None
            # Only beside what is no database some are left; they would be taken for the new one's.
            for rest in _BESIDE:
                path.with_name(path.name + rest).unlink(missing_ok=True)
            part.replace(path)
            _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return kept


def wrong_with(path: Path) -> list[Finding]:
    """The first that a check finds; of a file with another schema only the file is looked at."""
    with snapshot(address.of_file(path)) as connection:
        version = version_of(connection)
        checker = Checker(connection)
        is_known = version is None or version == schema.VERSION
        return list(islice(checker.findings() if is_known else checker.of_file(), MOST_FOUND))


def _copy(source: Path, part: Path, tick: Callable[[int], object]) -> None:
    with snapshot(address.of_file(source)) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        # From the first look on the snapshot stands, whatever is written meanwhile.
        driver.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with closing(sqlite3.connect(part)) as into:
            driver.backup(
                into,
                pages=_PAGES_AT_ONCE,
                progress=lambda _status, left, all_: tick(all_ - left),
            )
            # One file without a log; the store switches the log on again.
            into.execute("PRAGMA journal_mode=DELETE")
        _sync(part)


def _demand_whole(source: Path, part: Path) -> None:
    with closing(sqlite3.connect(part)) as connection:
        try:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as exc:
            found = str(exc)
    if found != "ok":
        raise StoreUnavailable(
            f"{source} is damaged, and so would be its copy, which was not kept: {found}. "
            f"`ml-intern fsck {source}` says more."
        )


def _private_file(path: Path, suffix: str) -> Path:
    """A new empty file beside `path` for this user alone; what an interrupted process left goes."""
    part = path.with_name(path.name + suffix)
    with _told(path):
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return part


def _put_new(part: Path, target: Path) -> None:
    """Give the file its name, if nobody has taken that meanwhile."""
    with _told(target):
        try:
            os.link(part, target)
        except FileExistsError as exc:
            raise InputError(f"{target} exists; name a file that does not.") from exc
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            part.rename(target)  # a file system without links, such as a memory stick's
        _sync(target.parent)


def _fold(path: Path) -> None:
    """Bring all that its log holds into the file, which is then whole alone.

    What is too damaged to be opened stays as it is. Raises StoreUnavailable, sqlite3.Error.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            is_read, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.DatabaseError as exc:
        if not exc.sqlite_errorname.startswith(_DAMAGED):
            raise
        return
    if is_read:
        raise StoreUnavailable(
            f"Another process reads {path}; nothing was changed. Repeat when it has ended."
        )


def _keep(path: Path, dated: str) -> Path:
    """A second name for the database, whose log is folded; for both where it cannot be.

    Raises StoreUnavailable, sqlite3.Error, OSError; then there is no second name.
    """
    kept = path.with_name(f"{path.name}.{dated}")
    names = [kept.with_name(kept.name + rest) for rest in ("", *_LOGS)]
    try:
        for rest, name in zip(("", *_LOGS), names, strict=True):
            there = path.with_name(path.name + rest)
            if there.exists():
                _link_or_copy(there, name)
        _fold(path)
    except (StoreUnavailable, sqlite3.Error, OSError):
        for name in names:
            name.unlink(missing_ok=True)
        raise
    for name in names[1:]:
        if name.exists() and not name.stat().st_size:
            name.unlink()
    _sync(path.parent)
    return kept


def _link_or_copy(there: Path, kept: Path) -> None:
    try:
        os.link(there, kept)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        shutil.copy2(there, kept)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems cannot for folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Speak of `path`, as a person named it, where a file beside it is in the way."""
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        words = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise StoreUnavailable(
            f"{path} could not be made ({words}); nothing else was changed. Look at what was to be "
            "copied, at the space and at the permissions of the folder."
        ) from exc
