"""What can be asked of the product, wherever it runs: the one list of requests.

`ml_intern/daemon/local.py` answers in the process that holds the store. `ml_intern/api/` offers
that one over the daemon's socket, and `ml_intern/client/remote.py` makes a door of the socket
again: whoever talks to a door cannot tell the difference. Nothing here knows HTTP.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ml_intern.effort import Effort
from ml_intern.events import RuleGranted, Verdict
from ml_intern.messages import ApprovalId, Choice, SessionId, ToolSpec
from ml_intern.ops import ChangeModel, Compact, Interrupt, Undo, UserInput
from ml_intern.queue.rows import ApprovalRow, QueuePlace, Recorded, SessionRow
from ml_intern.session.caps import CapState
from ml_intern.session.said import EditCheck, Said
from ml_intern.tools.policy import Judgement, Rule

GO_ON = "Go on."
"""What is said in a fork when nothing else is."""
Request = UserInput | Interrupt | Undo | Compact | ChangeModel
"""The ops that come from outside; the others follow from what happens."""


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """A task, and what is to be true for its session."""

    task: str
    started_in: str
    """The folder in which the person typed it, absolute."""
    author: str
    model: str | None = None
    """None: the one of the settings, as is `max_iterations`."""
    effort: Effort | None = None
    """With which its models are asked to think; None: the setting counts."""
    instructions: str = ""
    """Words of whoever starts it for the system prompt."""
    max_iterations: int | None = None
    max_cost_micro_usd: int | None = None
    """Of this session, in millionths of a US dollar; None: the setting counts."""
    origin: str = ""
    """See `SessionStarted.origin`."""
    cpus: int | None = None
    """Processors that training counts on; None: those of the machine."""
    threads: int | None = None
    """That every run computes with; None: those that the daemon was given, else as fits."""


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A session to go on from, at the end of one of its turns, and what is to be true then."""

    source: str
    """An id, the beginning of one, or the absolute path of a session file on the door's machine."""
    turn: int | None = None
    """From 1; each words of a person that were no answer to a question begin one.

    None: the last one, as the session stands now, without what was taken back.
    """
    started_in: str
    """As in `NewSession`, as are those that say nothing."""
    author: str
    words: str = GO_ON
    """What the person says next."""
    model: str | None = None
    effort: Effort | None = None
    max_cost_micro_usd: int | None = None


@dataclass(frozen=True, kw_only=True)
class TextPiece:
    """Some of the text that a session's model is writing; the whole comes as `ModelReplied`."""

    session_id: SessionId
    text: str


@dataclass(frozen=True, kw_only=True)
class Health:
    """How the process behind the door is."""

    version: str
    pid: int
    state: str
    """`ready`, `draining` (it accepts nothing more), or `degraded` (see `trouble`)."""
    trouble: str
    """Empty, or what is wrong and what to do."""
    running: int
    """Sessions that a worker has in hand."""
    queued: int
    """Sessions that wait for a worker."""
    waiting: int
    """Sessions that wait for a person, a job or a timer."""
    open_approvals: int
    unknown_calls: int = 0
    """Calls that may have taken effect or not, until a person says so (`ml-intern resolve`).

    An older daemon does not count them.
    """
    spent_today_micro_usd: int = 0
    """By all sessions of the database, on this day in UTC; with what was held."""
    reserved_today_micro_usd: int = 0
    without_room: int = 0
    """Sessions that wait because a cap is reached (`ml-intern extend`)."""
    without_model: int = 0
    """Sessions that wait because none of their models answers; an older daemon does not count them.
    """
    messages_waiting: int = 0
    """What is to be told in Slack, and has not been."""
    oldest_message_s: float = 0.0
    """How long the first of them has waited."""
    messages_refused: int = 0
    """What Slack did not take, in the last seven days; the log says which and why."""
    traces_pending: int = 0
    """Session files that have something to be sent to the Hub."""
    traces_held: int = 0
    """Session files that are not sent until a person acts (`ml-intern traces status`)."""
    traces_trouble: str = ""
    """Why nothing is sent to the Hub; empty: it is, or nothing is to be sent."""
    traces_off: str = ""
    """Why nothing is to be sent to the Hub: it is turned off, or there is no token."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules that stand before the defaults."""

    rules: tuple[Rule, ...]
    """Of the settings, in their order."""
    granted: tuple[RuleGranted, ...] = ()
    """What people have approved in general for one session, and not revoked."""
    read_at: datetime | None = None
    """When `rules` were read from the settings; an older daemon does not say."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the policy says of a call that nobody makes."""

    tool: str
    operation: str
    repository: str
    arguments: dict[str, Any] = field(hash=False)
    """As they would run: complete with defaults, and with what the tool settles itself."""
    cost_micro_usd: int | None
    """At worst; None: unknown."""
    judgement: Judgement


