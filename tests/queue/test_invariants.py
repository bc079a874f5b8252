"""Each invariant is broken by hand, and the finding names the place; a whole store gives none."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ml_intern.queue import schema
from ml_intern.queue.invariants import Checker
from ml_intern.queue.store import Store
from tests.queue.checked import damage, edited, findings, lived_in, snapshot, told
from tests.queue.given import HERE, HandClock

S, T, U = "'aaaa-1'", "'bbbb-2'", "'cccc-3'"
TABLES = ("session", "op", "event", "tool_call", "approval", "job", "outbox")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "ml-intern.db"
    lived_in(path)
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return shutil.copy(whole, tmp_path / "ml-intern.db")


def test_a_store_in_which_everything_has_happened_is_whole(path: Path) -> None:
    assert told(path) == []


def test_a_new_store_is_whole(tmp_path: Path) -> None:
    Store.open(tmp_path / "new.db", HandClock(), HERE).close()
    assert told(tmp_path / "new.db") == []


def test_the_rows_are_counted(path: Path) -> None:
    with snapshot(path) as connection:
        checker = Checker(connection)
        list(checker.findings())
    assert checker.rows == {
        "session": 3, "op": 11, "event": 42, "tool_call": 7, "approval": 4, "job": 2
    }  # fmt: skip


def set_(table: str, column: str, value: str, where: str) -> str:
    return f"UPDATE {table} SET {column} = {value} WHERE {where}"


def of(session: str, **key: object) -> str:
    more = "".join(f" AND {name} = {value!r}" for name, value in key.items())
    return f"session_id = {session}{more}"


BROKEN = {
    # The journal's numbers
    "event lost": (
        f"DELETE FROM event WHERE {of(S, seq=20)}",
        ["event | position 21 | positions have a gap: 20 should come here",
         "event | session aaaa-1, event 21 | numbers have a gap: 20 should come here"],
    ),
    "last event lost": (
        f"DELETE FROM event WHERE {of(U, seq=4)}",
        ["journal_head | its one row | position is [42]; the last event has 41",
         "session | session cccc-3 | next_event is 5; the last event is 3"],
    ),
    "next event": (
        set_("session", "next_event", "99", f"id = {U}"),
        ["session | session cccc-3 | next_event is 99; the last event is 4"],
    ),
    "position": (
        set_("event", "position", "99", of(S, seq=20)),
        ["event | position 21 | positions have a gap: 20 should come here",
         "event | position 99 | positions have a gap: 43 should come here",
         "journal_head | its one row | position is [42]; the last event has 99",
         "event | session aaaa-1, event 21 | its position 21 is not above 99, of the one before"],
    ),
    "head": (
        "UPDATE journal_head SET position = 7",
        ["journal_head | its one row | position is [7]; the last event has 42"],
    ),
    "no head": (
        "DELETE FROM journal_head",
        ["journal_head | its one row | position is []; the last event has 42"],
    ),
    "no events": (
        f"DELETE FROM event WHERE {of(U)}",
        ["journal_head | its one row | position is [42]; the last event has 38",
         "session | session cccc-3 | next_event is 5; the last event is 0",
         "event | session cccc-3 | the session has no events"],
    ),
    # The journal's rows
    "data": (
        set_("event", "data", "'{}'", of(S, seq=20)),
        ["event | session aaaa-1, event 20 | it cannot be read: Unable"
         " to extract tag using discriminator 'kind'"],
    ),
    "kind": (
        set_("event", "kind", "'undone'", of(S, seq=20)),
        ["event | session aaaa-1, event 20 | kind is undone; its document is job_progressed"],
    ),
    "at": (
        set_("event", "at", "'2026-13-01T00:00:00.000Z'", of(S, seq=20)),
        ["event | session aaaa-1, event 20 | at is no time: 2026-13-01T00:00:00.000Z"],
    ),
    # Ops
    "op lost": (
        f"DELETE FROM op WHERE {of(S, seq=7)}",
        ["op | session aaaa-1, op 8 | numbers have a gap: 7 should come here"],
    ),
    "next op": (
        set_("session", "next_op", "2", f"id = {S}"),
        ["session | session aaaa-1 | next_op is 2; the last op is 8"],
    ),
    "payload": (
        set_("op", "payload", "'{\"kind\":\"undo\"}'", of(S, seq=7)),
        ["op | session aaaa-1, op 7 | it cannot be read: "
         "undo.asked_by: Field required"],
    ),
    "op kind": (
        set_("op", "kind", "'compact'", of(S, seq=7)),
        ["op | session aaaa-1, op 7 | kind is compact; its document is undo"],
    ),
    "op state": (
        set_("op", "state", "'lost'", of(S, seq=7)),
        ["op | session aaaa-1, op 7 | state is lost, which there is not"],
    ),
    "attempts": (
        set_("op", "attempts", "-1", of(S, seq=7)),
        ["op | session aaaa-1, op 7 | attempts is no number that counts: -1"],
    ),
    "created": (
        set_("op", "created", "'yesterday'", of(S, seq=7)),
        ["op | session aaaa-1, op 7 | created is no time: yesterday"],
    ),
    "two run": (
        set_("op", "state", "'running'", of(U, seq=2)),
        ["op | session cccc-3, op 2 | it is running, and op 1 before it is not finished",
         "op | session cccc-3 | 2 ops run at once",
         "session | session cccc-3 | it is leased, and 2 of its ops run"],
    ),
    "order": (
        set_("op", "state", "'done'", of(U, seq=2)),
        ["op | session cccc-3, op 2 | it is done, and op 1 before it is not finished"],
    ),
    "cancelled in silence": (
        set_("op", "state", "'cancelled'", of(S, seq=6)),
        ["op | session aaaa-1, op 6 | it is cancelled, and no event says so"],
    ),
    "decision without op": (
        set_("op", "payload", "'{\"kind\":\"approval_decision\",\"approval_id\":\"a9\"}'",
             of(S, seq=2)),
        ["op | session aaaa-1, op 2 | the op of approval a9 has the key apr:a1",
         "approval | session aaaa-1, approval a1 | it is decided, and no op goes on from it",
         "approval | session aaaa-1, approval a9 | an op goes on from it, and it was never "
         "decided"],
    ),
    # The session's row
    "lease": (
        set_("session", "lease_boot", "NULL", f"id = {U}"),
        ["session | session cccc-3 | it is leased, and its lease is not whole"],
    ),
    "leased and idle": (
        set_("session", "state", "'leased'", f"id = {S}"),
        ["session | session aaaa-1 | it is leased, and 0 of its ops run",
         "session | session aaaa-1 | it is leased, and its lease is not whole"],
    ),
    "ready": (
        set_("session", "state", "'ready'", f"id = {S}"),
        ["session | session aaaa-1 | it is ready, and none of its ops is queued"],
    ),
    "ready and running": (
        set_("session", "state", "'ready', lease_until = NULL", f"id = {U}"),
        ["session | session cccc-3 | an op runs, and nobody has or had a lease"],
    ),
    "idle with ops": (
        set_("session", "state", "'idle'", f"id = {U}"),
        ["session | session cccc-3 | it is idle, and 2 ops are open",
         "session | session cccc-3 | it is idle, and has a lease"],
    ),
    "idle or waiting": (
        set_("session", "state", "'idle'", f"id = {T}"),
        ["session | session bbbb-2 | it is idle, and its last turn ended as waiting"],
    ),
    "idle lease": (
        set_("session", "lease_until", "5", f"id = {S}"),
        ["session | session aaaa-1 | it is idle, and has a lease"],
    ),
    "session state": (
        set_("session", "state", "'gone'", f"id = {S}"),
        ["session | session aaaa-1 | state is gone, which there is not"],
    ),
    "updated": (
        set_("session", "updated", "''", f"id = {S}"),
        ["session | session aaaa-1 | updated is no time: "],
    ),
    "token": (
        set_("session", "lease_token", "'x'", f"id = {S}"),
        ["session | session aaaa-1 | lease_token is no number that counts: x"],
    ),
    "interrupt_upto": (
        set_("session", "interrupt_upto", "4", f"id = {S}"),
        ["session | session aaaa-1 | interrupt_upto is 4; the last interrupt is op 5"],
    ),
    "waiting_on": (
        set_("session", "waiting_on", "'[]'", f"id = {T}"),
        ["session | session bbbb-2 | waiting_on is []; "
         "by the journal it is ['approval:b1', 'job:j2']"],
    ),
    "waiting_on no list": (
        set_("session", "waiting_on", "'{'", f"id = {T}"),
        ["session | session bbbb-2 | waiting_on is no JSON list: {"],
    ),
    # Folds
    "call state": (
        set_("tool_call", "state", "'planned'", of(S, call_id="c1")),
        ["tool_call | session aaaa-1, call c1 | state is planned; by the journal it is succeeded"],
    ),
    "call hash": (
        set_("tool_call", "arguments_sha256", "'x'", of(U, call_id="c1")),
        ["tool_call | session cccc-3, call c1 | arguments_sha256 is x; by the journal it is "
         "63661468ca90aa203b351ce876cd10724c8d1979a32bccc99cf0ee9074bc9500"],
    ),
    "call effect": (
        set_("tool_call", "effect", "'read'", of(U, call_id="c1")),
        ["tool_call | session cccc-3, call c1 | effect is read; by the journal it is write"],
    ),
    "call waits": (
        set_("tool_call", "waiting_on", "NULL", of(T, call_id="c2")),
        ["tool_call | session bbbb-2, call c2 | waiting_on is None; by the journal it is job:j2"],
    ),
    "call lost": (
        f"DELETE FROM tool_call WHERE {of(U, call_id='c1')}",
        ["tool_call | session cccc-3, call c1 | the journal knows it, and it has no row"],
    ),
    "call invented": (
        "INSERT INTO tool_call (session_id, call_id, name, state) "
        f"VALUES ({U}, 'c9', 'bash', 'planned')",
        ["tool_call | session cccc-3, call c9 | the journal knows nothing of this row"],
    ),
    "approval state": (
        set_("approval", "state", "'superseded'", "id = 'b1'"),
        ["approval | session bbbb-2, approval b1 | state is superseded; by the journal it is "
         "pending",
         "approval | session bbbb-2, approval b1 | it is superseded, and call c1 is "
         "awaiting_approval"],
    ),
    "decided by": (
        set_("approval", "decided_by", "NULL", "id = 'a1'"),
        ["approval | session aaaa-1, approval a1 | it is approved, and decided_by is None",
         "approval | session aaaa-1, approval a1 | decided_by is None; by the journal it is ada"],
    ),
    "approval arguments": (
        set_("approval", "arguments", "'{\"command\": \"rm\"}'", "id = 'a1'"),
        ["approval | session aaaa-1, approval a1 | arguments are not those that were asked for"],
    ),
    "approval no arguments": (
        set_("approval", "arguments", "'rm'", "id = 'a1'"),
        ["approval | session aaaa-1, approval a1 | arguments are no JSON object"],
    ),
    "approval lost": (
        "DELETE FROM approval WHERE id = 'b1'",
        ["approval | session bbbb-2, approval b1 | the journal knows it, and it has no row"],
    ),
    "job status": (
        set_("job", "status", "'running'", of(S, job_id="j1")),
        ["job | session aaaa-1, job j1 | status is running; by the journal it is succeeded"],
    ),
    "job offset": (
        set_("job", "log_offset", "7", of(S, job_id="j1")),
        ["job | session aaaa-1, job j1 | log_offset is 7; by the journal it is 10"],
    ),
    "job handle": (
        set_("job", "handle", "'{\"pid\": 8}'", of(S, job_id="j1")),
        ["job | session aaaa-1, job j1 | handle is not that of the job that started"],
    ),
    "job no handle": (
        set_("job", "handle", "'8'", of(S, job_id="j1")),
        ["job | session aaaa-1, job j1 | handle is no JSON object"],
    ),
    "job lost": (
        f"DELETE FROM job WHERE {of(S, job_id='j1')}",
        ["job | session aaaa-1, job j1 | the journal knows it, and it has no row"],
    ),
}  # fmt: skip
for column in ("title", "model", "workspace", "started_in", "version", "detail"):
    BROKEN[column] = (
        set_("session", column, "'else'", f"id = {T}"),
        [f"session | session bbbb-2 | {column} is else; by the journal it is "],
    )


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_with_its_place(path: Path, name: str) -> None:
    statement, expected = BROKEN[name]
    damage(path, statement)
    found = told(path)
    if name not in ("title", "model", "workspace", "started_in", "version", "detail"):
        assert found == expected
    else:
        assert len(found) == 1
        assert found[0].startswith(expected[0])


IMPOSSIBLE = {
    "not the first": (
        {"where": of(S, seq=28), "kind": "session_started", "title": "a task", "version": "1.0",
         "model": "autopilot", "workspace": "/w", "started_in": "/home/ada"},
        "session_started is the first event and no other; this is session_started",
    ),
    "recalled late": (
        {"where": of(S, seq=28), "kind": "recalled",
         "message": {"text": "once", "recalled": True, "role": "user"}},
        "a message of another session is recalled elsewhere than where a fork starts",
    ),
    "planned twice": (
        {"where": of(S, seq=3), "tool_calls": [
            {"call_id": f"c{i}", "name": "bash", "arguments": ""} for i in (1, 2, 3, 4, 4)]},
        "call c4 is planned a second time",
    ),
    "never planned": ({"where": of(U, seq=4), "call_id": "c9"},
                      "call c9 becomes started and was never planned"),
    "answered unplanned": ({"where": of(S, seq=24), "call_id": "c9"},
                           "call c9 is answered and was never planned"),
    "answered twice": ({"where": of(S, seq=24), "call_id": "c2"},
                       "call c2 is answered a second time"),
    "answered unstarted": ({"where": of(S, seq=25), "answered_by": "tool"},
                           "call c4 is answered by tool and had not started; it was "
                           "awaiting_approval"),
    "started twice": ({"where": of(S, seq=5), "effect": "write"},
                      "call c1 becomes started and was started"),
    "other arguments": ({"where": of(S, seq=14), "arguments": {}, "arguments_sha256":
                         "63661468ca90aa203b351ce876cd10724c8d1979a32bccc99cf0ee9074bc9500"},
                        "call c2 starts with other arguments than those that may run"),
    "hash of a start": ({"where": of(U, seq=4), "arguments": {"x": 1}},
                        "arguments_sha256 of tool_started for call c1 is not of its arguments"),
    "hash of a question": ({"where": of(T, seq=4), "arguments": {"x": 1}},
                           "arguments_sha256 of approval_requested for call c1 is not of its "
                           "arguments"),
    "hash of a decision": ({"where": of(S, seq=12), "arguments": {"x": 1}},
                           "arguments_sha256 of approval_decided for call c3 is not of its "
                           "arguments"),
    "edited without edit": ({"where": of(S, seq=12), "verdict": "approve"},
                            "approval a2 is decided for arguments that were not asked for"),
    "decided unasked": ({"where": of(S, seq=11), "approval_id": "a9"},
                        "approval a9 is decided and was never asked for"),
    "decided twice": ({"where": of(S, seq=12), "approval_id": "a1"},
                      "approval a1 is decided and was approved already"),
    "of another call": ({"where": of(S, seq=11), "call_id": "c3"},
                        "approval a1 is of call c2, not c3"),
    "asked twice": ({"where": of(S, seq=8), "approval_id": "a1"},
                    "approval a1 is asked for a second time"),
    "waits unstarted": ({"where": of(T, seq=7), "call_id": "c1"},
                        "call c1 becomes waiting and was awaiting_approval"),
    "job unknown": ({"where": of(S, seq=20), "job_id": "j9"}, "job j9 never started"),
    "job over": ({"where": of(S, seq=20), "kind": "job_ended", "status": "lost", "reason": "",
                  "exit_code": None, "job_id": "j1"}, "job j1 was lost already"),
    "turn without op": ({"where": of(S, seq=23), "op_seq": 99},
                        "a turn starts for op 99, which does not exist"),
    "cancelled as": ({"where": of(S, seq=22), "op_kind": "undo"},
                     "op 4 is cancelled as undo and is user_input"),
    "revoked ungranted": ({"where": of(S, seq=28), "kind": "rule_revoked", "rule_id": "r9",
                           "revoked_by": "ada"}, "rule r9 is revoked and was never granted"),
    "done and waiting": ({"where": of(S, seq=26), "waiting_on": ["job:j1"]},
                         "a turn that is interrupted waits for job:j1"),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_have_happened_is_found_at_its_event(path: Path, name: str) -> None:
    changes, words = IMPOSSIBLE[name]
    edited(path, **changes)
    places = {one.place: one.words for one in findings(path) if one.words == words}
    assert len(places) == 1, told(path)
    assert next(iter(places)).startswith("session ")
    assert ", event " in next(iter(places))


def test_a_session_that_waits_for_what_has_come_is_found(path: Path) -> None:
    edited(path, of(T, seq=8), waiting_on=["approval:b9", "job:j9"])
    damage(path, set_("session", "waiting_on", '\'["approval:b9", "job:j9"]\'', f"id = {T}"))
    assert told(path) == [
        "session | session bbbb-2 | it waits for approval b9, which is unknown",
        "session | session bbbb-2 | it waits for job j9, which is unknown",
    ]


def test_a_key_that_two_ops_have_is_found_where_the_index_is_gone(path: Path) -> None:
    ddl = sql_of(path, "op").replace("UNIQUE (session_id, dedupe)", "CHECK (1)")
    rebuilt(path, "op", ddl)
    damage(path, set_("op", "dedupe", "'apr:a1'", of(S, seq=7)))
    assert told(path) == [
        "op | session aaaa-1, op 7 | an earlier op of the session has the key apr:a1 too"
    ]


def outbox_row(path: Path, dedupe: str, body: str = "{}", next_try: str = "NULL") -> None:
    damage(
        path,
        "INSERT INTO outbox (session_id, channel, lane, body, dedupe, state, next_try, created) "
        f"VALUES ({S}, 'slack', 'C1', '{body}', '{dedupe}', 'due', {next_try}, 'now')",
    )


def test_the_outbox_is_checked(path: Path) -> None:
    rebuilt(path, "outbox", sql_of(path, "outbox").replace("UNIQUE (dedupe)", "CHECK (1)"))
    outbox_row(path, "k")
    assert told(path) == []
    outbox_row(path, "k")
    outbox_row(path, "l", body="{", next_try="'soon'")
    assert told(path) == [
        "outbox | dedupe k | 2 rows have this key",
        "outbox | id 3 | body is no JSON",
        "outbox | id 3 | next_try is no time: soon",
    ]


def test_rows_without_a_session_are_found(path: Path) -> None:
    damage(path, set_("event", "session_id", "'zzzz-9'", of(U, seq=4)))
    found = told(path)
    assert "event | rowid 42 | it refers to a row of session that does not exist" in found
    words = "1 of its rows are here, and the session does not exist"
    assert f"event | session zzzz-9 | {words}" in found


@pytest.mark.parametrize(("version", "age"), [(0, "older"), (9, "newer")])
def test_another_schema_is_said_and_its_rows_are_not_judged(
    path: Path, version: int, age: str
) -> None:
    damage(path, f"UPDATE schema_version SET version = {version}", "DROP TABLE outbox")
    words = f"it has the {age} schema {version}, this ml-intern knows {schema.VERSION}"
    assert told(path) == [f"schema_version | its one row | {words}"]


@pytest.mark.parametrize("change", ["DELETE FROM", "UPDATE"])
def test_a_database_without_a_schema_is_found(path: Path, change: str) -> None:
    damage(path, f"{change} schema_version" + (" SET version = 'x'" if change == "UPDATE" else ""))
    words = "it does not say which schema it has"
    assert told(path) == [f"schema_version | its one row | {words}"]


def test_a_missing_table_is_found(path: Path) -> None:
    damage(path, "DROP TABLE outbox")
    assert told(path) == ["outbox | all | the table does not exist"]


def test_a_page_that_is_overwritten_is_found_and_the_rest_is_checked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        ((root,),) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'tool_call'"
        )
        ((size,),) = connection.execute("PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    found = findings(path)
    assert any(one.table == "file" for one in found)
    malformed = [one.place for one in found if "malformed" in one.words and one.table == "session"]
    assert malformed == ["session aaaa-1", "session bbbb-2", "session cccc-3"]


def sql_of(path: Path, table: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT sql FROM sqlite_schema WHERE name = ?"
        ((sql,),) = connection.execute(query, (table,))
    return sql


def rebuilt(path: Path, table: str, ddl: str) -> None:
    """The table with the same rows and another definition."""
    damage(
        path,
        f"ALTER TABLE {table} RENAME TO old",
        ddl,
        f"INSERT INTO {table} SELECT * FROM old",
        "DROP TABLE old",
    )


JUNK = (
    *(None, 0, -1, 2**62, 3.5, float("inf"), "", "x", "null", "[]", "{}", '{"kind": 5}', "ÿ"),
    *(b"", b"\xff\xfe", "\x00", "[" * 5000, '{"kind": "user_said"}', "2026-01-31T12:00:00.000Z"),
)


@pytest.mark.parametrize("seed", range(60))
def test_no_damage_makes_the_check_raise(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA writable_schema = ON")
        # What SQLite refuses by itself can still be read from a damaged page.
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')")
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        for _ in range(chance.randint(1, 4)):
            table = chance.choice(TABLES)
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            column, value = chance.choice(columns), chance.choice(JUNK)
            as_text = "CAST(? AS TEXT)" if chance.random() < 0.3 else "?"
            rows = chance.choice(("1", "rowid % 2 = 0", "rowid = 1"))
            try:
                connection.execute(
                    f"UPDATE {table} SET {column} = {as_text} WHERE {rows}", (value,)
                )
            except sqlite3.IntegrityError:
                continue
        connection.commit()
    for one in findings(path):
        assert one.table
        assert one.words


@pytest.mark.parametrize("seed", range(60))
def test_no_change_of_the_bytes_of_the_file_makes_the_check_raise(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 30)):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    path.write_bytes(whole)
    findings(path)
