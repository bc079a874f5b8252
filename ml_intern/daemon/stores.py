"""Chooses the database of the settings."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from ml_intern.clock import Clock
from ml_intern.daemon.folders import private_folder
from ml_intern.errors import ConfigError
from ml_intern.queue.database import Database
from ml_intern.queue.owner import read_owner
from ml_intern.queue.store import Store
from ml_intern.settings import Settings

SITE = "site-id"
"""The file that makes a folder of sessions known to all who share it."""


def open_store(settings: Settings, clock: Clock) -> Store:
    """The SQLite file of the state directory, or the PostgreSQL database of the settings.

    Raises ConfigError, StoreUnavailable.
    """
    if settings.database is None:
        return Store.open(settings.state_dir / "ml-intern.db", clock)
    url = settings.database.get_secret_value()
    return Store(_postgres(url, clock), clock, read_owner(), site_of(settings.sessions_path))


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
    with suppress(FileExistsError):
        os.link(mine, path)
    mine.unlink()


def _postgres(url: str, clock: Clock) -> Database:
    try:
        from ml_intern.queue.postgres import PostgresDatabase, parse
    except ImportError as exc:
        raise ConfigError(
            "database names a PostgreSQL database; that needs `pip install 'ml-intern[postgres]'`."
        ) from exc
    return PostgresDatabase(parse(url), clock)
