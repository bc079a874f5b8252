"""A door over a real store, with as little between them as its contract allows.

Nobody works here: tests write the events that a worker would, through `store`, and say the text
that a model would with `say`.
"""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml_intern.client.door import Explanation, Fork, Health, NewSession, Policy, Request, TextPiece
from ml_intern.clock import SystemClock
from ml_intern.errors import ConfigError, InputError, UnknownSession
from ml_intern.events import ApprovalDecided, SessionStarted, Verdict
from ml_intern.messages import ApprovalId, Choice, SessionId, ToolSpec
from ml_intern.ops import UserInput
from ml_intern.queue.rows import ApprovalRow, QueuePlace, Recorded, SessionRow
from ml_intern.queue.store import Store
from ml_intern.session import forking
from ml_intern.session.caps import CapState, named_by
from ml_intern.session.lost_jobs import declare_lost
from ml_intern.session.said import EditCheck, Said
from ml_intern.session.unknowns import resolve
from ml_intern.tools.policy import Judgement

MOST_PIECES = 1000
LOOK_EVERY_S = 0.05


class StoreWatch:
    """Events are read when they are taken; text is kept until then, the newest of it."""

    def __init__(self, door: "StoreDoor", session_id: SessionId, after_seq: int) -> None:
        self._door = door
        self.session_id = session_id
        self.trouble: Exception | None = None
        """What the next `take` raises, if anything."""
        self.is_quiet = False
        """The last `take` found nothing."""
        self._late_takes = door.late_takes
        self._after_seq = after_seq
        self._pieces: list[TextPiece] = []

    def hear(self, text: str) -> None:
        self._pieces = [*self._pieces, TextPiece(session_id=self.session_id, text=text)][
            -MOST_PIECES:
        ]

    def take(self) -> Sequence[Recorded | TextPiece]:
        if self.trouble is not None:
            raise self.trouble
        if self._late_takes:
            self._late_takes -= 1
            return []
        with self._door.lock:
            pieces, self._pieces = self._pieces, []
        events = self._door.store.events(self.session_id, self._after_seq)
        if events:
            self._after_seq = events[-1].seq
        self.is_quiet = not pieces and not events
        return [*pieces, *events]

    def close(self) -> None:
        with self._door.lock:
            self._door.watchers.pop(self, None)


