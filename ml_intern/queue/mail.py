"""Mail to and from other channels: what people did there, what they are told, and how far we are.

What comes in is stored before the other side hears that it has arrived, and once, however often it
is sent. What goes out is sent in order within its lane; a sending that was begun and not ended is
in doubt, and the sender looks before it sends again. Readers and senders hold a row of `reader`:
one process at a time, until it is released or its time is over, and the place of a reader is kept
with what it put. Safe from any thread. Does not know what a body means, but for its `channel`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    RowMapping,
    Text,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)

from ml_intern.clock import Clock, stamp
from ml_intern.errors import LeaseLost
from ml_intern.messages import SessionId
from ml_intern.queue.bell import Bell
from ml_intern.queue.database import Database
from ml_intern.queue.pruning import prune
from ml_intern.queue.schema import Words, inbox, outbox, reader

T = TypeVar("T")
HOLD_S = 30.0
"""How long a row of `reader` is held without being held again."""

PRUNED_AT_ONCE = 500
"""Of each box, in one transaction: nobody waits for long."""

LetterState = Literal["new", "done", "refused"]
PostState = Literal["queued", "sending", "sent", "superseded", "failed"]
"""`sending`: it was begun, and whether it arrived is in doubt until it is `sent`."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What somebody did elsewhere, and nobody has dealt with."""

    id: int
    key: str
    """Under which it counts once, whatever it came in."""
    body: dict[str, Any] = field(hash=False)
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Something that is to be sent."""

    lane: str
    """What stands in one lane is sent in this order."""
    dedupe: str
    """The same again is not stored again."""
    body: dict[str, Any] = field(hash=False)
    session_id: SessionId | None = None
    external_id: str | None = None
    """With one it counts as sent: the channel has it already, under this name."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """Something that waits to be sent, or has been."""

    id: int
    lane: str
    dedupe: str
    body: dict[str, Any] = field(hash=False)
    session_id: SessionId | None
    state: PostState
    attempts: int
    external_id: str | None
    created: datetime


@dataclass(frozen=True, kw_only=True)
class Undelivered:
    """What people have not been told."""

    waiting: int = 0
    since: datetime | None = None
    """When the oldest of those was put; None when nothing waits."""
    refused: int = 0
    """Given up, and not pruned yet."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """The right to read or send under this name."""

    name: str
    token: int
    position: int
    """Of the journal, up to which the reader has come."""


_RECEIVE = text(
    "INSERT INTO inbox (channel, dedupe, body, state, note, received_at) "
    "VALUES (:channel, :dedupe, :body, 'new', '', :at) ON CONFLICT (dedupe) DO NOTHING RETURNING id"
).bindparams(bindparam("body", type_=JSON))
_PUT = text(
    "INSERT INTO outbox (session_id, channel, lane, body, dedupe, state, external_id, created) "
    "VALUES (:session_id, :channel, :lane, :body, :dedupe, :state, :external_id, :at) "
    "ON CONFLICT (dedupe) DO NOTHING RETURNING id"
).bindparams(bindparam("body", type_=JSON), bindparam("lane", type_=Words))
_NEW_READER = text(
    "INSERT INTO reader (name, position, token) VALUES (:name, :position, 0) "
    "ON CONFLICT (name) DO NOTHING"
).bindparams(bindparam("name", type_=Text), bindparam("position", type_=BigInteger))

_UNREAD = (
    select(inbox)
    .where(
        inbox.c.channel == bindparam("of"),
        inbox.c.state == "new",
        inbox.c.id > bindparam("after"),
    )
    .order_by(inbox.c.id)
    .limit(bindparam("most"))
)
_SETTLE = (
    update(inbox)
    .where(inbox.c.id == bindparam("letter"), inbox.c.state == "new")
    .values(state=bindparam("becomes"), note=bindparam("words"))
)
_REOPEN = (
    update(inbox)
    .where(
        inbox.c.channel == bindparam("of"),
        inbox.c.state == "done",
        inbox.c.note == bindparam("words"),
        inbox.c.body["channel"].as_string() == bindparam("place"),
        inbox.c.body["thread_ts"].as_string() == bindparam("thread"),
    )
    .values(state="new", note="")
)
_OPEN_STATES = ("queued", "sending")
_HEADS = (
    select(func.min(outbox.c.id))
    .where(outbox.c.channel == bindparam("of"), outbox.c.state.in_(_OPEN_STATES))
    .group_by(outbox.c.lane)
)
_GOES_TO = outbox.c.body["channel"].as_string()
_READY = (
    select(outbox)
    .where(outbox.c.id.in_(_HEADS))
    .where(or_(outbox.c.next_try.is_(None), outbox.c.next_try <= bindparam("at")))
    .where(func.coalesce(_GOES_TO, "").not_in(bindparam("busy", expanding=True)))
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
)
_BEHIND = (
    select(outbox)
    .where(
        outbox.c.channel == bindparam("of"),
        outbox.c.state == "queued",
        outbox.c.lane == bindparam("in_lane"),
        outbox.c.id > bindparam("after"),
    )
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
)
_BY_DEDUPE = select(outbox).where(outbox.c.dedupe == bindparam("key"))
_BY_EXTERNAL = (
    select(outbox)
    .where(outbox.c.channel == bindparam("of"), outbox.c.external_id == bindparam("external"))
    .order_by(outbox.c.id)
    .limit(1)
)
_COUNTS = (
    select(outbox.c.state, func.count().label("number"))
    .where(outbox.c.channel == bindparam("of"))
    .group_by(outbox.c.state)
)
_WAITING = select(func.count(), func.min(outbox.c.id)).where(
    outbox.c.channel == bindparam("of"), outbox.c.state.in_(_OPEN_STATES)
)
_CREATED = select(outbox.c.created).where(outbox.c.id == bindparam("post"))
_REFUSED = select(func.count()).where(
    outbox.c.channel == bindparam("of"), outbox.c.state == "failed"
)
_OPEN = update(outbox).where(outbox.c.id == bindparam("post"), outbox.c.state.in_(_OPEN_STATES))
_BEGIN = _OPEN.values(state="sending", attempts=outbox.c.attempts + 1, next_try=None)
_NOTE = _OPEN.values(external_id=bindparam("external"))
_AGAIN = _OPEN.values(state=bindparam("becomes"), next_try=bindparam("at"))
_SENT = _OPEN.values(state="sent", external_id=bindparam("external"))
_END = _OPEN.values(state=bindparam("becomes"))

_FREE = or_(
    reader.c.held_until.is_(None),
    reader.c.held_until < bindparam("now"),
    # From before the clock began anew.
    reader.c.held_until > bindparam("until"),
)
_HOLD = (
    update(reader)
    .where(reader.c.name == bindparam("of"), _FREE)
    .values(token=reader.c.token + 1, held_until=bindparam("until"))
    .returning(reader.c.token, reader.c.position)
)
_IS_FREE = select(reader.c.name).where(reader.c.name == bindparam("of"), _FREE)
_KNOWN = select(reader.c.name).where(reader.c.name == bindparam("of"))
_REACHED = select(reader.c.position).where(reader.c.name == bindparam("of"))
_REACH = (
    update(reader)
    .where(reader.c.name == bindparam("of"), reader.c.position < bindparam("reached"))
    .values(position=bindparam("reached"))
)
_OURS = update(reader).where(reader.c.name == bindparam("of"), reader.c.token == bindparam("ours"))
_RENEW = _OURS.values(held_until=bindparam("until"))
_RELEASE = _OURS.values(held_until=None)
_ADVANCE = _OURS.values(position=bindparam("reached"), held_until=bindparam("until"))


class Mail:
    """See the module. Every method may raise StoreUnavailable."""

    def __init__(
        self, database: Database, clock: Clock, bell: Bell, write: Callable[..., Any]
    ) -> None:
        """`write`: as `Database.write`, and wakes those who wait here afterwards."""
        self._database = database
        self._clock = clock
        self._bell = bell
        self._write = write

    # Incoming

    def receive(self, channel: str, dedupe: str, body: dict[str, Any]) -> bool:
        """Store what came; false when it was stored before. Raises InputError for no valid text."""
        bind = {"channel": channel, "dedupe": dedupe, "body": body, "at": self._now()}
        return self._change(lambda c: c.execute(_RECEIVE, bind).first() is not None)

    def unread(self, channel: str, most: int, *, after: int = 0) -> list[Letter]:
        """What nobody has dealt with, oldest first; of the letters behind the one `after`."""
        bind = {"of": channel, "most": most, "after": after}
        with self._database.read() as connection:
            rows = connection.execute(_UNREAD, bind).mappings()
            return [_letter(row) for row in rows]

    def settle(self, letter: Letter, becomes: LetterState, note: str = "") -> bool:
        """It was dealt with; false when it was before."""
        bind = {"letter": letter.id, "becomes": becomes, "words": note}
        return self._change(lambda c: c.execute(_SETTLE, bind).rowcount == 1)

    def reopen(self, channel: str, note: str, *, place: str, thread_ts: str) -> int:
        """Let what was settled with this note be dealt with once more; how much it was.

        `place`, `thread_ts`: what its body names as `channel` and `thread_ts`.
        """
        bind = {"of": channel, "words": note, "place": place, "thread": thread_ts}
        reopened: int = self._change(lambda c: c.execute(_REOPEN, bind).rowcount)
        return reopened

    # Outgoing

    def put(self, channel: str, drafts: Iterable[Draft]) -> int:
        """Store what is to be sent; how many of them are new.

        Raises ValueError for numbers that JSON does not have: no query reads past them.
        """
        found, at = list(drafts), self._now()
        return self._change(lambda c: _put(c, channel, found, at))

    def ready(self, channel: str, most: int, busy: Sequence[str] = ()) -> list[Post]:
        """The first of each lane, if its time has come; oldest first.

        `busy`: what goes there may not go now; a body says in `channel` where it goes.
        """
        bind = {"of": channel, "at": self._now(), "busy": list(busy), "most": most}
        with self._database.read() as connection:
            return [_post(row) for row in connection.execute(_READY, bind).mappings()]

    def behind(self, channel: str, first: Post, most: int) -> list[Post]:
        """What waits in the lane of `first` behind it."""
        with self._database.read() as connection:
            bind = {"of": channel, "in_lane": first.lane, "after": first.id, "most": most}
            return [_post(row) for row in connection.execute(_BEHIND, bind).mappings()]

    def begin(self, post: Post) -> bool:
        """From here on it is in doubt whether it was sent; false when it was ended meanwhile."""
        return self._move(_BEGIN, post)

    def note(self, post: Post, external_id: str) -> bool:
        """Keep a name that the channel gave to a part of it."""
        return self._move(_NOTE, post, external=external_id)

    def sent(self, post: Post, external_id: str | None) -> bool:
        """It has arrived, and the channel calls it so."""
        return self._move(_SENT, post, external=external_id)

    def again(self, post: Post, at: datetime, *, doubtful: bool) -> bool:
        """Try again at `at`; `doubtful`: it may have arrived."""
        becomes: PostState = "sending" if doubtful else "queued"
        return self._move(_AGAIN, post, becomes=becomes, at=stamp(at))

    def drop(self, post: Post, becomes: Literal["superseded", "failed"]) -> bool:
        """It will not be sent."""
        return self._move(_END, post, becomes=becomes)

    def find(self, dedupe: str) -> Post | None:
        """What was put under this key, whatever became of it."""
        with self._database.read() as connection:
            row = connection.execute(_BY_DEDUPE, {"key": dedupe}).mappings().first()
        return None if row is None else _post(row)

    def known_as(self, channel: str, external_id: str) -> Post | None:
        """What the channel calls so."""
        bind = {"of": channel, "external": external_id}
        with self._database.read() as connection:
            row = connection.execute(_BY_EXTERNAL, bind).mappings().first()
        return None if row is None else _post(row)

    def counts(self, channel: str) -> dict[PostState, int]:
        """How many are in each state."""
        with self._database.read() as connection:
            rows = connection.execute(_COUNTS, {"of": channel}).all()
        return {row.state: row.number for row in rows}

    def undelivered(self, channel: str) -> Undelivered:
        """What waits to be sent, and what will not be."""
        with self._database.read() as connection:
            return undelivered(connection, channel)

    # Both

    def prune(self, before: datetime) -> int:
        """Delete some of what was dealt with before that and is not needed; how much: see `prune`.

        Call it until it says 0. The same coming again would count once more: keep it for days.
        """
        gone: int = self._database.write(lambda c: prune(c, stamp(before), PRUNED_AT_ONCE))
        return gone

    # Who reads and sends

    def hold(self, name: str, begin_at: int = 0) -> Held | None:
        """Hold the row for `HOLD_S` seconds; None while another does.

        `begin_at`: the position of a reader that never was.
        """
        with self._database.read() as connection:
            bind = {"of": name, **self._until(connection)}
            known = connection.execute(_KNOWN, {"of": name}).first() is not None
            if known and connection.execute(_IS_FREE, bind).first() is None:
                return None

        def work(connection: Connection) -> Held | None:
            connection.execute(_NEW_READER, {"name": name, "position": begin_at})
            bind = {"of": name, **self._until(connection)}
            row = connection.execute(_HOLD, bind).first()
            if row is None:
                return None
            return Held(name=name, token=row.token, position=row.position)

        found: Held | None = self._database.write(work)
        return found

    def renew(self, held: Held) -> None:
        """Hold it anew. Raises LeaseLost when another has it."""
        self._database.write(lambda c: _demand(c, held, _RENEW, until=self._until(c)["until"]))

    def release(self, held: Held) -> None:
        """Let another have it at once. Raises LeaseLost."""
        self._database.write(lambda c: _demand(c, held, _RELEASE))

    def advance(self, held: Held, position: int, channel: str, drafts: Sequence[Draft]) -> None:
        """Put what the events up to `position` gave, and hold the row anew; both or nothing.

        Raises LeaseLost.
        """
        at = self._now()

        def work(connection: Connection) -> None:
            until = self._until(connection)["until"]
            _demand(connection, held, _ADVANCE, reached=position, until=until)
            _put(connection, channel, drafts, at)

        if drafts:
            self._change(work)
        else:
            self._database.write(work)

    def reached(self, name: str) -> int | None:
        """How far this reader has come; None when it never was."""
        with self._database.read() as connection:
            found: int | None = connection.execute(_REACHED, {"of": name}).scalar()
        return found

    def reach(self, name: str, position: int) -> None:
        """This reader, of which there may be several, has come so far; it never goes back."""

        def work(connection: Connection) -> None:
            connection.execute(_NEW_READER, {"name": name, "position": position})
            connection.execute(_REACH, {"of": name, "reached": position})

        self._database.write(work)

    # Waiting

    def rings(self) -> int:
        """Read it before looking, and give it to `wait` afterwards."""
        return self._bell.rings()

    def wait(self, heard: int, timeout_s: float) -> None:
        """Until there may be something new, at most `timeout_s` seconds."""
        self._bell.wait(heard, min(timeout_s, self._database.poll_s))

    def _until(self, connection: Connection) -> dict[str, float]:
        now = self._database.now(connection)
        return {"now": now, "until": now + HOLD_S}

    def _move(self, statement: Any, post: Post, **bind: Any) -> bool:
        bound = {"post": post.id, **bind}
        moved: bool = self._database.write(lambda c: c.execute(statement, bound).rowcount == 1)
        return moved

    def _change(self, work: Callable[[Connection], T]) -> T:
        changed: T = self._write(work, "mail")
        return changed

    def _now(self) -> str:
        return stamp(self._clock.now())


def undelivered(connection: Connection, channel: str) -> Undelivered:
    """See `Mail.undelivered`."""
    waiting, oldest = connection.execute(_WAITING, {"of": channel}).one()
    since = connection.execute(_CREATED, {"post": oldest}).scalar()  # none, if it was sent just now
    refused = connection.execute(_REFUSED, {"of": channel}).scalar_one()
    return Undelivered(
        waiting=waiting,
        since=None if since is None else datetime.fromisoformat(since),
        refused=refused,
    )


def _demand(connection: Connection, held: Held, statement: Any, **bind: Any) -> None:
    bound = {"of": held.name, "ours": held.token, **bind}
    if connection.execute(statement, bound).rowcount != 1:
        raise LeaseLost(f"Another process is {held.name} now.")


def _put(connection: Connection, channel: str, drafts: Sequence[Draft], at: str) -> int:
    return sum(_put_one(connection, channel, draft, at) for draft in drafts)


def _put_one(connection: Connection, channel: str, draft: Draft, at: str) -> bool:
    json.dumps(draft.body, allow_nan=False)
    bind = {
        "session_id": draft.session_id,
        "channel": channel,
        "lane": draft.lane,
        "body": draft.body,
        "dedupe": draft.dedupe,
        "state": "queued" if draft.external_id is None else "sent",
        "external_id": draft.external_id,
        "at": at,
    }
    return connection.execute(_PUT, bind).first() is not None


def _letter(row: RowMapping) -> Letter:
    received_at = datetime.fromisoformat(row["received_at"])
    return Letter(id=row["id"], key=row["dedupe"], body=row["body"], received_at=received_at)


def _post(row: RowMapping) -> Post:
    return Post(
        id=row["id"],
        lane=row["lane"],
        dedupe=row["dedupe"],
        body=row["body"],
        session_id=None if row["session_id"] is None else SessionId(row["session_id"]),
        state=row["state"],
        attempts=row["attempts"],
        external_id=row["external_id"],
        created=datetime.fromisoformat(row["created"]),
    )
