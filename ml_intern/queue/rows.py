"""What the store hands out: plain values, copies of rows at the moment of reading."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ml_intern.events import Event, Exhibit, JobStatus, Outcome
from ml_intern.messages import ApprovalId, CallId, JobId, SessionId
from ml_intern.ops import Op

SessionState = Literal["idle", "ready", "leased", "waiting"]
"""`idle`: nothing to do; `ready`: an op may be claimed; `leased`: a worker is in it."""
ApprovalState = Literal["pending", "approved", "denied", "edited", "expired", "superseded"]
"""`superseded`: its call was answered without a decision, e.g. by an interrupt."""

SpendState = Literal["reserved", "settled", "refunded", "held"]
"""`held`: nobody can tell, so all of it counts as spent."""

MOST_AMOUNT = 1_000_000_000_000_000
"""That is reserved or given at once, e.g. a billion dollars. Sums of such fit their columns."""


def is_money(cap: str) -> bool:
    """Whether the cap has a row in `budget`; the others are folds of their session's journal."""
    return cap == "daemon" or cap.startswith(("session:", "day:"))


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to write into one session; it ends by `finish`, `release`, or by time."""

    session_id: SessionId
    token: int
    """Fencing number: grows with every claim, and each write is checked against it."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One op, handed to one worker."""

    session_id: SessionId
    op: Op
    op_seq: int
    attempt: int
    """1 for the first time; above that, an earlier worker left in the middle."""
    lease: Lease


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One event with its place in the journal."""

    position: int
    """Over all sessions; the cursor of readers."""
    session_id: SessionId
    seq: int
    """In its session, from 1, without gaps."""
    at: datetime
    event: Event


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """A session at a glance; `outcome`, `detail` and `waiting_on` are of the last turn."""

    session_id: SessionId
    title: str
    state: SessionState
    outcome: Outcome | None
    """None: no turn has begun yet, or one is under way."""
    detail: str
    waiting_on: tuple[str, ...]
    created: datetime
    updated: datetime
    model: str
    workspace: str
    started_in: str
    version: str


@dataclass(frozen=True, kw_only=True)
class ApprovalRow:
    """A call that needs or needed a person's yes."""

    approval_id: ApprovalId
    session_id: SessionId
    call_id: CallId
    tool: str
    arguments: dict[str, Any] = field(hash=False)
    """As the model wrote them; an edit stands in its `ApprovalDecided`."""
    arguments_sha256: str
    reason: str
    state: ApprovalState
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    question_id: str = ""
    """Approvals with the same one are one question."""
    content_sha256: str = ""
    """This and what follows: see `ApprovalRequested`."""
    operation: str = ""
    repository: str = ""
    why: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    cost_micro_usd: int | None = 0
    budget_left_micro_usd: int | None = None
    on_denial: str = ""
    expires_at: str = ""
    like_this: bool = False


@dataclass(frozen=True, kw_only=True)
class UnknownRow:
    """A call whose effect nobody could look up, and nobody has answered for yet."""

    session_id: SessionId
    call_id: CallId
    tool: str


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """A call that waits for a person."""

    session_id: SessionId
    call_id: CallId
    approval_id: ApprovalId | None
    """None: it is a question in words, and what follows is empty."""
    arguments: dict[str, Any] = field(hash=False)
    arguments_sha256: str
    reminders: int
    """How often people were reminded of it."""


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A long job. `handle` is what its compute needs to find it again."""

    job_id: JobId
    session_id: SessionId
    compute: str
    handle: dict[str, Any] = field(hash=False)
    label: str
    status: Literal["running"] | JobStatus
    log_offset: int
    """Bytes of its log that the journal knows."""
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class BudgetRow:
    """What has been counted against a cap, in millionths of a US dollar."""

    cap: str
    extended: int = 0
    spent: int = 0
    reserved: int = 0
    noticed: int = 0
    """The highest percentage that people were told of."""

    @property
    def used(self) -> int:
        """What is not free any more."""
        return self.spent + self.reserved


@dataclass(frozen=True, kw_only=True)
class RoomWanted:
    """A session that waits for room under a cap."""

    session_id: SessionId
    cap: str
    needed: int
    reached_seq: int
    """Number of the event that says so."""
    max_cost_micro_usd: int | None
    """The session's own cap, where it was started with one."""


@dataclass(frozen=True, kw_only=True)
class ModelsDue:
    """A session that waits for models, of which one may be asked again."""

    session_id: SessionId
    on: str
    """As in `TurnFinished.waiting_on`: `model:TIME`."""
    turn_seq: int
    """Number of the event that says so."""


@dataclass(frozen=True, kw_only=True)
class SpendRow:
    """Money that was reserved, and what became of it."""

    spend_id: str
    caps: tuple[str, ...]
    reserved_micro_usd: int
    spent_micro_usd: int | None
    """None while it is only reserved."""
    state: SpendState


@dataclass(frozen=True, kw_only=True)
class OpenOp:
    """An accepted op that is not done."""

    seq: int
    kind: str
    state: Literal["running", "queued"]
    attempts: int
    """How often a worker began with it."""
    created: datetime


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose lease it is."""

    pid: int
    token: int
    left_s: float
    """Until it is over, unless it is renewed; below 0 it is over, and the next worker takes it."""
    is_far: bool = False
    """A process of another machine, or of this one before it was started again."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a session belongs whose files lie elsewhere."""

    name: str
    folder: str
    """Of all its sessions, as it is called there."""


@dataclass(frozen=True, kw_only=True)
class QueuePlace:
    """One session's place in the queue."""

    state: SessionState
    ahead: int
    """Ready sessions that are served before this one; 0 unless it is ready itself."""
    holder: Holder | None
    """None unless it is leased."""
    open_ops: tuple[OpenOp, ...]
    """Oldest first."""
    elsewhere: Site | None = None
    """None for our own site, whose daemons take it up."""
    is_shared: bool = False
    """Daemons of other state directories work with this database too."""
