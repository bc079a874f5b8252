"""The store alone, on SQLite and on PostgreSQL side by side, with the machine's fdatasync beside.

    python -m benchmarks.stores

PostgreSQL's own server runs for it with `fsync=on`, from the programs that are installed.
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ml_intern.clock import SystemClock
from ml_intern.events import SessionStarted, TurnFinished, TurnStarted, UserSaid
from ml_intern.messages import SessionId
from ml_intern.ops import UserInput
from ml_intern.queue.address import parse
from ml_intern.queue.owner import read_owner
from ml_intern.queue.postgres import PostgresDatabase
from ml_intern.queue.sqlite import SqliteDatabase
from ml_intern.queue.store import Store
from tests.support.postgres import binaries, postgres

THREADS = 32
SESSIONS = 64
OPS = 640
RESTART_SESSIONS = 1000
RESTART_EVENTS = 100_000


def main() -> None:
    """Measure and print."""
    print(f"fdatasync of 4 kB: {fdatasync_s() * 1000:.2f} ms", flush=True)
    row("", "SQLite", "PostgreSQL", "")
    with both() as stores:
        submitted = [submits(store) for store in stores]
        row("submits acknowledged, 32 threads", *(f"{each[0]:.0f}/s" for each in submitted),
            "200/s at 4 ms, 2,000/s at 0.1 ms")  # fmt: skip
        row("  p50", *(f"{each[1] * 1000:.1f} ms" for each in submitted), "")
        row("  p99", *(f"{each[2] * 1000:.1f} ms" for each in submitted), "at most 50 ms")
        row("submits, one thread", *(f"{alone(store):.0f}/s" for store in stores), "")
        row("claim, three events, finish", *(f"{worked(store):.0f} ops/s" for store in stores), "")
    with both() as stores:
        row("ready with 1,000 sessions and 100,000 events",
            *(f"{ready_s(store) * 1000:.0f} ms" for store in stores), "at most 2 s")  # fmt: skip


def row(name: str, sqlite: str, server: str, limit: str) -> None:
    """One line of the table."""
    print(f"{name:46} {sqlite:>12} {server:>12}   {limit}", flush=True)


@contextmanager
def both() -> Iterator[tuple[Store, Store]]:
    """A new store of each kind."""
    if binaries() is None:
        raise SystemExit("PostgreSQL is not installed (Debian: apt-get install postgresql).")
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, postgres(safe=True) as server:
        file = SqliteDatabase(Path(folder) / "ml-intern.db", clock)
        shared = PostgresDatabase(parse(server.new_database()))
        stores = [Store(database, clock, read_owner()) for database in (file, shared)]
        yield stores[0], stores[1]
        for store in stores:
            store.close()


def fdatasync_s() -> float:
    """Median of fifty."""
    with tempfile.NamedTemporaryFile() as file:
        times = []
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def ids(count: int) -> list[SessionId]:
    """Of sessions."""
    return [SessionId(f"{number:08d}-0000-4000-8000-000000000000") for number in range(count)]


def create(store: Store, session_id: SessionId) -> None:
    """A session with its first op."""
    started = SessionStarted(
        title="a task", model="autopilot", workspace="/w", started_in="/", version="0"
    )
    store.create_session(session_id, started, UserInput(text="train it", author=session_id))


def submits(store: Store) -> tuple[float, float, float]:
    """Per second, median and 99th percentile in seconds, of many threads."""
    for session_id in ids(SESSIONS):
        create(store, session_id)

    def submit(number: int) -> float:
        began = time.perf_counter()
        # Words are bounded; resumptions follow from accepted work and are not.
        store.submit(ids(SESSIONS)[number % SESSIONS], UserInput(text="go on", author="ada"))
        return time.perf_counter() - began

    few = SESSIONS * 10
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(submit, range(SESSIONS)))  # a server's connections are made when needed
        began = time.perf_counter()
        times = sorted(pool.map(submit, range(few)))
    per_s = few / (time.perf_counter() - began)
    return per_s, statistics.median(times), times[int(len(times) * 0.99)]


def alone(store: Store) -> float:
    """Submits per second of one thread."""
    (session_id,) = [SessionId("alone")]
    create(store, session_id)
    began = time.perf_counter()
    for _ in range(60):
        store.submit(session_id, UserInput(text="go on", author="ada"))
    return 60 / (time.perf_counter() - began)


def worked(store: Store) -> float:
    """Ops per second, each claimed, with three events, and finished."""
    done = threading.Semaphore(0)

    def work(_: int) -> int:
        number = 0
        while number < OPS // THREADS and (claim := store.claim(1.0)) is not None:
            store.append(claim.lease, TurnStarted(op_seq=claim.op_seq, attempt=claim.attempt))
            store.append(claim.lease, UserSaid(text="go on", author="ada"))
            store.finish(claim, TurnFinished(outcome="finished", detail="done"))
            done.release()
            number += 1
        return number

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        number = sum(pool.map(work, range(THREADS)))
    return number / (time.perf_counter() - began)


def ready_s(store: Store) -> float:
    """From opening a full store to the first claim of one who comes after a dead process."""
    for session_id in ids(RESTART_SESSIONS):
        create(store, session_id)
    per_session = RESTART_EVENTS // RESTART_SESSIONS
    words = [UserSaid(text=f"words {number}", author="ada") for number in range(per_session)]
    for _ in range(RESTART_SESSIONS):
        claim = store.claim(0)
        assert claim is not None
        store.append(claim.lease, *words)
        store.finish(claim, TurnFinished(outcome="waiting", detail="a decision"))
    store.submit(ids(1)[0], UserInput(text="go on", author="ada"))
    began = time.perf_counter()
    store.recover()
    claim = store.claim(0)
    assert claim is not None
    store.events(claim.session_id)
    store.sessions(1000)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
