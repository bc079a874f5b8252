"""What keeps nobody from working, and is worth a word before the work begins."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from ml_intern.daemon.models import Models, chain_of
from ml_intern.daemon.stores import database_of
from ml_intern.errors import ConfigError, MLInternError
from ml_intern.queue import address
from ml_intern.queue.schema import session
from ml_intern.queue.snapshot import snapshot
from ml_intern.settings import Settings

_Version = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Caution:
    """What is so, and what to do about it."""

    found: str
    next_step: str


def cautions(settings: Settings, version: _Version = sqlite3.sqlite_version_info) -> list[Caution]:
    """All that hold for these settings; none where they cannot be looked at. Changes nothing."""
    found = old_sqlite(settings, version), left_behind(settings), idle_fallbacks(settings)
    return [*(one for one in found if one is not None), *unusable_fallbacks(settings)]


def old_sqlite(
    settings: Settings, version: _Version = sqlite3.sqlite_version_info
) -> Caution | None:
    """Whether the file can be damaged by a stranger that writes to it beside the daemon.

    Our own processes write and fold the log one after the other, which does not bring the bug out.
    """
    if address.file_of(database_of(settings)) is None or _has_mended_log(version):
        return None
    words = ".".join(str(part) for part in version)
    return Caution(
        found=f"SQLite {words} can damage a database that two programs write to at the same time "
        "(mended in 3.51.3); the processes of ml-intern take turns",
        next_step="let no other program write to the database while ml-intern works, or use a "
        "Python with a newer SQLite",
    )


def _has_mended_log(version: _Version) -> bool:
    return version >= (3, 53) or (3, 51, 3) <= version < (3, 52)


def left_behind(settings: Settings) -> Caution | None:
    """Sessions in the file of the state directory that nobody goes on with: a server is used."""
    file = settings.state_dir / "ml-intern.db"
    url = database_of(settings)
    if address.file_of(url) is not None or not file.is_file():
        return None
    try:
        with snapshot(address.of_file(file)) as connection:
            of = select(func.count()).where(session.c.state != "idle")
            number = connection.execute(of).scalar_one()
    except (MLInternError, DBAPIError):  # whether it is damaged `fsck` says
        return None
    if not number:
        return None
    return Caution(
        found=f"{file} holds {number} unfinished session{'' if number == 1 else 's'}, which nobody "
        f"goes on with: the database is {address.shown(url)}",
        next_step=f"bring them over with `ml-intern db copy {file} URL` into an empty database, or "
        "finish them without the setting `database`; else move the file away",
    )


def idle_fallbacks(settings: Settings) -> Caution | None:
    """Models that are to go on for one that no other can go on for."""
    if not settings.fallback_models or len(chain_of(settings.model, settings)) > 1:
        return None
    return Caution(
        found=f"no model goes on in place of {settings.model}: fallback_models are for sessions of "
        "other models",
        next_step="set `model`, or choose one for a session with `ml-intern model ID NAME`",
    )


def unusable_fallbacks(settings: Settings) -> list[Caution]:
    """Those that lack a key, an address or their weights. Asks no server."""
    found: list[Caution] = []
    with closing(Models(settings)) as models:
        for name in settings.fallback_models:
            try:
                models.named(name)
            except ConfigError as exc:
                found.append(passed_over(name, exc))
    return found


def passed_over(name: str, why: Exception) -> Caution:
    """Of a fallback that cannot be used, so that the next one is asked."""
    return Caution(
        found=f"the fallback {name} is passed over: {why}",
        next_step="mend this, or take it out of fallback_models",
    )
