"""A store in which everything has happened once, and what a check says of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine

from ml_intern.events import Effect, ModelChanged, Undone, Verdict
from ml_intern.messages import SessionId
from ml_intern.ops import ChangeModel, Undo
from ml_intern.queue.finding import Finding
from ml_intern.queue.invariants import Checker
from ml_intern.queue.store import Store
from ml_intern.tools.router import arguments_sha256
from tests.queue.given import (
    HERE,
    HandClock,
    S,
    T,
    answered,
    asked,
    began,
    claimed,
    decided,
    ended,
    job_ended,
    job_started,
    new_session,
    progressed,
    replied,
    resume,
    said,
    stop,
    turn,
    waits,
)

U = SessionId("cccc-3")
LS = arguments_sha256("bash", {"command": "ls"})
PWD = arguments_sha256("bash", {"command": "pwd"})
NOTHING = arguments_sha256("bash", {})


def asks(call: str, approval: str):
    return asked(call, approval, sha256=LS)


def decides(call: str, approval: str, verdict: Verdict = "approve"):
    if verdict == "edit":
        edited = decided("edit", call, approval, sha256=PWD)
        return replace(edited, arguments={"command": "pwd"})
    return decided(verdict, call, approval, sha256=LS)


def begins(call: str, effect: Effect = "write", command: str | None = None):
    if command is None:
        return began(call, sha256=NOTHING, effect=effect)
    arguments = {"command": command}
    sha256 = arguments_sha256("bash", arguments)
    return replace(began(call, sha256=sha256, effect=effect), arguments=arguments)


def lived_in(path: Path) -> None:
    """S has done all there is and rests, T waits for a yes and a job, U is in a turn."""
    store = Store.open(path, HandClock(), HERE)
    _a_long_day(store)
    _a_wait(store)
    _in_the_middle(store)
    store.close()


def _a_long_day(store: Store) -> None:
    new_session(store, S)
    claim = claimed(store)
    store.append(claim.lease, turn(), replied("c1", "c2", "c3", "c4"))
    store.append(claim.lease, begins("c1", "read"), begins("c1", "read"), answered("c1"))
    store.append(claim.lease, asks("c2", "a1"), asks("c3", "a2"), asks("c4", "a3"))
    store.finish(claim, ended("waiting", "approval:a1", "approval:a2", "approval:a3"))
    store.decide(decides("c2", "a1"))
    store.decide(decides("c3", "a2", "edit"))
    claim = claimed(store)
    store.append(claim.lease, turn(2), begins("c2", command="ls"), job_started())
    store.append(claim.lease, answered("c2"), begins("c3", command="pwd"), waits("c3"))
    store.finish(claim, ended("waiting", "approval:a3", "job:j1"))
    store.finish(claimed(store))
    store.note(S, progressed())
    store.submit(S, said("quick"))
    store.submit(S, stop())
    claim = claimed(store)
    last = replace(answered("c4", ok=False), answered_by="interrupt")
    store.append(claim.lease, turn(5), answered("c3", ok=False), last)
    store.finish(claim, ended("interrupted"))
    store.submit(S, resume(), dedupe="job:j1:ended", events=[job_ended()])
    store.finish(claimed(store))
    for order in (Undo(asked_by="ada"), ChangeModel(model="gpt-9", asked_by="ada")):
        store.submit(S, order)
    store.finish(claimed(store), Undone(asked_by="ada", words="train it"), ended("interrupted"))
    store.finish(claimed(store), ModelChanged(model="gpt-9", asked_by="ada"))


def _a_wait(store: Store) -> None:
    new_session(store, T)
    claim = claimed(store)
    store.append(claim.lease, turn(), replied("c1", "c2"), asks("c1", "b1"))
    store.append(claim.lease, begins("c2"), job_started("j2"), waits("c2", "job:j2"))
    store.finish(claim, ended("waiting", "approval:b1", "job:j2"))


def _in_the_middle(store: Store) -> None:
    new_session(store, U)
    claim = claimed(store)
    store.append(claim.lease, turn(), replied("c1"), begins("c1"))
    store.submit(U, said("and then?"))


@contextmanager
def snapshot(path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, connection.begin():
        yield connection
    engine.dispose()


def findings(path: Path) -> list[Finding]:
    """What the check says of the file."""
    with snapshot(path) as connection:
        return list(Checker(connection).findings())


def told(path: Path) -> list[str]:
    """The same in lines: table, place, words."""
    return [f"{one.table} | {one.place} | {one.words}" for one in findings(path)]


def damage(path: Path, *statements: str, bind: Any = ()) -> None:
    """Change the file by hand, without the foreign keys being looked at."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement, bind)


def edited(path: Path, where: str, **changes: Any) -> None:
    """Change fields of the one event that `where` finds; with a `kind`, it becomes that event."""
    with closing(sqlite3.connect(path)) as connection, connection:
        ((position, kind, data),) = connection.execute(
            f"SELECT position, kind, data FROM event WHERE {where}"
        ).fetchall()
        whole = {**({} if "kind" in changes else json.loads(data)), **changes}
        document = {"kind": kind, **whole}
        connection.execute(
            "UPDATE event SET data = ?, kind = ? WHERE position = ?",
            (json.dumps(document), document["kind"], position),
        )
