"""How a person names a database: a path, or a URL of SQLite or PostgreSQL."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ml_intern.errors import InputError

PROGRAM = "ml-intern"
"""As a server knows those who work with its database."""

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


_PASSWORD = "password"
"""In the names of options that are secret: `password`, `sslpassword`."""
_UNREADABLE = (
    "The address of the database cannot be read. Write postgresql://USER@HOST:PORT/NAME; in a "
    "password, @ is %40, : is %3A and / is %2F."
)


def parse(words: str) -> URL:
    """The database that `words` name. Raises InputError, which does not repeat a password."""
    scheme, _, rest = words.partition(":")
    if "://" not in words and not (rest and scheme in _DRIVERS):
        return of_file(Path(words))
    try:
        url = make_url(words)
    except (ArgumentError, ValueError):
        raise InputError(_UNREADABLE) from None  # their words repeat the address
    if "@" in (url.host or ""):
        raise InputError(_UNREADABLE)
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
    """As a person would type it, without its passwords."""
    known = url.difference_update_query(_secret_options(url))
    known = known.set(drivername=url.get_backend_name())
    return str(file_of(url) or known.render_as_string(hide_password=True))


def passwords(url: URL) -> list[str]:
    """All that are in it: as its own part, and among the options."""
    options = [value for name in _secret_options(url) for value in _values(url.query[name])]
    return [*([url.password] if url.password else []), *options]


def _secret_options(url: URL) -> list[str]:
    return [name for name in url.query if _PASSWORD in name]


def _values(option: str | tuple[str, ...]) -> tuple[str, ...]:
    return (option,) if isinstance(option, str) else option
