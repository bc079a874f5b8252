"""The door of a daemon in another process, through its Unix socket.

What the daemon raises is raised here, in the same words.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from ml_intern import ops
from ml_intern.client import wire
from ml_intern.client.door import Explanation, Fork, Health, NewSession, Policy, Request, Watch
from ml_intern.client.line import Line, Reply, listens, part
from ml_intern.client.watch import RemoteWatch
from ml_intern.client.wire import (
    Codec,
    Decision,
    Extension,
    ForkRequest,
    JobLoss,
    Question,
    Resolution,
    Revocation,
    SessionRequest,
)
from ml_intern.clock import Clock, SystemClock
from ml_intern.errors import ApiError, UnknownSession
from ml_intern.events import BudgetExtended, JobEnded, RuleRevoked, UnknownResolved, Verdict
from ml_intern.messages import ApprovalId, Choice, SessionId, ToolSpec
from ml_intern.queue.rows import ApprovalRow, QueuePlace, Recorded, SessionRow
from ml_intern.session.caps import CapState
from ml_intern.session.lost_jobs import loss_in_words
from ml_intern.session.said import EditCheck, Said

_STATE_AFTER = {"approve": "approved", "deny": "denied", "edit": "edited"}
COPYING_S = 1800.0
"""A fork is answered when the files of its parent have been copied."""
T = TypeVar("T")


def connect(socket_path: Path, clock: Clock | None = None) -> "RemoteDoor | None":
    """A door to the daemon that listens there; None, at once, when nobody does.

    Raises ApiError when something else listens there, a daemon that does not speak our version of
    the API, or one of another user; DaemonGone when it does not answer.
    """
    if not listens(socket_path):
        return None
    door = RemoteDoor(socket_path, clock)
    try:
        door.greet()
    except BaseException:  # nobody else has the door to close it
        door.close()
        raise
    return door


class RemoteDoor:
    """See `Door`."""

    def __init__(self, socket_path: Path, clock: Clock | None = None) -> None:
        self._line = Line(socket_path)
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Ask nothing more; watches that are still open are cut off."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def greet(self) -> None:
        """See who answers. Raises as `connect` does."""
        self._line.greet()

    def start_session(self, new: NewSession, *, key: str | None = None) -> SessionId:
        """See `Door.start_session`."""
        body = wire.SESSION_REQUEST.encode(SessionRequest(**vars(new)))
        reply = self._line.post("/v1/sessions", body, key or self._clock.new_id())
        return _decoded(wire.STARTED, reply).session_id

    def fork(self, fork: Fork, *, key: str | None = None) -> SessionId:
        """See `Door.fork`."""
        body = wire.FORK_REQUEST.encode(ForkRequest(**vars(fork)))
        key = key or self._clock.new_id()
        reply = self._line.post("/v1/forks", body, key, answer_s=COPYING_S)
        return _decoded(wire.STARTED, reply).session_id

    def submit(
        self, session_id: SessionId, request: Request, *, key: str | None = None
    ) -> int | None:
        """See `Door.submit`. Without a `key`, None says that it had to be sent twice."""
        path = f"/v1/sessions/{part(session_id)}/ops"
        body = ops.encode(request).encode()
        reply = self._line.post(path, body, key or self._clock.new_id())
        return _decoded(wire.ACCEPTED, reply).op_seq

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
        decision = Decision(
            verdict=verdict,
            decided_by=decided_by,
            reason=reason,
            arguments=None if arguments is None else dict(arguments),
            like_this=like_this,
        )
        path = f"/v1/approvals/{part(approval_id)}/decision"
        reply = self._line.post(path, wire.DECISION.encode(decision))
        decided = _decoded(wire.DECIDED, reply)
        row = decided.approval
        # The first sending may have won without our hearing of it.
        is_ours = row.state == _STATE_AFTER[verdict] and row.decided_by == decided_by
        return decided.won or (reply.repeated and is_ours)

    def decide_all(self, said: Sequence[Said], *, decided_by: str) -> Sequence[ApprovalId]:
        """See `Door.decide_all`."""
        wishes = wire.Decisions(
            decided_by=decided_by, decisions=tuple(_one_decision(one) for one in said)
        )
        reply = self._line.post("/v1/decisions", wire.DECISIONS.encode(wishes))
        won = _decoded(wire.ALL_DECIDED, reply).won
        if not reply.repeated:
            return won
        # The first sending may have won without our hearing of it.
        rows = [(one, self.approval(one.approval_id)) for one in said]
        return [
            row.approval_id
            for one, row in rows
            if row.approval_id in won
            or (row.state == _STATE_AFTER[one.verdict] and row.decided_by == decided_by)
        ]

    def check_edit(self, approval_id: str, arguments: Mapping[str, Any]) -> EditCheck:
        """See `Door.check_edit`."""
        edit = wire.Edit(arguments=dict(arguments))
        path = f"/v1/approvals/{part(approval_id)}/edit-check"
        return _decoded(wire.EDIT_CHECK, self._line.post(path, wire.EDIT.encode(edit)))

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
        wish = Resolution(call_id=call_id, choice=choice, resolved_by=resolved_by, note=note)
        path = f"/v1/sessions/{part(session_id)}/resolution"
        reply = self._line.post(path, wire.RESOLUTION.encode(wish))
        won = _decoded(wire.RESOLVED, reply).won
        # The first sending may have won without our hearing of it.
        return won or (reply.repeated and self._stands(session_id, wish))

    def declare_lost(
        self, session_id: SessionId, job_id: str, *, declared_by: str, note: str = ""
    ) -> bool:
        """See `Door.declare_lost`."""
        loss = JobLoss(declared_by=declared_by, job_id=job_id, note=note)
        path = f"/v1/sessions/{part(session_id)}/job-loss"
        reply = self._line.post(path, wire.JOB_LOSS.encode(loss))
        won = _decoded(wire.RESOLVED, reply).won
        # The first sending may have won without our hearing of it.
        return won or (reply.repeated and self._is_lost(session_id, loss))

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
        wish = Extension(
            cap=cap, amount=amount, extended_by=extended_by, reason=reason, answers=answers
        )
        path = f"/v1/sessions/{part(session_id)}/extension"
        reply = self._line.post(path, wire.EXTENSION.encode(wish), key or self._clock.new_id())
        won = _decoded(wire.RESOLVED, reply).won
        # The first sending may have won without our hearing of it.
        return won or (reply.repeated and self._is_extended(session_id, wish))

    def budget(self, session_id: SessionId | None = None) -> Sequence[CapState]:
        """See `Door.budget`."""
        of = "" if session_id is None else f"/sessions/{part(session_id)}"
        return list(self._get(wire.BUDGET, f"/v1{of}/budget").caps)

    def _is_extended(self, session_id: SessionId, wish: Extension) -> bool:
        """Whether the newest extension of the session is this one."""
        said = [
            recorded.event
            for recorded in self.events(session_id)
            if isinstance(recorded.event, BudgetExtended)
        ]
        newest = said[-1] if said else None
        return newest is not None and (newest.amount, newest.extended_by, newest.reason) == (
            wish.amount,
            wish.extended_by,
            wish.reason,
        )

    def _is_lost(self, session_id: SessionId, loss: JobLoss) -> bool:
        """Whether the newest job that ended is the one, and was lost in these words."""
        ended = [
            recorded.event
            for recorded in self.events(session_id)
            if isinstance(recorded.event, JobEnded)
            and recorded.event.job_id.startswith(loss.job_id)
        ]
        newest = ended[-1] if ended else None
        return newest is not None and newest.reason == loss_in_words(loss.declared_by, loss.note)

    def _stands(self, session_id: SessionId, wish: Resolution) -> bool:
        """Whether the newest resolution of the session's is this one."""
        said = [
            recorded.event
            for recorded in self.events(session_id)
            if isinstance(recorded.event, UnknownResolved)
            and recorded.event.call_id.startswith(wish.call_id)
        ]
        newest = said[-1] if said else None
        return newest is not None and (newest.choice, newest.resolved_by, newest.note) == (
            wish.choice,
            wish.resolved_by,
            wish.note,
        )

    def sessions(self, limit: int) -> Sequence[SessionRow]:
        """See `Door.sessions`."""
        asked = max(0, min(limit, wire.MOST_SESSIONS))
        return list(self._get(wire.SESSIONS, f"/v1/sessions?limit={asked}").sessions)

    def session(self, prefix: str) -> SessionRow:
        """See `Door.session`."""
        return self._get(wire.SESSION, f"/v1/sessions/{_beginning(prefix)}").session

    def queue_place(self, session_id: SessionId) -> QueuePlace:
        """See `Door.queue_place`."""
        return self._get(wire.QUEUE_PLACE, f"/v1/sessions/{part(session_id)}/queue")

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        """See `Door.events`."""
        found: list[Recorded] = []
        after: int | None = max(0, after_seq)
        try:
            while after is not None:
                page, after = self._page(session_id, after)
                found += page
        except UnknownSession:
            return []
        return found

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> Watch:
        """See `Door.watch`."""
        path = f"/v1/sessions/{part(session_id)}/stream"
        return RemoteWatch(
            lambda after: self._line.stream(path, after), after_seq, wake, self._clock
        )

    def open_approvals(self, session_id: SessionId | None = None) -> Sequence[ApprovalRow]:
        """See `Door.open_approvals`."""
        asked = "" if session_id is None else f"?session={part(session_id)}"
        return list(self._get(wire.APPROVALS, f"/v1/approvals{asked}").approvals)

    def approval(self, prefix: str) -> ApprovalRow:
        """See `Door.approval`."""
        return self._get(wire.APPROVAL, f"/v1/approvals/{_beginning(prefix)}")

    def tools(self) -> Sequence[ToolSpec]:
        """See `Door.tools`."""
        return list(self._get(wire.TOOLS, "/v1/tools").tools)

    def policy(self, session_id: SessionId | None = None) -> Policy:
        """See `Door.policy`."""
        if session_id is None:
            return self._get(wire.POLICY, "/v1/policy")
        return self._get(wire.POLICY, f"/v1/sessions/{part(session_id)}/policy")

    def explain(
        self, tool: str, arguments: Mapping[str, Any], session_id: SessionId | None = None
    ) -> Explanation:
        """See `Door.explain`."""
        asked = Question(tool=tool, arguments=dict(arguments), session_id=session_id)
        reply = self._line.post("/v1/policy/explanation", wire.QUESTION.encode(asked))
        return _decoded(wire.EXPLANATION, reply)

    def revoke_rule(self, session_id: SessionId, rule_id: str, *, revoked_by: str) -> bool:
        """See `Door.revoke_rule`."""
        wish = Revocation(rule_id=rule_id, revoked_by=revoked_by)
        path = f"/v1/sessions/{part(session_id)}/revocation"
        reply = self._line.post(path, wire.REVOCATION.encode(wish))
        won = _decoded(wire.REVOKED, reply).won
        # The first sending may have won without our hearing of it.
        return won or (reply.repeated and self._revoked(session_id, wish))

    def _revoked(self, session_id: SessionId, wish: Revocation) -> bool:
        """Whether this revocation stands in the session."""
        return any(
            isinstance(recorded.event, RuleRevoked)
            and recorded.event.rule_id.startswith(wish.rule_id)
            and recorded.event.revoked_by == wish.revoked_by
            for recorded in self.events(session_id)
        )

    def trace_path(self, session_id: SessionId) -> str:
        """See `Door.trace_path`."""
        return self._get(wire.TRACE, f"/v1/sessions/{part(session_id)}/trace").path

    def rewrite_trace(self, session_id: SessionId) -> int:
        """See `Door.rewrite_trace`."""
        reply = self._line.post(f"/v1/sessions/{part(session_id)}/trace", b"")
        return _decoded(wire.REWRITTEN, reply).files

    def health(self) -> Health:
        """See `Door.health`."""
        return self._get(wire.HEALTH, "/v1/health")

    def _page(self, session_id: SessionId, after: int) -> tuple[list[Recorded], int | None]:
        asked = f"after={after}&limit={wire.MOST_EVENTS}"
        reply = self._line.get(f"/v1/sessions/{part(session_id)}/events?{asked}")
        try:
            return wire.decode_page(reply.body)
        except ValueError as exc:
            raise _unreadable(exc) from exc

    def _get(self, codec: Codec[T], path: str) -> T:
        return _decoded(codec, self._line.get(path))


def _beginning(prefix: str) -> str:
    """As much of it as can be asked for: no id is so long, so the answer is that of the whole."""
    return part(prefix[: wire.LONGEST_ID_CHARS])


def _one_decision(said: Said) -> wire.OneDecision:
    arguments = None if said.arguments is None else dict(said.arguments)
    return wire.OneDecision(**{**vars(said), "arguments": arguments})


def _decoded(codec: Codec[T], reply: Reply) -> T:
    try:
        return codec.decode(reply.body)
    except ValueError as exc:
        raise _unreadable(exc) from exc


def _unreadable(exc: ValueError) -> ApiError:
    return ApiError(
        "The daemon's answer cannot be read; it is newer, or older, than this ml-intern. Install "
        f"the same version here and there. ({exc})"
    )
