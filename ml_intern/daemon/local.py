"""The door of the process that holds the store: requests go to it directly.

What is accepted is on disk when a method returns. `close` shuts the intake and leaves reading open.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ml_intern import __version__
from ml_intern.client.door import Explanation, Fork, Health, NewSession, Policy, Request, Watch
from ml_intern.clock import Clock
from ml_intern.daemon import forking
from ml_intern.daemon.hub import Hub
from ml_intern.effort import EFFORTS
from ml_intern.errors import Draining, InputError, StateConflict, StoreUnavailable
from ml_intern.events import Hinted, Recalled, SessionStarted, Verdict
from ml_intern.llm import by_hand
from ml_intern.llm.client import ModelClient
from ml_intern.messages import ApprovalId, CallId, Choice, SessionId, ToolSpec
from ml_intern.ops import ChangeModel, UserInput
from ml_intern.queue.mail import Undelivered
from ml_intern.queue.rows import MOST_AMOUNT, ApprovalRow, QueuePlace, Recorded, SessionRow
from ml_intern.queue.store import Store
from ml_intern.session import standing
from ml_intern.session.approvals import check_edit, decide_all
from ml_intern.session.caps import CapState, more_room, named_by
from ml_intern.session.desk import Limits
from ml_intern.session.forking import TITLE_CHARS as FORK_TITLE_CHARS
from ml_intern.session.forking import Past, note
from ml_intern.session.history import History
from ml_intern.session.lost_jobs import declare_lost
from ml_intern.session.said import EditCheck, Said
from ml_intern.session.unknowns import resolve
from ml_intern.slack.drafts import CHANNEL
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import ToolContext, ToolOutcome, Workplace
from ml_intern.tools.router import ToolRouter
from ml_intern.tools.training.hardware import this_machine
from ml_intern.tracing.upload.uploader import Uploads
from ml_intern.tracing.writer import TraceWriter
from ml_intern.wording import sentence, shortened

MAX_TASK_CHARS = 100_000
TITLE_CHARS = 80
DRAIN_RETRY_S = 10.0

_SESSIONS = uuid.UUID("6d6c2d69-6e74-4572-8e20-73657373696f")
"""Namespace of the ids of sessions that were started with a key."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the door works with."""

    store: Store
    router: ToolRouter
    traces: TraceWriter
    hub: Hub
    clock: Clock
    models: Callable[[str], ModelClient]
    default_model: str
    sessions: Path
    """The folder that holds a folder for each session."""
    runs_here: Callable[[Mapping[str, Any]], bool]
    """Whether the job with this handle runs on this machine."""
    place: Callable[[SessionRow | None, tuple[str, ...]], Workplace]
    """Where calls of a session, or of none, would run; makes no folders. Raises SandboxError."""
    limits: Limits
    """Of the settings."""
    uploads: Callable[[], Uploads] = Uploads
    """How the sending of traces goes."""
    trouble: Callable[[], str] = str
    """Why the store refuses those who work with it; empty when it does not."""


