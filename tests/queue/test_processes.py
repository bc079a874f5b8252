"""One file and several processes: nothing acknowledged is lost, and nothing is decided twice."""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_intern.clock import SystemClock
from ml_intern.messages import SessionId
from ml_intern.queue.store import Store
from tests.queue.given import (
    S,
    asked,
    claimed,
    ended,
    job_started,
    kinds,
    new_session,
    progressed,
    replied,
)

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def child(*words: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.queue.child", *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[str]) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ml-intern.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path, SystemClock())
    yield store
    store.close()


def test_a_killed_writer_loses_nothing_that_was_acknowledged(path: Path) -> None:
    """kill -9 at a random moment, five times over one and the same session."""
    chance = random.Random(5)
    store = Store.open(path, SystemClock())
    new_session(store)
    store.close()
    told: list[str] = []
    for round_number in range(1, 6):
        with child("write", path) as writer:
            told += [writer.stdout.readline() for _ in range(chance.randrange(5, 60))]
            writer.kill()
            told += writer.stdout.readlines()
            # Dead, but not reaped: what is left of the process does not count as alive.
            os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)
            again = Store.open(path, SystemClock())
            assert again.recover() == 1
        recorded = again.events(S)
        assert [each.seq for each in recorded] == list(range(1, len(recorded) + 1))
        assert max(numbers(told, "event")) <= len(recorded)
        claim = claimed(again)
        assert (claim.op_seq, claim.attempt) == (round_number, 2)
        again.finish(claim)
        again.close()
    check_ops(path, numbers(told, "op"))


def numbers(told: list[str], kind: str) -> list[int]:
    """Of whole lines only: the last one may have been cut off by the kill."""
    return [
        int(line.split()[1]) for line in told if line.startswith(kind + " ") and line.endswith("\n")
    ]


def check_ops(path: Path, accepted: list[int]) -> None:
    with contextlib.closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
        stored = [seq for (seq,) in plain.execute("SELECT seq FROM op ORDER BY seq")]
    assert stored == list(range(1, len(stored) + 1))
    assert set(accepted) <= set(stored)


def test_of_two_processes_one_decides(store: Store, path: Path) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, replied("c1"), asked())
    store.finish(claim, ended("waiting", "approval:a1"))
    with child("decide", path, "one") as one, child("decide", path, "two") as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            go(process)
        answers = {"one": one.stdout.readline(), "two": two.stdout.readline()}
    assert sorted(answers.values()) == ["False\n", "True\n"]
    assert answers[store.approval("a1").decided_by] == "True\n"
    assert kinds(store).count("approval_decided") == 1


def test_two_processes_write_into_one_session(store: Store, path: Path) -> None:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, job_started())
    with child("note", path) as other:
        assert other.stdout.readline() == "ready\n"
        go(other)
        for _ in range(100):
            store.append(claim.lease, progressed())
        assert other.stdout.readline() == "done\n"
    recorded = store.events(S)
    assert [each.seq for each in recorded] == list(range(1, 203))
    assert len(store.follow(0, 1000)) == 202


def test_an_event_of_another_process_wakes_a_reader(store: Store, path: Path) -> None:
    new_session(store)
    store.append(claimed(store).lease, job_started())
    position = store.journal.last_position()
    with child("note", path) as other:
        assert other.stdout.readline() == "ready\n"
        go(other)
        assert store.wait_for_events(position, 20)
        assert other.stdout.readline() == "done\n"


def test_a_second_store_of_a_process_does_not_open_the_file_to_others(
    store: Store, path: Path
) -> None:
    """A process that opened and closed the file by itself would let go of SQLite's locks on it, and
    the next one to leave would take the log away below us."""
    Store.open(path, SystemClock()).close()
    with child("visit", path) as other:
        assert other.stdout.readline() == "done\n"
    new_session(store)
    with child("sessions", path) as other:
        assert other.stdout.readline() == f"{S}\n"


class Dawdling(SystemClock):
    """Tells the time, but late: what it said is some milliseconds old when it is used."""

    def monotonic(self) -> float:
        moment = super().monotonic()
        time.sleep(random.random() / 200)
        return moment


def test_a_lease_given_while_another_worker_waits_for_the_lock_is_not_stolen(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path / "ml-intern.db", Dawdling())
    for number in range(15):
        session_id = SessionId(f"{number:08d}-0000-4000-8000-000000000000")
        new_session(store, session_id)
        barrier = threading.Barrier(4)

        def claim(barrier: threading.Barrier = barrier) -> bool:
            barrier.wait(10)
            return store.claim(0) is not None

        with ThreadPoolExecutor(4) as pool:
            won = [future.result() for future in [pool.submit(claim) for _ in range(4)]]
        assert sum(won) == 1
    store.close()
