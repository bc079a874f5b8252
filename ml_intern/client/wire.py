"""What requests and answers look like as JSON: the one codec of both ends of the socket.

Requests may hold nothing that is not named here; in answers a client passes over what it does not
know, so that an older one gets on with a newer daemon. Events are what `ml_intern/events.py` makes
of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, TypeVar

import pydantic_core
from pydantic import ConfigDict, Field, TypeAdapter, with_config

from ml_intern import events
from ml_intern.client.door import (
    Explanation,
    Fork,
    Health,
    NewSession,
    Policy,
    Request,
    TextPiece,
)
from ml_intern.clock import stamp
from ml_intern.errors import InputError
from ml_intern.events import Event, Verdict
from ml_intern.messages import ApprovalId, Choice, SessionId, ToolSpec
from ml_intern.queue.rows import ApprovalRow, QueuePlace, Recorded, SessionRow
from ml_intern.session.caps import CapState
from ml_intern.session.said import EditCheck

VERSION = "v1"
MOST_SESSIONS = 10_000
MOST_EVENTS = 5_000
MOST_DECISIONS = 1_000
LARGEST_NUMBER = 2**63 - 1
LONGEST_ID_CHARS = 200
LONGEST_KEY_CHARS = 255

HALF_SURROGATES = "The text has half surrogates in it; give valid Unicode."
"""As the store says it."""

# In a body a number is a number; in a query everything is text.
_BODY = ConfigDict(extra="forbid", strict=True)
_QUERY = ConfigDict(extra="forbid")
T = TypeVar("T")


class Codec(Generic[T]):
    """One kind of document. Safe from any thread."""

    def __init__(self, kind: Any, *, config: ConfigDict | None = None) -> None:
        self._kind = kind
        self._config = config

    @cached_property
    def adapter(self) -> TypeAdapter[T]:
        """Also says what the document's schema is."""
        return TypeAdapter(self._kind, config=self._config)

    def encode(self, value: T) -> bytes:
        """The document as JSON. Raises InputError for text that no UTF-8 can hold."""
        try:
            return self.adapter.dump_json(value)
        except pydantic_core.PydanticSerializationError as exc:
            raise InputError(HALF_SURROGATES) from exc

    def decode(self, data: bytes) -> T:
        """The inverse of `encode`. Raises pydantic.ValidationError, a ValueError."""
        return self.adapter.validate_json(data)