class Watch(Protocol):
    """What comes in, in order, from a cursor on. For one thread."""

    def take(self) -> Sequence[Recorded | TextPiece]:
        """What has come since the last time; empty when nothing has. Does not wait.

        A watcher that falls far behind loses pieces of text, never an event.
        Raises StoreUnavailable, DaemonGone.
        """
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class Door(Protocol):
    """Safe from any thread. Every method may raise StoreUnavailable, a remote one DaemonGone."""

    def start_session(self, new: NewSession, *, key: str | None = None) -> SessionId:
        """Store a new session with its task; durable when this returns.

        The same `key` again gives the same session, and nothing is stored twice.
        Raises InputError, ConfigError for a model that cannot be used, Busy, Draining.
        """
        ...

    def fork(self, fork: Fork, *, key: str | None = None) -> SessionId:
        """Store a new session that goes on from another one; durable when this returns.

        It has the messages, and a copy of the files where they lie on the door's machine. The same
        `key` again gives the same session. Raises UnknownSession, InputError for a file that cannot
        be read or a turn that does not exist; else as `start_session`.
        """
        ...

    def submit(
        self, session_id: SessionId, request: Request, *, key: str | None = None
    ) -> int | None:
        """Queue a request; its number, or None when the session had one with this `key`.

        Raises UnknownSession, InputError, ConfigError, Busy, Draining.
        """
        ...

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
        """Decide an open approval; false when somebody was first. Durable when it returns.

        `arguments` are the edited ones, complete; only with `edit`. `like_this` approves all calls
        like it too, where that is offered. Raises InputError.
        """
        ...

    def decide_all(self, said: Sequence[Said], *, decided_by: str) -> Sequence[ApprovalId]:
        """Decide several approvals of one session at once; those of which this decision counts.

        Durable when it returns. Raises InputError; then all of them stay open.
        """
        ...

    def check_edit(self, approval_id: str, arguments: Mapping[str, Any]) -> EditCheck:
        """Whether an approval could be given with these arguments, complete. Decides nothing.

        Raises InputError for an unknown approval.
        """
        ...

    def resolve(
        self,
        session_id: SessionId,
        call_id: str,
        choice: Choice,
        *,
        resolved_by: str,
        note: str = "",
    ) -> bool:
        """Say what is to become of a call whose effect nobody can look up; the model reads `note`.

        False when somebody was first, or the call was ended. Durable when it returns. `call_id`
        may be cut to a unique beginning; empty, it is the only one that is open.
        Raises UnknownSession, InputError when no such call was ever lost, Draining.
        """
        ...

    def declare_lost(
        self, session_id: SessionId, job_id: str, *, declared_by: str, note: str = ""
    ) -> bool:
        """Say of a running job that it ended with its machine; the model reads `note`.

        False when it had ended before. Durable when it returns. `job_id` may be cut to a unique
        beginning; empty, it is the only one that runs.
        Raises UnknownSession, InputError when no such job runs or it runs here, Draining.
        """
        ...

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
        """Give more room under a cap, in its unit; the session goes on. Durable when it returns.

        `cap` as in `BudgetReached`, where `session` and `day` need not say which. `answers`: the
        number of a `BudgetReached`, which is answered once; None: that which the session waits for.
        False when it was answered before, or `key` was seen. Raises UnknownSession, InputError,
        Draining.
        """
        ...

    def budget(self, session_id: SessionId | None = None) -> Sequence[CapState]:
        """How the caps of a session stand; for None those that all sessions share.

        Raises UnknownSession.
        """
        ...

    def sessions(self, limit: int) -> Sequence[SessionRow]:
        """At most `limit` sessions, the newest first."""
        ...

    def session(self, prefix: str) -> SessionRow:
        """The session with this id, or the only one whose id begins so.

        Raises UnknownSession, InputError when several begin so.
        """
        ...

    def queue_place(self, session_id: SessionId) -> QueuePlace:
        """What is open in the session, and who works on it or comes first.

        Raises UnknownSession.
        """
        ...

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        """The session's events with numbers above `after_seq`, in order."""
        ...

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> Watch:
        """Follow one session from `after_seq` on; `wake` is called when `take` has something.

        `wake` comes from any thread and must not block. Raises UnknownSession.
        """
        ...

    def open_approvals(self, session_id: SessionId | None = None) -> Sequence[ApprovalRow]:
        """Approvals that wait for a person, oldest first; of all sessions for None."""
        ...

    def approval(self, prefix: str) -> ApprovalRow:
        """The approval with this id, or the only one whose id begins so. Raises InputError."""
        ...

    def tools(self) -> Sequence[ToolSpec]:
        """What a model may call."""
        ...

    def policy(self, session_id: SessionId | None = None) -> Policy:
        """The rules of the settings, and those of a session if one is named.

        Raises UnknownSession.
        """
        ...

    def explain(
        self, tool: str, arguments: Mapping[str, Any], session_id: SessionId | None = None
    ) -> Explanation:
        """What the policy says of a call, in a session or in an empty one; nothing runs.

        Raises UnknownSession, InputError for an unknown tool or arguments that do not fit,
        SandboxError.
        """
        ...

    def revoke_rule(self, session_id: SessionId, rule_id: str, *, revoked_by: str) -> bool:
        """Take back a rule of a session; false when it was taken back before.

        `rule_id` may be cut to a unique beginning. Durable when it returns.
        Raises UnknownSession, InputError when the session never had it, Draining.
        """
        ...

    def trace_path(self, session_id: SessionId) -> str:
        """Where the session's trace is or will be. Raises UnknownSession."""
        ...

    def rewrite_trace(self, session_id: SessionId) -> int:
        """Write the session's trace anew, by the secrets and patterns that are known now.

        How many files it has; 0: there is none here. What was sent somewhere before stays there.
        Raises UnknownSession, StateConflict, StoreUnavailable.
        """
        ...

    def health(self) -> Health:
        """How the process behind this door is. Never raises for a store that is in trouble."""
        ...
