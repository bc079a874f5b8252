"""The composition root: chooses the implementations and joins them to one running service.

`open` gives what a client needs (a door, settings). `try_host` also starts the threads that do the
work, in the one process that holds the lock of the state directory; the others only submit and
follow. `close` stops in this order: intake, workers, readers, store.
"""

import logging
import os
import random
import subprocess
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ml_intern.clock import Clock, SystemClock
from ml_intern.compute.hub import HubHardware
from ml_intern.compute.local import LocalCompute, runs_here
from ml_intern.compute.protocol import Compute
from ml_intern.daemon.clockwork import Clockwork
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.forking import remove_orphans
from ml_intern.daemon.hub import Hub
from ml_intern.daemon.hub_access import changing
from ml_intern.daemon.jobs import JobWatcher
from ml_intern.daemon.local import LocalDoor, Parts
from ml_intern.daemon.logged_health import LoggedHealth
from ml_intern.daemon.models import Models, chain_of, training_python
from ml_intern.daemon.outside import web_of
from ml_intern.daemon.patience import Patience
from ml_intern.daemon.room import Room
from ml_intern.daemon.secrets import redactor_of
from ml_intern.daemon.slack import slack_of, start, tokens
from ml_intern.daemon.stores import open_store
from ml_intern.daemon.supervisor import Supervisor
from ml_intern.daemon.sweeping import Sweeping
from ml_intern.daemon.systemd import runs_under_systemd
from ml_intern.daemon.uploads import told, trace_link, traces_of, uploader_of
from ml_intern.daemon.waking import Waking
from ml_intern.daemon.workers import CUT_S, Workers, ignore
from ml_intern.errors import ComputeError, ConfigError
from ml_intern.llm.client import ModelClient
from ml_intern.messages import JobId, SessionId
from ml_intern.queue.lock import DaemonLock, Holder
from ml_intern.queue.store import SessionRow, Store
from ml_intern.sandbox.choose import choose_sandbox
from ml_intern.sandbox.protocol import Sandbox
from ml_intern.sandbox.system_paths import interpreter_folders
from ml_intern.session.caps import micro_usd
from ml_intern.session.desk import Caps, Desk, Limits
from ml_intern.settings import Settings
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy.settings import rules_of
from ml_intern.tools.protocol import Notices, Tool, TraceLink, Workplace
from ml_intern.tools.router import ToolRouter
from ml_intern.tools.training.hardware import set_threads, usable_cpus
from ml_intern.tracing.upload.uploader import Uploader
from ml_intern.tracing.writer import TraceWriter

if TYPE_CHECKING:
    from ml_intern.slack.app import Slack

log = logging.getLogger(__name__)

DRAIN_S = 30.0
READERS_S = 5.0
"""What the readers get to end; they look once a second whether they shall."""


