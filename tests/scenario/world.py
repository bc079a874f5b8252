"""Real `ml-intern` processes over one state directory, and what can be seen of them from outside.

With a nursery a process is forked from one that has all imports in memory, else it is started anew.

Facts are read from the journal and from `/proc`; waiting is on a fact, with a generous limit.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from ml_intern.clock import SystemClock
from ml_intern.daemon.stores import open_store
from ml_intern.events import Event
from ml_intern.messages import SessionId
from ml_intern.queue import address
from ml_intern.queue.finding import Finding
from ml_intern.queue.invariants import Checker
from ml_intern.queue.rows import JobRow, SessionRow
from ml_intern.queue.snapshot import snapshot
from ml_intern.queue.store import Store
from ml_intern.settings import Settings
from tests.support.nursery import Child, Nursery

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 150.0
LOOK_EVERY_S = 0.02

T = TypeVar("T")


def wait_until(
    fact: Callable[[], T],
    what: str,
    within_s: float = PATIENCE_S,
    *,
    every_s: float = LOOK_EVERY_S,
) -> T:
    """The first true value of `fact`; fails with `what` when there is none in time."""
    end = time.monotonic() + within_s
    while not (value := fact()):
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(every_s)
    return value


@dataclass(kw_only=True)
class Running:
    """One `ml-intern` process that the test has started."""

    process: subprocess.Popen[bytes] | Child
    output: Path

    def ends(self, within_s: float = PATIENCE_S) -> int:
        """Its exit status."""
        return self.process.wait(within_s)

    def said(self) -> str:
        """Standard output and error together."""
        return self.output.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@dataclass(kw_only=True)
class World:
    """A state directory, a folder to work in, and the processes that were started over it."""

    folder: Path
    state: Path
    environment: dict[str, str] = field(default_factory=dict)
    database: str | None = None
    """The URL of a PostgreSQL database; None: the SQLite file of the state directory."""
    nursery: Nursery | None = None
    """None: each process is started anew, as a person's is."""
    started: list[Running] = field(default_factory=list)

    def start(
        self,
        *words: str,
        before: Callable[[], None] | None = None,
        module: str = "ml_intern.cli.main",
    ) -> Running:
        """Start `ml-intern words...`, without a terminal; `before` runs in the new process.

        `module`: what is started in its place.
        """
        output = self.folder / f"output-{len(self.started)}.txt"
        output.touch()
        process: subprocess.Popen[bytes] | Child
        if self.nursery is None or before is not None:
            process = self._started(module, words, output, before)
        else:
            environment = self._environment()
            process = self.nursery.child(
                module, *words, environment=environment, folder=self.folder, output=output
            )
        running = Running(process=process, output=output)
        self.started.append(running)
        return running

    def _started(
        self,
        module: str,
        words: Sequence[str],
        output: Path,
        before: Callable[[], None] | None,
    ) -> subprocess.Popen[bytes]:
        with output.open("wb") as sink:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                preexec_fn=before,
            )

    def does(self, *words: str) -> tuple[int, str]:
        """Start it and see it through: exit status, and all that it said."""
        running = self.start(*words)
        return running.ends(), running.said()

    def shown(self, session_id: str) -> dict[str, Any]:
        """`ml-intern show --json`."""
        status, said = self.does("show", session_id, "--json")
        assert status == 0, said
        found: dict[str, Any] = json.loads(said)
        return found

    def store(self) -> Store:
        """A reader's own connection; the caller closes it."""
        return open_store(self._settings(), SystemClock())

    def look(self, at: Callable[[Store], T]) -> T | None:
        """One look into the store; None while there is none, or no session in it."""
        if self.database is None and not (self.state / "ml-intern.db").exists():
            return None
        store = self.store()
        try:
            return at(store)
        finally:
            store.close()

    def sessions(self) -> list[SessionRow]:
        return self.look(lambda store: store.sessions(100)) or []

    def only_session(self) -> SessionId:
        (row,) = self.sessions()
        return row.session_id

    def events(self, session_id: SessionId) -> list[Event]:
        return self.look(lambda store: [one.event for one in store.events(session_id)]) or []

    def running_jobs(self) -> list[JobRow]:
        return self.look(lambda store: store.running_jobs()) or []

    def wait_for(self, wanted: Callable[[Event], bool], what: str, running: Running) -> None:
        """Until the only session's journal holds such an event; fails early when `running` ends."""
        found = _Found(self, wanted)
        try:
            wait_until(lambda: found.now() or running.process.poll() is not None, what)
            assert found.now(), f"{what}: it ended before, saying\n{running.said()}"
        finally:
            found.close()

    def trace(self, session_id: str) -> Path:
        (path,) = self.state.glob(f"traces/sessions/*/{session_id}.jsonl")
        return path

    def jobs(self) -> list[Path]:
        """The folders of all jobs that were ever started."""
        return sorted(path.parent for path in self.state.glob("sessions/*/jobs/*/claim.json"))

    def left_processes(self) -> list[str]:
        """Every process that has to do with this state directory, by its command line."""
        return list(_processes_about(self.state, self.folder))

    def broken_rows(self) -> list[Finding]:
        """What the check of all invariants finds in the database, where there is one."""
        path = self.state / "ml-intern.db"
        if not path.exists():
            return []
        with snapshot(address.of_file(path)) as connection:
            return list(Checker(connection).findings())

    def end(self) -> None:
        """End what the test has started, and the jobs that these have started."""
        for running in self.started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
        for number in _numbers_about(self.state, self.folder):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _settings(self) -> Settings:
        database = None if self.database is None else SecretStr(self.database)
        sessions = self.environment.get("ML_INTERN_SESSIONS_DIR")
        return Settings(state_dir=self.state, database=database, sessions_dir=sessions)

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "LANG", "LD_LIBRARY_PATH")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "ML_INTERN_STATE_DIR": str(self.state),
            "OMP_NUM_THREADS": "1",
            **({} if self.database is None else {"ML_INTERN_DATABASE": self.database}),
            **self.environment,
        }


class _Found:
    """Looks for an event through one open store."""

    def __init__(self, world: World, wanted: Callable[[Event], bool]) -> None:
        self._world = world
        self._wanted = wanted
        self._store: Store | None = None
        self._cursor = 0
        self._found = False

    def now(self) -> bool:
        if self._store is None:
            if not self._world.sessions():
                return False
            self._store = self._world.store()
        while not self._found and (batch := self._store.follow(self._cursor, 200)):
            self._cursor = batch[-1].position
            self._found = any(self._wanted(recorded.event) for recorded in batch)
        return self._found

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def _numbers_about(state: Path, folder: Path) -> Iterable[int]:
    for entry in Path("/proc").iterdir():
        is_other = entry.name.isdigit() and int(entry.name) != os.getpid()
        if is_other and _is_about(entry, state, folder):
            yield int(entry.name)


def _processes_about(state: Path, folder: Path) -> Iterable[str]:
    for number in _numbers_about(state, folder):
        try:
            line = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if line:  # one that has ended and waits to be collected has none
            yield f"{number}: {line[:300]}"


def _is_about(entry: Path, state: Path, folder: Path) -> bool:
    """Whether the state directory stands in its command, its environment or its working folder.

    One of a nursery has but its working folder to tell.
    """
    try:
        told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        where = (entry / "cwd").readlink()
        return str(state).encode() in told or where == folder or str(where).startswith(str(state))
    except OSError:
        return False
