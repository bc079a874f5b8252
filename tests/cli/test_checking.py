"""What `fsck` says, and with which status."""

import io
import json
import re
import threading
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from ml_intern.cli import checking, exits
from ml_intern.cli.main import app
from ml_intern.queue import address, schema
from ml_intern.queue.postgres import PostgresDatabase
from tests.cli.services import change, scripted_service, started
from tests.queue.checked import damage, lived_in
from tests.support.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    lived_in(tmp_path / "ml-intern.db")
    return tmp_path / "ml-intern.db"


def fsck(*words: str) -> Result:
    return CliRunner().invoke(app, ["fsck", *words], standalone_mode=False)


def test_a_whole_database_is_said_to_be_whole_with_what_was_checked(path: Path) -> None:
    done = fsck()
    assert done.return_value == exits.DONE
    assert done.output == (
        f"Whole. 69 rows of {path} checked "
        "(approval 4, event 42, job 2, op 11, session 3, tool_call 7).\n"
    )


def test_damage_is_listed_with_its_place_and_a_status_of_its_own(path: Path) -> None:
    damage(path, "UPDATE op SET attempts = -1 WHERE seq = 7")
    done = fsck()
    assert done.return_value == exits.DAMAGED == 65
    first, second, third = done.output.splitlines()
    assert first == "op\tsession aaaa-1, op 7\tattempts is no number that counts: -1"
    assert second.startswith("1 finding. 69 rows of ")
    assert third.startswith("→ The file can be read, but")


def test_json_says_the_same(path: Path) -> None:
    damage(path, "UPDATE op SET attempts = -1 WHERE seq = 7")
    done = fsck("--json")
    document = json.loads(done.output)
    assert done.return_value == exits.DAMAGED
    assert document["ok"] is False
    assert document["rows"]["event"] == 42
    assert document["findings"] == [
        {
            "table": "op",
            "place": "session aaaa-1, op 7",
            "words": "attempts is no number that counts: -1",
        }
    ]


def test_a_torn_file_is_told_from_wrong_rows(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000] + b"\xa5" * 8192 + whole[28_192:])
    done = fsck()
    assert done.return_value == exits.DAMAGED
    assert done.output.splitlines()[0].startswith("file\t")
    assert "→ The file itself is damaged. Stop the daemon" in done.output


def test_a_file_that_is_no_database_is_damage(path: Path) -> None:
    path.write_bytes(b"a letter to my aunt" * 500)
    done = fsck()
    assert done.return_value == exits.DAMAGED
    assert "file is not a database" in done.output


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (schema.VERSION - 1, "An older ml-intern wrote it, .*ml-intern serve"),
        (schema.VERSION + 1, "A newer ml-intern wrote it"),
    ],
)
def test_a_database_of_another_version_is_no_damage(path: Path, version: int, words: str) -> None:
    damage(path, f"UPDATE schema_version SET version = {version}")
    done = fsck()
    assert done.return_value == exits.OTHER_SCHEMA == 76
    first, second, third = done.output.splitlines()
    assert first.startswith("schema_version\t")
    assert second.startswith("Not judged. ")
    assert re.search(words, third)
    document = json.loads(fsck("--json").output)
    assert document["ok"] is False
    assert re.search(words, document["next_step"])


def test_a_damaged_file_of_another_version_is_damage(path: Path) -> None:
    damage(path, "UPDATE schema_version SET version = 1")
    damage(path, "UPDATE op SET session_id = 'nobody' WHERE seq = 7")
    assert fsck().return_value == exits.DAMAGED


def test_another_file_can_be_named(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    lived_in(other)
    damage(other, "DELETE FROM job")
    assert fsck(str(other)).return_value == exits.DAMAGED
    assert fsck(f"sqlite:///{other}").return_value == exits.DAMAGED
    assert fsck().return_value == exits.DONE


def test_more_findings_than_anybody_reads_are_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MOST_SHOWN", 3)
    damage(path, "UPDATE event SET data = ''")
    assert "\n... and 39 more.\n" in fsck().output
    document = json.loads(fsck("--json").output)
    assert (len(document["findings"]), document["left_out"]) == (3, 39)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_long_check_says_how_far_it_is_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Terminal()
    progress = checking.Progress(sink)
    progress.tell(500)
    assert sink.getvalue() == ""
    monkeypatch.setattr(checking.time, "monotonic", lambda: 1e9)
    progress.tell(12_000)
    progress.clear()
    assert sink.getvalue() == "\r12,000 rows done \r\x1b[K"


def test_it_works_beside_a_service_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(state))
    with scripted_service(state, [change(str(i)) for i in range(30)]) as service:
        service.try_host()
        over = threading.Event()
        sessions = [started(service) for _ in range(30)]
        while not over.is_set():
            assert fsck().return_value == exits.DONE, fsck().output
            if all(service.store.session(one).state == "waiting" for one in sessions):
                over.set()
        wait_until(over.is_set)


def test_what_a_server_does_not_let_be_read_is_no_damaged_file(postgres_url: str) -> None:
    role = f"{postgres_url.rpartition('/')[2]}_stranger"
    with psycopg.connect(postgres_url, autocommit=True) as plain:
        PostgresDatabase(address.parse(postgres_url)).close()
        plain.execute(f"CREATE ROLE {role} LOGIN")
    done = fsck(address.parse(postgres_url).set(username=role).render_as_string())
    assert done.return_value == exits.DAMAGED
    assert "→ The server does not let this role read" in done.output
