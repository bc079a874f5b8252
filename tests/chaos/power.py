"""The log of SQLite, cut at any byte, as a loss of power may leave it.

A commit that was acknowledged was on the disk: its bytes end before the size that the log had
then. So what was acknowledged when the log was no longer than the cut must be there.
"""

import random
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_intern.clock import SystemClock
from ml_intern.queue.store import Store
from tests.chaos.rounds import stop
from tests.chaos.scenes import Stage
from tests.chaos.script import program

DATABASE = "ml-intern.db"
SESSIONS = 4
OPS = 5


@dataclass(frozen=True, kw_only=True)
class Sized:
    """An op that was acknowledged when the log was so long."""

    session_id: str
    key: str | None
    size_bytes: int


def written(stage: Stage) -> list[Sized]:
    """Some work, all of it in the log, and a kill; what was acknowledged, and when."""
    log = stage.home.state / f"{DATABASE}-wal"
    stage.home.start()
    sized = []
    for number in range(SESSIONS):
        person = stage.person(f"power {number}")
        person.start(program(1, "bash", "write")).result()
        sized.append(_sized(person.session_id, None, log))
        for op in range(OPS):
            key = f"power-{number}-{op}"
            person.say(program(op + 2, "pair", "bash")).result()
            key = f"key:power {number}-{op + 1}"
            sized.append(_sized(person.session_id, key, log))
    stop(stage)
    return sized


def _sized(session_id: str, key: str | None, log: Path) -> Sized:
    return Sized(session_id=session_id, key=key, size_bytes=log.stat().st_size)


def cut(
    state: Path, folder: Path, sized: Sequence[Sized], cuts: int, chance: random.Random
) -> list[str]:
    """Cut a copy of the log so many times, open it; what was wrong with what was found."""
    size = (state / f"{DATABASE}-wal").stat().st_size
    problems: list[str] = []
    for _ in range(cuts):
        at = chance.randrange(size + 1)
        copy = folder / "cut"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        shutil.copy2(state / DATABASE, copy)
        log = (state / f"{DATABASE}-wal").read_bytes()
        (copy / f"{DATABASE}-wal").write_bytes(log[:at])
        problems += [f"cut at byte {at}: {problem}" for problem in _found(copy, sized, at)]
    return problems


def _found(folder: Path, sized: Sequence[Sized], at: int) -> list[str]:
    store = Store.open(folder / DATABASE, SystemClock())
    try:
        store.recover()
        for row in store.sessions(100):
            store.events(row.session_id)
    finally:
        store.close()
    with sqlite3.connect(folder / DATABASE) as connection:
        problems = [*_missing(connection, sized, at), *_broken(connection)]
    connection.close()
    return problems


def _missing(connection: sqlite3.Connection, sized: Sequence[Sized], at: int) -> list[str]:
    sessions = {row[0] for row in connection.execute("SELECT id FROM session")}
    ops = set(connection.execute("SELECT session_id, dedupe FROM op"))
    safe = [one for one in sized if one.size_bytes <= at]
    return [
        f"{one} is lost"
        for one in safe
        if one.session_id not in sessions or (one.session_id, one.key) not in ops
    ]


_ALWAYS = {
    "the database is damaged": "SELECT 1 FROM pragma_integrity_check WHERE integrity_check != 'ok'",
    "a row has lost what it belongs to": "SELECT 1 FROM pragma_foreign_key_check",
    "a result without a start": (
        "SELECT 1 FROM event WHERE kind = 'tool_finished'"
        " AND json_extract(data, '$.answered_by') = 'tool' AND NOT EXISTS ("
        "SELECT 1 FROM event AS began WHERE began.session_id = event.session_id"
        " AND began.seq < event.seq AND began.kind = 'tool_started'"
        " AND json_extract(began.data, '$.call_id') = json_extract(event.data, '$.call_id'))"
    ),
    "a start without an op": (
        "SELECT 1 FROM event WHERE kind = 'turn_started' AND NOT EXISTS ("
        "SELECT 1 FROM op WHERE op.session_id = event.session_id"
        " AND op.seq = json_extract(event.data, '$.op_seq'))"
    ),
    "a result that its call does not have": (
        "SELECT 1 FROM event WHERE kind = 'tool_finished' AND NOT EXISTS ("
        "SELECT 1 FROM tool_call WHERE tool_call.session_id = event.session_id"
        " AND tool_call.call_id = json_extract(event.data, '$.call_id')"
        " AND tool_call.state IN ('succeeded', 'failed'))"
    ),
    "numbers with gaps": (
        "SELECT session_id FROM event GROUP BY session_id HAVING max(seq) != count(*)"
    ),
}


def _broken(connection: sqlite3.Connection) -> list[str]:
    return [what for what, asked in _ALWAYS.items() if connection.execute(asked).fetchone()]