# Requests


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class SessionRequest(NewSession):
    """A task, and what is to be true for its session."""

    started_in: Annotated[str, Field(json_schema_extra={"pattern": "^/"})]
    """The folder in which the person typed it, absolute."""

    def plain(self) -> NewSession:
        """As a door takes it."""
        return NewSession(**vars(self))


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class ForkRequest(Fork):
    """A session to go on from, at the end of one of its turns, and what is to be true then."""

    turn: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] | None = None
    """From 1; each words of a person that were no answer to a question begin one.

    None: the last one, as the session stands now, without what was taken back.
    """
    started_in: Annotated[str, Field(json_schema_extra={"pattern": "^/"})]
    """The folder in which the person typed it, absolute."""

    def plain(self) -> Fork:
        """As a door takes it."""
        return Fork(**vars(self))


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Decision:
    """A person's decision about one call."""

    verdict: Verdict
    decided_by: str
    reason: str = ""
    arguments: dict[str, Any] | None = field(default=None, hash=False)
    """The edited ones, complete; only with `edit`."""
    like_this: bool = False
    """Approve all calls like it too, where that is offered; only with `approve`."""


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class OneDecision:
    """What a person says about one call."""

    approval_id: str
    verdict: Verdict
    reason: str = ""
    arguments: dict[str, Any] | None = field(default=None, hash=False)
    """The edited ones, complete; only with `edit`."""
    like_this: bool = False


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Decisions:
    """A person's decisions about calls of one session, all or none."""

    decided_by: str
    decisions: Annotated[tuple[OneDecision, ...], Field(min_length=1, max_length=MOST_DECISIONS)]


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Edit:
    """Arguments to look at."""

    arguments: dict[str, Any] = field(hash=False)
    """Complete."""


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What a person says of a call whose effect nobody can look up."""

    choice: Choice
    """`retry`: start it again as it was; `done`: it took effect; `skip`: do not repeat it."""
    resolved_by: str
    call_id: str = ""
    """May be cut to a unique beginning; empty: the only one that is open."""
    note: str = ""
    """For the model."""


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class JobLoss:
    """What a person says of a job whose machine is gone for good."""

    declared_by: str
    job_id: str = ""
    """May be cut to a unique beginning; empty: the only one that runs."""
    note: str = ""
    """For the model."""


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Question:
    """A call that nobody makes: what would the policy say of it?"""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    session_id: Annotated[SessionId | None, Field(max_length=LONGEST_ID_CHARS)] = None
    """In which session; null: in an empty one."""


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Revocation:
    """A rule of a session that is to hold no more."""

    rule_id: str
    """May be cut to a unique beginning."""
    revoked_by: str


@with_config(_BODY)
@dataclass(frozen=True, kw_only=True)
class Extension:
    """More room under a cap."""

    cap: str
    """`session`, `day`, `day:DATE` or `daemon`, in millionths of a US dollar; `tokens`, `seconds`,
    `iterations`; or `price:MODEL`, in calls.
    """
    amount: int
    extended_by: str
    reason: str = ""
    answers: Annotated[int | None, Field(ge=1, le=LARGEST_NUMBER)] = None
    """Number of the event `budget_reached` that this answers; each is answered once."""


@with_config(_QUERY)
@dataclass(frozen=True, kw_only=True)
class NoQuery:
    """For operations that take no parameters."""


@with_config(_QUERY)
@dataclass(frozen=True, kw_only=True)
class SessionsQuery:
    """Which sessions."""

    limit: Annotated[int, Field(ge=0, le=MOST_SESSIONS)] = 100


@with_config(_QUERY)
@dataclass(frozen=True, kw_only=True)
class StreamQuery:
    """From where on."""

    after: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 0


@with_config(_QUERY)
@dataclass(frozen=True, kw_only=True)
class EventsQuery(StreamQuery):
    """From where on, and how many."""

    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS)] = 500


@with_config(_QUERY)
@dataclass(frozen=True, kw_only=True)
class ApprovalsQuery:
    """Of which session; of all when none is named."""

    session: Annotated[str | None, Field(max_length=LONGEST_ID_CHARS)] = None


# Answers


@dataclass(frozen=True, kw_only=True)
class About:
    """Who answers here, and which versions of this interface it speaks."""

    name: Literal["ml-intern"]
    version: str
    api: tuple[str, ...]
    pid: int


@dataclass(frozen=True, kw_only=True)
class Started:
    """The session that was stored, now or before with the same key."""

    session_id: SessionId


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The request is on disk."""

    op_seq: int | None
    """Its number in its session; null when the session had one with this key."""


@dataclass(frozen=True, kw_only=True)
class SessionList:
    """Sessions, the newest first."""

    sessions: tuple[SessionRow, ...]


@dataclass(frozen=True, kw_only=True)
class SessionAnswer:
    """One session, and what in it waits for a person."""

    session: SessionRow
    open_approvals: tuple[ApprovalRow, ...]


@dataclass(frozen=True, kw_only=True)
class ApprovalList:
    """Approvals that wait for a person, oldest first."""

    approvals: tuple[ApprovalRow, ...]


@dataclass(frozen=True, kw_only=True)
class Decided:
    """How an approval stands after a decision about it."""

    won: bool
    """False: somebody was first, and nothing changed."""
    approval: ApprovalRow


@dataclass(frozen=True, kw_only=True)
class AllDecided:
    """Of which approvals this decision counts."""

    won: tuple[ApprovalId, ...]
    """About the others somebody had decided before."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Whether this answer for a lost call or job is the one that counts."""

    won: bool
    """False: somebody was first, or the call or job was ended; nothing changed."""


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """Whether this took the rule back."""

    won: bool
    """False: it was taken back before."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How caps stand."""

    caps: tuple[CapState, ...]


@dataclass(frozen=True, kw_only=True)
class ToolList:
    """What a model may call."""

    tools: tuple[ToolSpec, ...]


@dataclass(frozen=True, kw_only=True)
class TracePlace:
    """Where a session's trace is or will be, on the daemon's machine."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """A session's trace was written anew."""

    files: int
    """How many it has; 0: there is none here."""


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One event with its place in the journal: `Recorded`, as JSON."""

    position: int
    session_id: SessionId
    seq: int
    at: datetime
    event: Annotated[Event, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """Some of a session's events, in order."""

    events: tuple[JournalEntry, ...]
    next: int | None
    """What `after` must be for the next page; null when there is none."""


