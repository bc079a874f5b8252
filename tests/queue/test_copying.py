"""A store moves whole between databases, or not at all."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, inspect, select, text

from ml_intern.errors import Busy, InputError, StoreUnavailable
from ml_intern.messages import SessionId
from ml_intern.queue import address, copying, schema
from ml_intern.queue.invariants import Checker
from ml_intern.queue.postgres import PostgresDatabase
from ml_intern.queue.snapshot import snapshot
from ml_intern.queue.store import Store
from tests.queue.checked import damage, lived_in, told
from tests.queue.given import HERE, HandClock, claimed, new_session

ROWS = {
    "session": 3,
    "op": 11,
    "event": 42,
    "tool_call": 7,
    "approval": 4,
    "job": 2,
    "budget": 0,
    "spend": 0,
    "inbox": 0,
    "outbox": 0,
    "reader": 0,
    "journal_head": 1,
}


def copy(source: URL, target: URL) -> Counter[str]:
    return copying.copy(source, target, "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lived_in(tmp_path / "ml-intern.db")
    return tmp_path / "ml-intern.db"


def all_rows(url: URL) -> dict[str, list[dict[str, Any]]]:
    with snapshot(url) as connection:
        return {
            name: [
                dict(row)
                for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for name, table in schema.metadata.tables.items()
        }


def without_leases(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """As they are to arrive: U was in the middle of a turn."""
    for row in rows["session"]:
        row |= dict.fromkeys(("lease_boot", "lease_pid", "lease_start", "lease_until"))
        row["state"] = "ready" if row["state"] == "leased" else row["state"]
    for row in rows["op"]:
        row["state"] = "queued" if row["state"] == "running" else row["state"]
    return rows


def findings(url: URL) -> list[str]:
    with snapshot(url) as connection:
        return [one.words for one in Checker(connection).findings()]


def test_everything_arrives_but_the_leases(path: Path, tmp_path: Path) -> None:
    source, target = address.of_file(path), address.of_file(tmp_path / "new.db")
    assert copy(source, target) == ROWS
    assert all_rows(target) == without_leases(all_rows(source))
    assert told(tmp_path / "new.db") == []
    assert (tmp_path / "new.db").stat().st_mode & 0o777 == 0o600


def test_what_was_cut_off_goes_on_in_the_copy(path: Path, tmp_path: Path) -> None:
    copy(address.of_file(path), address.of_file(tmp_path / "new.db"))
    store = Store.open(tmp_path / "new.db", HandClock(), HERE)
    claim = claimed(store)
    assert (claim.session_id, claim.op_seq, claim.attempt, claim.lease.token) == ("cccc-3", 1, 2, 2)
    new_session(store, SessionId("next"))
    assert store.journal.last_position() == 43
    store.close()


def test_there_and_back_over_postgresql(path: Path, tmp_path: Path, postgres_url: str) -> None:
    there = address.parse(postgres_url)
    back = address.of_file(tmp_path / "back.db")
    assert copy(address.of_file(path), there) == ROWS
    assert findings(there) == []
    assert copy(there, back) == ROWS
    assert told(tmp_path / "back.db") == []
    expected = without_leases(all_rows(address.of_file(path)))
    assert all_rows(there) == all_rows(back) == expected


def test_nothing_is_copied_from_or_to_a_server_where_a_daemon_works(
    path: Path, tmp_path: Path, postgres_url: str
) -> None:
    there = address.parse(postgres_url)
    daemon = PostgresDatabase(there)
    with pytest.raises(Busy, match="stop it first"):
        copy(there, address.of_file(tmp_path / "back.db"))
    with pytest.raises(Busy, match="stop it first"):
        copy(address.of_file(path), there)
    daemon.close()
    assert not (tmp_path / "back.db").exists()


def test_postgresql_goes_on_numbering_behind_what_came(path: Path, postgres_url: str) -> None:
    damage(
        path,
        "INSERT INTO outbox (session_id, channel, lane, body, dedupe, state, created) "
        "VALUES ('aaaa-1', 'slack', 'C1', '{}', 'k', 'due', 'now')",
    )
    there = address.parse(postgres_url)
    copy(address.of_file(path), there)
    engine = create_engine(there)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (session_id, channel, lane, body, dedupe, state, created) "
                "VALUES ('aaaa-1', 'slack', 'C1', '{}', 'l', 'due', 'now')"
            )
        )
        assert connection.execute(text("SELECT max(id) FROM outbox")).scalar() == 2
    engine.dispose()


def test_damage_on_postgresql_is_found_with_its_place(path: Path, postgres_url: str) -> None:
    there = address.parse(postgres_url)
    copy(address.of_file(path), there)
    engine = create_engine(there)
    with engine.begin() as connection:
        connection.execute(text("UPDATE job SET status = 'running' WHERE job_id = 'j1'"))
        connection.execute(text("DELETE FROM event WHERE session_id = 'cccc-3' AND seq = 4"))
    engine.dispose()
    assert findings(there) == [
        "position is [42]; the last event has 41",
        "status is running; by the journal it is succeeded",
        "next_event is 5; the last event is 3",
    ]


def test_text_that_postgresql_cannot_store_is_named(path: Path, postgres_url: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE session SET detail = ? WHERE id = 'bbbb-2'", ("a\0b",))
    there = address.parse(postgres_url)
    with pytest.raises(InputError, match="detail of session bbbb-2 holds the character 0"):
        copy(address.of_file(path), there)
    engine = create_engine(there)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_target_that_is_in_use_is_left_alone(path: Path, tmp_path: Path) -> None:
    lived_in(tmp_path / "other.db")
    before = (tmp_path / "other.db").read_bytes()
    with pytest.raises(InputError, match="not empty"):
        copy(address.of_file(path), address.of_file(tmp_path / "other.db"))
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_target_with_tables_of_others_is_left_alone(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    with pytest.raises(InputError, match="tables of something else"):
        copy(address.of_file(path), address.of_file(tmp_path / "other.db"))


def test_an_empty_store_is_a_target(path: Path, tmp_path: Path) -> None:
    Store.open(tmp_path / "new.db", HandClock(), HERE).close()
    assert copy(address.of_file(path), address.of_file(tmp_path / "new.db")) == ROWS


def test_a_journal_that_did_not_arrive_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = iter(["one", "other"])
    monkeypatch.setattr(copying, "_checksum", lambda connection: next(sums))
    with pytest.raises(StoreUnavailable, match="did not arrive"):
        copy(address.of_file(path), address.of_file(tmp_path / "new.db"))
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("version", [0, schema.VERSION + 1])
def test_another_schema_is_refused(path: Path, tmp_path: Path, version: int) -> None:
    damage(path, f"UPDATE schema_version SET version = {version}")
    with pytest.raises(InputError, match=f"has schema {version}"):
        copy(address.of_file(path), address.of_file(tmp_path / "new.db"))
    assert not (tmp_path / "new.db").exists()


def test_what_is_no_store_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear aunt " * 1000)
    with pytest.raises(InputError, match="no database of ml-intern"):
        copy(address.of_file(tmp_path / "letter"), address.of_file(tmp_path / "new.db"))
    with pytest.raises(InputError, match="same database"):
        copy(address.of_file(path), address.of_file(path))


def test_sessions_belong_to_the_site_that_was_given(path: Path, tmp_path: Path) -> None:
    target = address.of_file(tmp_path / "new.db")
    copying.copy(address.of_file(path), target, "here")
    assert {row["site"] for row in all_rows(target)["session"]} == {"here"}
