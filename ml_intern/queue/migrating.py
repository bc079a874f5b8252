"""Brings a database to the revision of `schema`: creates it whole, or migrates it forward.

Alembic is imported only for a database that is not of that revision.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select

from ml_intern.errors import StoreUnavailable
from ml_intern.queue import schema

_FIRST = "0001"
"""What programs before Alembic created."""
_FOUND = select(schema.alembic_version.c.version_num)


def prepare(connection: Connection, before: Callable[[str], None]) -> None:
    """Create the tables in a new database, or migrate it; in the caller's transaction.

    `before` is called with the revision found when there is something to migrate.
    Raises StoreUnavailable when a newer ml-intern has written it.
    """
    found = revision(connection)
    if found == schema.REVISION:
        return
    if found is None:
        _create(connection)
        return
    if found > schema.REVISION:
        raise StoreUnavailable(
            f"The database has schema {found}, this ml-intern knows {schema.REVISION}; "
            "install the newer version again, or choose another state folder."
        )
    before(found)
    _migrate(connection, found)


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None in a database without ours."""
    tables = inspect(connection)
    if tables.has_table(schema.alembic_version.name):
        found: str = connection.execute(_FOUND).scalar_one()
        return found
    return _FIRST if tables.has_table(schema.schema_version.name) else None


def _create(connection: Connection) -> None:
    schema.metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(schema.alembic_version).values(version_num=schema.REVISION))
    connection.execute(insert(schema.schema_version).values(version=schema.VERSION))
    connection.execute(insert(schema.journal_head).values(position=0))


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    if not inspect(connection).has_table(schema.alembic_version.name):
        command.stamp(config, found)
    command.upgrade(config, schema.REVISION)