SESSION_REQUEST: Codec[SessionRequest] = Codec(SessionRequest)
FORK_REQUEST: Codec[ForkRequest] = Codec(ForkRequest)
REQUEST: Codec[Request] = Codec(Annotated[Request, Field(discriminator="kind")], config=_BODY)
DECISION: Codec[Decision] = Codec(Decision)
DECISIONS: Codec[Decisions] = Codec(Decisions)
EDIT: Codec[Edit] = Codec(Edit)
RESOLUTION: Codec[Resolution] = Codec(Resolution)
JOB_LOSS: Codec[JobLoss] = Codec(JobLoss)
QUESTION: Codec[Question] = Codec(Question)
REVOCATION: Codec[Revocation] = Codec(Revocation)
POLICY: Codec[Policy] = Codec(Policy)
EXPLANATION: Codec[Explanation] = Codec(Explanation)
REVOKED: Codec[Revoked] = Codec(Revoked)
EXTENSION: Codec[Extension] = Codec(Extension)
ABOUT: Codec[About] = Codec(About)
STARTED: Codec[Started] = Codec(Started)
ACCEPTED: Codec[Accepted] = Codec(Accepted)
SESSIONS: Codec[SessionList] = Codec(SessionList)
SESSION: Codec[SessionAnswer] = Codec(SessionAnswer)
QUEUE_PLACE: Codec[QueuePlace] = Codec(QueuePlace)
APPROVALS: Codec[ApprovalList] = Codec(ApprovalList)
APPROVAL: Codec[ApprovalRow] = Codec(ApprovalRow)
DECIDED: Codec[Decided] = Codec(Decided)
ALL_DECIDED: Codec[AllDecided] = Codec(AllDecided)
EDIT_CHECK: Codec[EditCheck] = Codec(EditCheck)
RESOLVED: Codec[Resolved] = Codec(Resolved)
BUDGET: Codec[Budget] = Codec(Budget)
TOOLS: Codec[ToolList] = Codec(ToolList)
TRACE: Codec[TracePlace] = Codec(TracePlace)
REWRITTEN: Codec[Rewritten] = Codec(Rewritten)
HEALTH: Codec[Health] = Codec(Health)
TEXT: Codec[TextPiece] = Codec(TextPiece)
ENTRY: Codec[JournalEntry] = Codec(JournalEntry)
"""For the description; `encode_recorded` and `decode_recorded` are what is used."""


# Events


def encode_recorded(recorded: Recorded) -> bytes:
    """A `JournalEntry`."""
    place = {
        "position": recorded.position,
        "session_id": recorded.session_id,
        "seq": recorded.seq,
        "at": stamp(recorded.at),
    }
    event = events.encode(recorded.event)
    return f'{json.dumps(place)[:-1]}, "event": {event}}}'.encode()


def decode_recorded(data: bytes) -> Recorded:
    """The inverse of `encode_recorded`. Raises ValueError, also for an event of a newer version."""
    return _recorded(_ENTRY.decode(data))


def encode_page(entries: Sequence[bytes], next_after: int | None) -> bytes:
    """An `EventPage` of entries that are encoded already."""
    return b'{"events":[%s],"next":%s}' % (b",".join(entries), json.dumps(next_after).encode())


def decode_page(data: bytes) -> tuple[list[Recorded], int | None]:
    """The events of a page, and where the next one begins. Raises ValueError."""
    page = _PAGE.decode(data)
    return [_recorded(entry) for entry in page.events], page.next


def encode_text(piece: TextPiece) -> bytes:
    """A piece of text; a half surrogate, which a broken stream may end in, becomes `?`."""
    text = piece.text.encode("utf-8", "replace").decode()
    return TEXT.encode(TextPiece(session_id=piece.session_id, text=text))


@dataclass(frozen=True, kw_only=True)
class _Entry:
    position: int
    session_id: SessionId
    seq: int
    at: datetime
    event: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Page:
    events: tuple[_Entry, ...]
    next: int | None


_ENTRY: Codec[_Entry] = Codec(_Entry)
_PAGE: Codec[_Page] = Codec(_Page)


def _recorded(entry: _Entry) -> Recorded:
    return Recorded(
        position=entry.position,
        session_id=entry.session_id,
        seq=entry.seq,
        at=entry.at,
        event=events.decode(pydantic_core.to_json(entry.event)),
    )