class Service:
    """The product in one process. Not thread-safe itself; everything that it holds is."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store,
        clients: Sequence[ModelClient] = (),
        tools: Sequence[Tool[Any]] | None = None,
    ) -> None:
        """`clients`: models that are asked under their own names, beside those of the settings.

        `tools`: what models may call, other than all of the product.
        """
        self.settings = settings
        self._models = Models(settings, clients)
        self._health = LoggedHealth(clock, random.Random())
        self.store = store
        known = all_tools() if tools is None else tools
        self.router = ToolRouter(known, rules_of(settings.policy, known))
        self.traces = TraceWriter(
            store, traces_of(settings), clock=clock, redactor=redactor_of(settings)
        )
        self._clock = clock
        self._hub_hardware = hub_hardware(settings, clock)
        self._web = web_of(settings, clock)
        self._lock = DaemonLock(settings.state_dir / "daemon.lock")
        self._workers: Workers | None = None
        self._clockwork: Clockwork | None = None
        self._uploader: Uploader | None = None
        self._closed = False
        self._readers = Supervisor(clock)
        self._hub = Hub(store.journal, clock, partial(self._readers.start, "news"))
        self.door = LocalDoor(
            Parts(
                store=store,
                router=self.router,
                traces=self.traces,
                hub=self._hub,
                clock=clock,
                models=self._models.named,
                default_model=settings.model,
                sessions=settings.sessions_path,
                runs_here=runs_here,
                place=self._workplace,
                limits=limits(settings),
                trouble=lambda: self.trouble,
                uploads=lambda: told(self._uploader),
            )
        )

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Clock | None = None,
        clients: Sequence[ModelClient] = (),
        tools: Sequence[Tool[Any]] | None = None,
    ) -> Self:
        """Open (or create) the state directory. Raises ConfigError or StoreUnavailable."""
        clock = clock or SystemClock()
        tools = all_tools() if tools is None else tools
        rules_of(settings.policy, tools)  # a wrong rule is said before anything is opened
        private_folder(settings.state_dir)
        return cls(settings, clock, open_store(settings, clock), clients, tools)

    def warm(self) -> None:
        """Load now what the first request to the model of the settings would have to load."""
        self._models.warm()

    def try_host(
        self,
        beat: Callable[[str], None] = ignore,
        *,
        work: str = "",
        only: SessionId | None = None,
        with_slack: bool = False,
        with_uploads: bool = False,
    ) -> bool:
        """Start the work in this process; false when another process does it already.

        `work`: what this process is, see `Holder`. `beat`, `only`: see `Workers`. `with_slack`:
        also talk to Slack, where it is set up. What nobody tells there now, the next one who does
        tells. `with_uploads`: also send traces to the Hub, unless the settings say not to; the same
        holds for them.
        """
        if self._workers is not None:
            return True
        # First: without these this process must not hold the lock.
        compute = self._compute
        slack = self._slack() if with_slack else None
        if not self._lock.try_acquire(work):
            return False
        self.store.recover()
        remove_orphans(self.settings.sessions_path, self.store.exists)
        if slack is not None:  # before the first turn, so that all of it is told
            start(slack, self._readers)
        self._workers = Workers(self._desk(), self.settings.workers, beat, only)
        self._workers.start()
        watcher = JobWatcher(self.store, compute, self._clock)
        self._readers.start("job-watcher", watcher.run)
        self._readers.start("trace-writer", self.traces.run)
        self._uploader = uploader_of(self.settings, self._clock) if with_uploads else None
        if self._uploader is not None:
            self._readers.start("trace-uploader", self._uploader.run)
        self._clockwork = Clockwork(
            [
                Patience(self.store, self._clock, self.settings.reminder_s),
                Room(self.store, self._clock, caps(self.settings)),
                Waking(self.store),
                Sweeping(self.store, self._clock),
            ]
        )
        self._clockwork.start()
        return True

    def _slack(self) -> "Slack | None":
        return slack_of(
            self.settings,
            self.store,
            self.door,
            self._clock,
            redact=redactor_of(self.settings).value,
        )

    @cached_property
    def sandbox(self) -> Sandbox:
        """Where code runs. Chosen when first needed, because a look at what works takes time.

        Raises SandboxError when nothing on this machine confines code, ConfigError.
        """
        return choose_sandbox(self.settings.sandbox, _readable(self.settings))

    @cached_property
    def _compute(self) -> Compute:
        return LocalCompute(self.sandbox, own_units=runs_under_systemd(os.environ))

    @cached_property
    def _notices(self) -> Notices | None:
        if tokens(self.settings) is None:
            return None
        named = tuple(self.settings.notify_channels)
        return Notices(channels=named, per_hour=self.settings.notify_per_hour)

    @property
    def trouble(self) -> str:
        """Why the workers of this process cannot reach the store; empty when they can."""
        return "" if self._workers is None else self._workers.trouble

    def host(self) -> Holder | None:
        """The process that does the work of this state directory now; None when nobody does."""
        return self._lock.holder()

    def host_pid(self) -> int | None:
        """As `host`, its number alone."""
        return self._lock.holder_pid()

    def cancel_jobs(self, session_id: SessionId) -> list[JobId]:
        """Stop the running jobs of a session at once, without waiting for a turn to do it; which.

        For a process that is leaving; the watcher of the next one tells the journal.
        """
        cancelled = []
        for job in self.store.running_jobs():
            if job.session_id == session_id:
                try:
                    self._compute.cancel(job.handle)
                except ComputeError:
                    log.exception("job_not_cancelled", extra={"job_id": job.job_id})
                else:
                    cancelled.append(job.job_id)
        return cancelled

    def drain(self, drain_s: float, cut_s: float = CUT_S) -> None:
        """Accept nothing more, and let running steps end; jobs go on. See `Workers.drain`."""
        self.door.close()
        if self._workers is not None:
            self._workers.drain(drain_s, cut_s)

    def hurry(self) -> None:
        """Cut running steps short; for another thread than the one that drains."""
        if self._workers is not None:
            self._workers.hurry()

    def close(self, drain_s: float = DRAIN_S, cut_s: float = CUT_S) -> None:
        """Give running sessions back, let the readers catch up, close the store.

        A second call does nothing.
        """
        if self._closed:
            return
        self._closed = True
        self.drain(drain_s, cut_s)
        self.store.end_waits("news")
        if self._clockwork is not None:
            self._clockwork.stop()
        self._readers.stop(READERS_S)
        if self._workers is not None:
            self.traces.catch_up()
        self._models.close()
        self._web.close()
        self._lock.release()
        self.store.close()

    def _desk(self) -> Desk:
        return Desk(
            store=self.store,
            router=self.router,
            clock=self._clock,
            limits=limits(self.settings),
            model=self._models.named,
            chain=partial(chain_of, settings=self.settings),
            health=self._health,
            effort=self.settings.reasoning_effort,
            place=self._place,
            on_text=self._hub.say,
        )

    def _folder(self, session_id: str) -> Path:
        return self.settings.sessions_path / session_id

    def _place(self, row: SessionRow, said: tuple[str, ...]) -> Workplace:
        folder = self._folder(row.session_id)
        for name in ("workspace", "held_out", "jobs"):
            private_folder(folder / name)
        return self._workplace(row, said)

    def _workplace(self, row: SessionRow | None, said: tuple[str, ...]) -> Workplace:
        """Where calls of a session run. Its folders may not exist; those of no session never do."""
        session_id = SessionId("") if row is None else row.session_id
        folder = self._folder(session_id or "none")
        settings = self.settings
        return Workplace(
            session_id=session_id,
            workspace=folder / "workspace" if row is None else Path(row.workspace),
            started_in=Path.home() if row is None else Path(row.started_in),
            said=said,
            records=(settings.state_dir, settings.sessions_path),
            held_out=folder / "held_out",
            jobs=folder / "jobs",
            published=settings.publish_dir or settings.state_dir / "published",
            sandbox=self.sandbox,
            compute=self._compute,
            hub=self._hub_hardware,
            web=self._web,
            clock=self._clock,
            training_python=training_python(settings),
            network=settings.sandbox_network,
            memory_bytes=settings.memory_limit_bytes,
            job_timeout_s=settings.job_timeout_s,
            author=settings.author,
            cpus=usable_cpus(),
            threads=set_threads(),
            notices=self._notices,
            connect_hub=partial(changing, settings, self._clock),
            trace_link=TraceLink if row is None else partial(self._trace_link, session_id),
        )

    def _trace_link(self, session_id: SessionId) -> TraceLink:
        return trace_link(self.settings, session_id, self.traces.path(session_id))


def limits(settings: Settings) -> Limits:
    """Those of the settings."""
    return Limits(
        max_iterations=settings.max_iterations,
        max_turn_s=settings.max_turn_s,
        iteration_ceiling=settings.iteration_ceiling,
        approval_timeout_s=settings.approval_timeout_s,
        caps=caps(settings),
    )


def caps(settings: Settings) -> Caps:
    """Those of the settings, in the units of the store."""
    return Caps(
        session_micro_usd=micro_usd(settings.session_cap_usd),
        day_micro_usd=micro_usd(settings.day_cap_usd),
        daemon_micro_usd=micro_usd(settings.daemon_cap_usd),
        tokens=settings.session_max_tokens,
        seconds=settings.session_max_s,
    )


def hub_hardware(settings: Settings, clock: Clock) -> HubHardware:
    """What the Hub's machines cost, kept in the state directory."""
    file = settings.state_dir / "hub_hardware.json"
    return HubHardware(file, clock, endpoint=settings.hf_endpoint)


def _readable(settings: Settings) -> list[Path]:
    """The folders of the training interpreter; our own the sandboxes know."""
    if settings.training_python is None:
        return []
    try:
        return interpreter_folders(settings.training_python)
    except (OSError, subprocess.SubprocessError) as exc:
        raise ConfigError(
            f"training_python = {settings.training_python} does not start: {exc}. Set "
            "ML_INTERN_TRAINING_PYTHON to a Python that has the `train` extra installed."
        ) from exc
