"""Chooses the database of the settings."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from ml_intern.clock import Clock
from ml_intern.daemon.folders import private_folder
from ml_intern.errors import ConfigError
from ml_intern.queue import address
from ml_intern.queue.database import Database
from ml_intern.queue.owner import read_owner
from ml_intern.queue.snapshot import driver_named
from ml_intern.queue.store import Store
from ml_intern.settings import Settings

SITE = "site-id"
"""The file that makes a folder of sessions known to all who share it."""


def open_store(settings: Settings, clock: Clock) -> Store:
    """The SQLite file of the state directory, or the PostgreSQL database of the settings.

    Raises ConfigError, InputError, StoreUnavailable.
    """
    url = database_of(settings)
    path = address.file_of(url)
    if path is not None:
        return Store.open(path, clock)
    return Store(_postgres(url), clock, read_owner(), site_of(settings.sessions_path))


def database_of(settings: Settings) -> URL:
    """Where the store of these settings lies. Raises InputError for what is no address."""
    if settings.database is None:
        return address.of_file(settings.state_dir / "ml-intern.db")
    return address.parse(settings.database.get_secret_value())


def site_of(sessions: Path) -> str:
    """The name of a folder of sessions, the same for all who see it. Raises ConfigError."""
    private_folder(sessions)
    path = sessions / SITE
    try:
        if not path.exists():
            _name(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise ConfigError(
            f"{path} cannot be used ({exc.strerror}); make its folder writable, or set "
            "ML_INTERN_SESSIONS_DIR to another."
        ) from exc


def _name(path: Path) -> None:
    """Whole or not at all, and by the first who comes."""
    mine = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    mine.write_text(f"{uuid.uuid4()}\n", encoding="ascii")
    with suppress(FileExistsError):  # another process was first
        os.link(mine, path)
    mine.unlink()


def _postgres(url: URL) -> Database:
    with driver_named():
        from ml_intern.queue.postgres import PostgresDatabase
    return PostgresDatabase(url)
