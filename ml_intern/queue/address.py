"""How a person names a database: a path, or a URL of SQLite or PostgreSQL."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ml_intern.errors import InputError

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def parse(words: str) -> URL:
    """The database that `words` name. Raises InputError."""
    if "://" not in words:
        return of_file(Path(words))
    try:
        url = make_url(words)
    except (ArgumentError, ValueError) as exc:
        raise InputError(f"{words!r} is no address of a database: {exc}.") from exc
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise InputError(
            f"{url.drivername} is no database that ml-intern knows. Give a path, sqlite:///PATH or "
            "postgresql://USER@HOST/NAME."
        )
    if driver.startswith("sqlite"):
        return of_file(Path(url.database or ""))
    return url.set(drivername=driver)


def of_file(path: Path) -> URL:
    """Of a SQLite file. Raises InputError where that cannot be a file's name."""
    if path == Path() or str(path) == ":memory:":
        raise InputError("Name a file; a database in memory ends with its process.")
    return URL.create("sqlite+pysqlite", database=str(path.expanduser().absolute()))


def file_of(url: URL) -> Path | None:
    """The SQLite file; None for a server's database."""
    is_file = url.drivername.startswith("sqlite") and url.database
    return Path(str(url.database)) if is_file else None


def shown(url: URL) -> str:
    """As a person may read it, without its password."""
    return str(file_of(url) or url.render_as_string(hide_password=True))
