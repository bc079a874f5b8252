"""Daemons that can be killed, frozen and started again over one state directory.

A daemon is the shipped `serve` in a process, process group and session of its own, born by the
nursery of `tests/support/nursery.py`. Nothing here looks inside of it.
"""

import os
import signal
from pathlib import Path

from tests.chaos.plan import Plan
from tests.chaos.script import MODEL
from tests.scenario.world import ROOT, wait_until
from tests.support.nursery import START_S, Nursery


class Daemon:
    """One life of one daemon."""

    def __init__(self, nursery: Nursery, number: int, output: Path) -> None:
        self._nursery = nursery
        self.number = number
        self.output = output

    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def status(self, within_s: float | None = 0.0) -> int | None:
        """How it ended; None while it lives."""
        return self._nursery.ended(self.number, within_s)

    def is_stopped(self) -> bool:
        """Whether it was frozen, and nobody let it go on."""
        try:
            after_name = Path(f"/proc/{self.number}/stat").read_text().rpartition(")")[2]
        except FileNotFoundError:
            return False
        return after_name.split()[0] == "T"

    def signal(self, number: signal.Signals) -> None:
        """To it alone; one that has ended hears nothing."""
        if self.status() is None:
            os.kill(self.number, number)

    def kill(self) -> None:
        """`kill -9`, and gone."""
        self.signal(signal.SIGKILL)
        assert self.status(START_S) is not None

    def leave(self) -> int:
        """TERM, and drained."""
        self.signal(signal.SIGTERM)
        status = self.status(START_S)
        assert status is not None, f"does not drain:\n{self.said()}"
        return status


class Home:
    """One state directory, private to one run, and the daemons over it one after the other."""

    def __init__(
        self, nursery: Nursery, folder: Path, *, database: str = "", sessions: Path | None = None
    ) -> None:
        """`database`: address of a PostgreSQL database of its own; empty: SQLite.

        `sessions`: folder of the sessions, where it is shared with another home.
        """
        self.folder = folder
        self.state = folder / "state"
        self.database = database
        self._sessions = sessions
        self._nursery = nursery
        self._lives = 0
        self.settings: dict[str, str] = {}
        """Of the daemons that come, as variables of their environment."""
        self.daemon: Daemon | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def sessions(self) -> Path:
        """The folder of the sessions."""
        return self._sessions or self.state / "sessions"

    @property
    def reached(self) -> Path:
        """A line for each point at which a daemon ended."""
        return self.folder / "reached.txt"

    def start(self, plan: Plan | None = None, *, name: str = "") -> Daemon:
        """A daemon that is ready, or has ended on its way there."""
        daemon = self.born(plan, name=name)
        wait_until(
            lambda: "ready" in daemon.said() or daemon.status() is not None,
            "the daemon is ready",
            START_S,
            every_s=0.01,
        )
        return daemon

    def born(self, plan: Plan | None = None, *, name: str = "") -> Daemon:
        """A daemon that is starting. `name`: its own socket, for a second one beside the first."""
        self._lives += 1
        output = self.folder / f"life-{self._lives}.txt"
        plan = plan or Plan()
        told = plan.written(self.folder / f"plan-{self._lives}.json")
        told["ML_INTERN_WORKERS"] = str(plan.workers)
        number = self._nursery.bear(
            "tests.chaos.serve",
            "serve",
            environment={**self.environment(), **told},
            folder=self.folder,
            output=output,
        )
        daemon = Daemon(self._nursery, number, output)
        self.daemon = daemon
        return daemon

    def beside(self) -> "Home":
        """Another home, whose daemons share the work of this one's."""
        folder = self.folder / "beside"
        return Home(self._nursery, folder, database=self.database, sessions=self.sessions)

    def environment(self) -> dict[str, str]:
        """Of a daemon; nothing of ours gets in by chance."""
        kept = ("PATH", "LANG", "LD_LIBRARY_PATH")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **({"ML_INTERN_DATABASE": self.database} if self.database else {}),
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "ML_INTERN_STATE_DIR": str(self.state),
            "ML_INTERN_SESSIONS_DIR": str(self.sessions),
            "ML_INTERN_MODEL": MODEL,
            **self.settings,
        }

    def end(self) -> None:
        """End the daemon, and what it has left behind."""
        if self.daemon is not None:
            self.daemon.signal(signal.SIGCONT)
            self.daemon.kill()
        from_here = str(self.state).encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and _is_of(entry, from_here):
                try:
                    os.kill(int(entry.name), signal.SIGKILL)
                except ProcessLookupError:
                    continue


def _is_of(entry: Path, words: bytes) -> bool:
    try:
        return words in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
    except OSError:
        return False