class StoreDoor:
    """See `Door`."""

    def __init__(self, folder: Path, late_takes: int = 0) -> None:
        """`late_takes`: so often a watch gives nothing at first, as a stream may that is slow."""
        self.late_takes = late_takes
        self.store = Store.open(folder / "ml-intern.db", SystemClock())
        # Protects `watchers`, what they have heard, and `_keyed`.
        self.lock = threading.Lock()
        self.watchers: dict[StoreWatch, Callable[[], None]] = {}
        self.trouble: Exception | None = None
        """What every method raises, if anything."""
        self.refused = 0
        """How often it was raised."""
        self._keyed: dict[str, SessionId] = {}
        self._over = threading.Event()
        self._hub = threading.Thread(target=self._wake_watchers, daemon=True)
        self._hub.start()

    def close(self) -> None:
        self._over.set()
        self._hub.join()
        self.store.close()

    def say(self, session_id: SessionId, text: str) -> None:
        """The session's model writes this."""
        with self.lock:
            wakes = []
            for watch, wake in self.watchers.items():
                if watch.session_id == session_id:
                    watch.hear(text)
                    wakes.append(wake)
        for wake in wakes:
            wake()

    def start_session(self, new: NewSession, *, key: str | None = None) -> SessionId:
        self._demand_health()
        if not new.task.strip():
            raise InputError("The task is empty. Say in plain words what to train.")
        if new.model == "gpt-9":
            raise ConfigError(f"There is no model {new.model!r}; set another.")
        with self.lock:
            if key in self._keyed:
                return self._keyed[key]
            session_id = SessionId(str(uuid.uuid4()))
            self.store.create_session(session_id, _started(new), UserInput(**_said(new)))
            if key is not None:
                self._keyed[key] = session_id
            return session_id

    def fork(self, fork: Fork, *, key: str | None = None) -> SessionId:
        self._demand_health()
        row = self.store.session(fork.source)
        past = forking.of_journal(self.store.events(row.session_id), fork.turn)
        new = NewSession(task=fork.words, started_in=fork.started_in, author=fork.author)
        started = replace(_started(new), forked_from=past.parent)
        session_id = SessionId(str(uuid.uuid4()))
        said = UserInput(**_said(new))
        self.store.create_session(session_id, started, said, list(past.recalled("/w")))
        return session_id

    def submit(
        self, session_id: SessionId, request: Request, *, key: str | None = None
    ) -> int | None:
        self._demand_health()
        return self.store.submit(session_id, request, dedupe=key)

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
        said = Said(
            approval_id=approval_id,
            verdict=verdict,
            reason=reason,
            arguments=arguments,
            like_this=like_this,
        )
        return bool(self.decide_all([said], decided_by=decided_by))

    def decide_all(self, said: Sequence[Said], *, decided_by: str) -> Sequence[ApprovalId]:
        self._demand_health()
        return self.store.decide(*[self._decided(one, decided_by) for one in said])

    def check_edit(self, approval_id: str, arguments: Mapping[str, Any]) -> EditCheck:
        self._demand_health()
        self.store.approval(approval_id)
        return EditCheck(problems={} if "command" in arguments else {"command": "is missing"})

    def _decided(self, said: Said, decided_by: str) -> ApprovalDecided:
        asked = self.store.approval(said.approval_id)
        if said.verdict == "edit" and "command" not in (said.arguments or {}):
            raise InputError("The edited arguments cannot be used: command: is missing.")
        is_edit = said.arguments and said.verdict == "edit"
        return ApprovalDecided(
            approval_id=asked.approval_id,
            call_id=asked.call_id,
            verdict=said.verdict,
            arguments=dict(said.arguments or {}) if is_edit else asked.arguments,
            arguments_sha256=asked.arguments_sha256,
            decided_by=decided_by,
            reason=said.reason,
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
        self._demand_health()
        return resolve(self.store, session_id, call_id, choice, resolved_by=resolved_by, note=note)

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
        self._demand_health()
        self._demand_session(session_id)
        cap = named_by(cap, session_id, "2026-01-31")
        seq = self.store.extend(
            session_id, cap, amount, extended_by, reason=reason, answers=answers, key=key
        )
        return seq is not None

    def budget(self, session_id: SessionId | None = None) -> Sequence[CapState]:
        self._demand_health()
        if session_id is not None:
            self._demand_session(session_id)
        return [
            CapState(cap=cap, used=row.used) for cap, row in self.store.budgets("daemon").items()
        ]

    def declare_lost(
        self, session_id: SessionId, job_id: str, *, declared_by: str, note: str = ""
    ) -> bool:
        self._demand_health()
        return declare_lost(
            self.store,
            session_id,
            job_id,
            declared_by=declared_by,
            note=note,
            runs_here=lambda handle: bool(handle.get("here")),
        )

    def policy(self, session_id: SessionId | None = None) -> Policy:
        self._demand_health()
        if session_id is not None:
            self.store.session(session_id)
        return Policy(rules=())

    def explain(
        self, tool: str, arguments: Mapping[str, Any], session_id: SessionId | None = None
    ) -> Explanation:
        self._demand_health()
        if session_id is not None:
            self.store.session(session_id)
        return Explanation(
            tool=tool,
            operation="",
            repository="",
            arguments=dict(arguments),
            cost_micro_usd=None,
            judgement=Judgement(verdict="ask", reason="nobody knows", rule="default: none"),
        )

    def revoke_rule(self, session_id: SessionId, rule_id: str, *, revoked_by: str) -> bool:
        self._demand_health()
        return self.store.revoke_rule(session_id, rule_id, revoked_by)

    def sessions(self, limit: int) -> Sequence[SessionRow]:
        self._demand_health()
        return self.store.sessions(limit)

    def session(self, prefix: str) -> SessionRow:
        self._demand_health()
        return self.store.session(prefix)

    def queue_place(self, session_id: SessionId) -> QueuePlace:
        self._demand_health()
        return self.store.queue_place(session_id)

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        self._demand_health()
        return self.store.events(session_id, after_seq)

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> StoreWatch:
        self._demand_health()
        self._demand_session(session_id)
        watch = StoreWatch(self, session_id, after_seq)
        with self.lock:
            self.watchers[watch] = wake
        wake()
        return watch

    def open_approvals(self, session_id: SessionId | None = None) -> Sequence[ApprovalRow]:
        self._demand_health()
        return self.store.open_approvals(session_id)

    def approval(self, prefix: str) -> ApprovalRow:
        self._demand_health()
        return self.store.approval(prefix)

    def tools(self) -> Sequence[ToolSpec]:
        return [ToolSpec(name="bash", description="Run it.", parameters={"type": "object"})]

    def trace_path(self, session_id: SessionId) -> str:
        self._demand_session(session_id)
        return f"/traces/{session_id}.jsonl"

    def rewrite_trace(self, session_id: SessionId) -> int:
        self._demand_session(session_id)
        return 3

    def health(self) -> Health:
        return Health(
            version="1.2.3",
            pid=7,
            state="degraded" if self.trouble else "ready",
            trouble=str(self.trouble or ""),
            running=1,
            queued=2,
            waiting=3,
            open_approvals=len(self.store.open_approvals()),
            unknown_calls=len(self.store.unknowns()),
            without_model=self.store.without_model(),
            messages_waiting=self.store.mail.undelivered("slack").waiting,
            traces_pending=4,
            traces_held=2,
            traces_trouble="the Hub limits our requests",
        )

    def _demand_health(self) -> None:
        if self.trouble is not None:
            self.refused += 1
            raise self.trouble

    def _demand_session(self, session_id: SessionId) -> None:
        if not self.store.events(session_id):
            raise UnknownSession(f"No session {session_id}.")

    def _wake_watchers(self) -> None:
        position = 0
        while not self._over.is_set():
            if self.store.wait_for_events(position, LOOK_EVERY_S):
                position = self.store.journal.last_position()
                with self.lock:
                    wakes = list(self.watchers.values())
                for wake in wakes:
                    wake()


def _started(new: NewSession) -> SessionStarted:
    return SessionStarted(
        title=new.task[:80],
        model=new.model or "autopilot",
        workspace="/w",
        started_in=new.started_in,
        version="1.2.3",
        instructions=new.instructions,
        max_iterations=new.max_iterations,
        max_cost_micro_usd=new.max_cost_micro_usd,
        effort=new.effort,
    )


def _said(new: NewSession) -> dict[str, str]:
    return {"text": new.task, "author": new.author}
