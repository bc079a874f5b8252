"""Databases of older programs are brought forward with all they hold; newer ones are refused."""

import contextlib
import resource
import sqlite3
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from ml_intern.clock import SystemClock
from ml_intern.errors import StoreUnavailable
from ml_intern.queue import migrating, schema
from ml_intern.queue.address import parse
from ml_intern.queue.postgres import PostgresDatabase
from ml_intern.queue.snapshot import snapshot, version_of
from ml_intern.queue.sqlite import SqliteDatabase
from ml_intern.queue.store import Store
from tests.queue.given import S, claimed, ended, kinds, new_session, turn

FIRST = Path(__file__).parent / "schema_0001.sql"
"""As the first program made it, with a session in it."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "ml-intern.db"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as plain:
        plain.executescript(FIRST.read_text())
    return path


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, schema.metadata))


def test_the_newest_revision_is_the_one_that_is_spoken() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


def test_an_old_file_is_brought_forward_and_goes_on(old: Path) -> None:
    store = Store.open(old, SystemClock())
    assert kinds(store) == ["session_started"]
    store.finish(claimed(store), turn(), ended())
    assert [each.position for each in store.follow(0, 10)] == [1, 2, 3]
    store.close()


def test_a_migrated_file_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    for path in (old, tmp_path / "new" / "ml-intern.db"):
        SqliteDatabase(path, SystemClock()).close()
        engine = create_engine(f"sqlite:///{path}")
        with engine.connect() as connection:
            assert differences(connection) == []
            assert migrating.revision(connection) == schema.REVISION
        engine.dispose()


def test_a_new_server_database_is_as_the_tables_say(postgres_url: str) -> None:
    PostgresDatabase(parse(postgres_url)).close()
    engine = create_engine(parse(postgres_url))
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


def test_an_old_file_is_kept_aside_as_it_was(old: Path) -> None:
    Store.open(old, SystemClock()).close()
    aside = old.with_name("ml-intern.db.schema-0001")
    assert oct(aside.stat().st_mode & 0o777) == "0o600"
    with contextlib.closing(sqlite3.connect(aside)) as plain:
        assert plain.execute("SELECT version FROM schema_version").fetchall() == [(1,)]
        assert plain.execute("SELECT id FROM session").fetchall() == [(S,)]


def test_nothing_is_kept_aside_when_there_is_nothing_to_migrate(old: Path) -> None:
    Store.open(old, SystemClock()).close()
    aside = old.with_name("ml-intern.db.schema-0001")
    aside.unlink()
    Store.open(old, SystemClock()).close()
    assert not aside.exists()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_migrate", half_a_migration)
    with pytest.raises(ZeroDivisionError):
        Store.open(old, SystemClock())
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(old)) as plain:
        tables = [name for (name,) in plain.execute("SELECT name FROM sqlite_schema")]
        assert "half" not in tables
    store = Store.open(old, SystemClock())
    assert kinds(store) == ["session_started"]
    store.close()


def half_a_migration(connection: Connection, _found: str) -> None:
    connection.execute(text("CREATE TABLE half (n INTEGER)"))
    raise ZeroDivisionError


def test_a_newer_server_database_is_refused(postgres_url: str) -> None:
    PostgresDatabase(parse(postgres_url)).close()
    engine = create_engine(parse(postgres_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="newer version"):
        PostgresDatabase(parse(postgres_url))


def test_an_older_program_refuses_the_file(tmp_path: Path) -> None:
    """It looks only at the number in `schema_version`."""
    path = tmp_path / "ml-intern.db"
    store = Store.open(path, SystemClock())
    new_session(store)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as plain:
        (found,) = plain.execute("SELECT version FROM schema_version").fetchone()
    assert found > 1


def test_a_server_database_that_cannot_hold_all_languages_is_refused(postgres_url: str) -> None:
    name = f"{postgres_url.rpartition('/')[2]}_latin"
    with psycopg.connect(postgres_url, autocommit=True) as plain:
        plain.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    url = parse(postgres_url).set(database=name)
    with pytest.raises(StoreUnavailable, match="--encoding=UTF8"):
        PostgresDatabase(url)
    with snapshot(url) as connection:
        assert version_of(connection) is None


def test_a_role_that_may_not_write_is_found_by_the_probe(postgres_url: str) -> None:
    PostgresDatabase(parse(postgres_url)).close()
    role = f"{postgres_url.rpartition('/')[2]}_reader"
    with psycopg.connect(postgres_url, autocommit=True) as plain:
        plain.execute(f"CREATE ROLE {role} LOGIN")
        plain.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    database = PostgresDatabase(parse(postgres_url).set(username=role))
    with pytest.raises(StoreUnavailable, match="owner of the database"):
        database.probe()
    database.close()


def test_without_room_for_the_copy_nothing_is_migrated(old: Path) -> None:
    with contextlib.closing(sqlite3.connect(old)) as plain:
        plain.execute("CREATE TABLE filler AS SELECT zeroblob(1000000) AS words")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        with pytest.raises(StoreUnavailable, match="was not migrated"):
            Store.open(old, SystemClock())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not old.with_name("ml-intern.db.schema-0001").exists()
    store = Store.open(old, SystemClock())
    assert kinds(store) == ["session_started"]
    store.close()