class LocalDoor:
    """Requests to the product in this process. Safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._opened = parts.clock.now()
        self._draining = False

    def close(self) -> None:
        """Accept nothing more; what was accepted stays, and may be read."""
        self._draining = True

    def start_session(self, new: NewSession, *, key: str | None = None) -> SessionId:
        """See `Door.start_session`; a task has at most MAX_TASK_CHARS."""
        self._demand_intake()
        _demand_task(new.task)
        if new.max_iterations is not None and new.max_iterations < 1:
            raise InputError("max_iterations must be at least 1.")
        _demand_cap(new.max_cost_micro_usd)
        _demand_effort(new.effort)
        if any(number is not None and number < 1 for number in (new.cpus, new.threads)):
            raise InputError("cpus and threads must be at least 1.")
        model = new.model or self._parts.default_model
        self._parts.models(model)
        session_id = self._new_id(key)
        started = SessionStarted(
            title=shortened(_title(new.task, model), TITLE_CHARS),
            model=model,
            workspace=str(self._parts.sessions / session_id / "workspace"),
            started_in=new.started_in,
            version=__version__,
            instructions=new.instructions,
            max_iterations=new.max_iterations,
            max_cost_micro_usd=new.max_cost_micro_usd,
            origin=new.origin,
            replayed=forking.replayed(model, self._store),
            machine=this_machine(cpus=new.cpus, threads=new.threads),
            effort=new.effort,
        )
        try:
            self._store.create_session(
                session_id, started, UserInput(text=new.task, author=new.author)
            )
        except StateConflict:
            if key is None or self._store.session(session_id).title != started.title:
                raise
        return session_id

    def fork(self, fork: Fork, *, key: str | None = None) -> SessionId:
        """See `Door.fork`."""
        self._demand_intake()
        _demand_task(fork.words)
        _demand_cap(fork.max_cost_micro_usd)
        _demand_effort(fork.effort)
        model = fork.model or self._parts.default_model
        self._parts.models(model)
        session_id = self._new_id(key)
        if key is not None and self._store.exists(session_id):
            return session_id
        past = forking.past_of(fork.source, fork.turn, self._store, self._parts.traces.folder)
        sessions = self._parts.sessions
        with forking.claimed(sessions / session_id):
            if not self._store.exists(session_id):
                self._begin_fork(session_id, fork, past, model)
        return session_id

    def _begin_fork(self, session_id: SessionId, fork: Fork, past: Past, model: str) -> None:
        sessions = self._parts.sessions
        workspace = str(sessions / session_id / "workspace")
        started = SessionStarted(
            title=f"{shortened(past.title, FORK_TITLE_CHARS)} (from turn {past.turn})",
            model=model,
            workspace=workspace,
            started_in=fork.started_in,
            version=__version__,
            max_cost_micro_usd=fork.max_cost_micro_usd,
            forked_from=past.parent(workspace),
            replayed=forking.replayed(model, self._store),
            machine=this_machine(),
            effort=fork.effort,
        )
        files = forking.copy_files(
            sessions / past.session_id, sessions / session_id, past, self._parts.clock.now()
        )
        told: list[Recalled | Hinted] = [*past.recalled(workspace), note(past, files)]
        self._store.create_session(
            session_id, started, UserInput(text=fork.words, author=fork.author), told
        )

    def submit(
        self, session_id: SessionId, request: Request, *, key: str | None = None
    ) -> int | None:
        """See `Door.submit`."""
        self._demand_intake()
        if isinstance(request, UserInput) and not request.text.strip():
            raise InputError("There is nothing to say: the text is empty.")
        if isinstance(request, ChangeModel):
            _demand_effort(request.effort)
            self._parts.models(request.model)
        return self._store.submit(session_id, request, dedupe=key and f"key:{key}")

    def decide(
        self,
        approval_id: str,
        verdict: Verdict,
        *,
        decided_by: str,
        reason: str = "",
        arguments: Mapping[str, Any] | None = None,
        like_this: bool = False,
    ) -> bool:
        """See `Door.decide`."""
        said = Said(
            approval_id=approval_id,
            verdict=verdict,
            reason=reason,
            arguments=arguments,
            like_this=like_this,
        )
        return bool(self.decide_all([said], decided_by=decided_by))

    def decide_all(self, said: Sequence[Said], *, decided_by: str) -> Sequence[ApprovalId]:
        """See `Door.decide_all`."""
        self._demand_intake()
        return decide_all(
            self._store,
            self._parts.router,
            said,
            decided_by=decided_by,
            situation=self._situation,
        )

    def check_edit(self, approval_id: str, arguments: Mapping[str, Any]) -> EditCheck:
        """See `Door.check_edit`."""
        return check_edit(
            self._store,
            self._parts.router,
            approval_id,
            arguments,
            situation=self._situation,
        )

    def resolve(
        self,
        session_id: SessionId,
        call_id: str,
        choice: Choice,
        *,
        resolved_by: str,
        note: str = "",
    ) -> bool:
        """See `Door.resolve`."""
        self._demand_intake()
        return resolve(self._store, session_id, call_id, choice, resolved_by=resolved_by, note=note)

    def declare_lost(
        self, session_id: SessionId, job_id: str, *, declared_by: str, note: str = ""
    ) -> bool:
        """See `Door.declare_lost`."""
        self._demand_intake()
        return declare_lost(
            self._store,
            session_id,
            job_id,
            declared_by=declared_by,
            note=note,
            runs_here=self._parts.runs_here,
        )

    def extend(
        self,
        session_id: SessionId,
        cap: str,
        amount: int,
        *,
        extended_by: str,
        reason: str = "",
        answers: int | None = None,
        key: str | None = None,
    ) -> bool:
        """See `Door.extend`."""
        self._demand_intake()
        self._store.session(session_id)
        which = named_by(cap, session_id, self._parts.clock.now().date().isoformat())
        extended = self._store.extend(
            session_id,
            which,
            amount,
            extended_by,
            reason=reason,
            told=more_room(which, amount),
            answers=answers,
            key=key and f"key:{key}",
        )
        return extended is not None

    def budget(self, session_id: SessionId | None = None) -> Sequence[CapState]:
        """See `Door.budget`."""
        parts = self._parts
        if session_id is None:
            return standing.shared(self._store, parts.limits, parts.clock)
        self._store.session(session_id)
        return standing.of_session(self._store, session_id, parts.limits, parts.clock)

    def sessions(self, limit: int) -> Sequence[SessionRow]:
        """See `Door.sessions`."""
        return self._store.sessions(limit)

    def session(self, prefix: str) -> SessionRow:
        """See `Door.session`."""
        return self._store.session(prefix)

    def queue_place(self, session_id: SessionId) -> QueuePlace:
        """See `Door.queue_place`."""
        return self._store.queue_place(session_id)

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        """See `Door.events`."""
        return self._store.events(session_id, after_seq)

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> Watch:
        """See `Door.watch`."""
        row = self._store.session(session_id)
        return self._parts.hub.watch(row.session_id, after_seq, wake)

    def open_approvals(self, session_id: SessionId | None = None) -> Sequence[ApprovalRow]:
        """See `Door.open_approvals`."""
        return self._store.open_approvals(session_id)

    def approval(self, prefix: str) -> ApprovalRow:
        """See `Door.approval`."""
        return self._store.approval(prefix)

    def tools(self) -> Sequence[ToolSpec]:
        """See `Door.tools`."""
        return self._parts.router.specs()

    def policy(self, session_id: SessionId | None = None) -> Policy:
        """See `Door.policy`."""
        history = History() if session_id is None else self._history(session_id)
        return Policy(
            rules=self._parts.router.rules,
            granted=tuple(history.rules.values()),
            read_at=self._opened,
        )

    def explain(
        self, tool: str, arguments: Mapping[str, Any], session_id: SessionId | None = None
    ) -> Explanation:
        """See `Door.explain`."""
        row = None if session_id is None else self._store.session(session_id)
        history = History() if row is None else self._history(row.session_id)
        router = self._parts.router
        prepared = router.prepare(tool, arguments)
        if isinstance(prepared, ToolOutcome):
            raise InputError(_misfit(prepared))
        ctx = self._context(row, history, CallId("explained"))
        prepared = router.settle(prepared, ctx)
        case = router.case(prepared, ctx)
        return Explanation(
            tool=tool,
            operation=case.operation,
            repository=case.repository,
            arguments=prepared.arguments,
            cost_micro_usd=case.cost_micro_usd,
            judgement=router.judge(case, history.rules.values()),
        )

    def revoke_rule(self, session_id: SessionId, rule_id: str, *, revoked_by: str) -> bool:
        """See `Door.revoke_rule`."""
        self._demand_intake()
        return self._store.revoke_rule(session_id, rule_id, revoked_by)

    def trace_path(self, session_id: SessionId) -> str:
        """See `Door.trace_path`."""
        return str(self._parts.traces.path(session_id))

    def rewrite_trace(self, session_id: SessionId) -> int:
        """See `Door.rewrite_trace`."""
        try:
            return self._parts.traces.rewrite(session_id)
        except OSError as exc:
            raise StoreUnavailable(
                f"The trace of {session_id} cannot be written anew ({exc.strerror}); it stands as "
                "it was. Free the disk or repair the rights of its folder, and try again."
            ) from exc

    def health(self) -> Health:
        """See `Door.health`."""
        try:
            counts, approvals = self._store.counts(), self._store.open_approvals()
            unknowns, without_room = self._store.unknowns(), self._store.without_room()
            without_model = self._store.without_model()
            today = standing.shared(self._store, self._parts.limits, self._parts.clock)[0]
            unsaid = self._store.mail.undelivered(CHANNEL)
            trouble = self._lack_of_room() or self._parts.trouble()
        except StoreUnavailable as exc:
            counts, approvals, unknowns, trouble = {}, [], [], str(exc)
            without_room = without_model = 0
            today, unsaid = CapState(cap="day", used=0), Undelivered()
        uploads = self._parts.uploads()
        state = "draining" if self._draining else "degraded" if trouble else "ready"
        return Health(
            version=__version__,
            pid=os.getpid(),
            state=state,
            trouble=trouble,
            running=counts.get("leased", 0),
            queued=counts.get("ready", 0),
            waiting=counts.get("waiting", 0),
            open_approvals=len(approvals),
            unknown_calls=len(unknowns),
            spent_today_micro_usd=today.used,
            reserved_today_micro_usd=today.reserved,
            without_room=without_room,
            without_model=without_model,
            messages_waiting=unsaid.waiting,
            oldest_message_s=self._age_s(unsaid.since),
            messages_refused=unsaid.refused,
            traces_pending=uploads.pending,
            traces_held=uploads.held,
            traces_trouble=uploads.trouble,
            traces_off=uploads.off,
        )

    def _age_s(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (self._parts.clock.now() - since).total_seconds())

    def _lack_of_room(self) -> str:
        """The store reads on when its disk is full; empty when there is room."""
        folder = self._parts.sessions.parent
        if shutil.disk_usage(folder).free >= forking.LEAST_FREE_BYTES:
            return ""
        return f"The disk that holds {folder} is full; nothing can be accepted. Free space."

    def _situation(self, asked: ApprovalRow) -> ToolContext:
        """What the tool of an approval would be given if it ran now."""
        row = self._store.session(asked.session_id)
        return self._context(row, self._history(row.session_id), asked.call_id)

    def _context(self, row: SessionRow | None, history: History, call_id: CallId) -> ToolContext:
        place = self._parts.place(row, tuple(history.said))
        return ToolContext(place=place, call_id=call_id, facts=Facts(history.facts))

    def _history(self, session_id: SessionId) -> History:
        """What stands in a session now. Raises UnknownSession."""
        row = self._store.session(session_id)
        history = History()
        for recorded in self._store.events(row.session_id):
            history.apply(recorded.event)
        return history

    def _demand_intake(self) -> None:
        if self._draining:
            raise Draining(
                "ml-intern is stopping and accepts nothing more; try again when it has been "
                "started again.",
                retry_after_s=DRAIN_RETRY_S,
            )

    def _new_id(self, key: str | None) -> SessionId:
        """The same key gives the same id, so a session is not started twice."""
        return SessionId(
            self._parts.clock.new_id() if key is None else str(uuid.uuid5(_SESSIONS, key))
        )


def _demand_cap(micro_usd: int | None) -> None:
    if micro_usd is not None and not 0 <= micro_usd <= MOST_AMOUNT:
        raise InputError("The cap of a session must be 0 or more.")


def _demand_effort(effort: str | None) -> None:
    if effort is not None and effort not in EFFORTS:
        raise InputError(f"There is no effort {effort!r}; choose one of {', '.join(EFFORTS)}.")


def _misfit(refusal: ToolOutcome) -> str:
    """What the router has against a call, as a person reads it."""
    told = json.loads(refusal.output)
    return " ".join([str(told["error"]), *map(sentence, told.get("problems", ()))])


def _title(task: str, model: str) -> str:
    return by_hand.title_of(task) if model == by_hand.NAME else task


def _demand_task(task: str) -> None:
    if not task.strip():
        raise InputError("The task is empty. Say in plain words what to train, on which data.")
    if len(task) > MAX_TASK_CHARS:
        raise InputError(
            f"The task has {len(task):,} characters; at most {MAX_TASK_CHARS:,} are read. "
            "Put long material into a file and name its path."
        )
