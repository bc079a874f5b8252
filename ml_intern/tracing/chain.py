"""The links between the lines of one file: parents, ids, times.

A line's uuid comes from its place in the journal alone, so the same events give the same lines.
Every line hangs on the one before it and has a millisecond of its own. Some readers recurse along
the links and die of too many, so the chain begins anew in time. Lines that are no event's (the head
of a part, the marks of a new chain) bear the place of the line before them: whoever goes on behind
one leaves nothing out.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ml_intern.messages import SessionId
from ml_intern.tracing.mark import START, Place, place_fields
from ml_intern.transcript.line import (
    NEW_CHAIN,
    UNTIMED,
    Body,
    Compacted,
    JsonObject,
    Line,
    Said,
    Title,
    line_uuid,
)
from ml_intern.transcript.parts import CONTINUES, part_id

NEW_CHAIN_FROM = 800
"""Links after which the chain begins anew where no call is open."""
MAX_CHAIN = 895
"""Links after which it begins anew in any place."""
MILLISECOND = timedelta(milliseconds=1)
_ANEW = ("boundary", "summary")
WORDS = (
    "The chain of lines begins anew here, because some programs follow only so many links. "
    "The conversation itself was not shortened: what stands above is still before the model."
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one line of a session says, before it has a file, and links there."""

    place: Place
    at: datetime
    version: str
    """Of the program."""
    body: Body | Title
    extra: JsonObject = field(default_factory=dict, hash=False)
    calls_are_open: bool
    """Some call has no result above this line."""
    may_begin_part: bool
    """It is an answer, and not the first: each file must hold one, and calls with their results."""
    context_tokens: int = 0
    """Before the model now; the mark of a new chain names it."""
    task: str = ""
    """What the person wanted first, in short; the head of a part names it."""


@dataclass(frozen=True, kw_only=True)
class Tail:
    """Where the chain of a file ends."""

    place: Place = START
    """Of the file's last line."""
    uuid: str | None = None
    """None: the next line begins the file."""
    at: datetime | None = None
    links: int = 0
    """From the last line without parent."""


NOTHING = Tail()


class Chain:
    """Gives the lines of one file their links. Not thread-safe."""

    def __init__(self, session_id: SessionId, number: int = 1, *, tail: Tail = NOTHING) -> None:
        """`number`: of the part that the file is. Raises ValueError for an id that is no UUID."""
        self._session_id = session_id
        self._file_id = part_id(session_id, number)
        self._number = number
        self._place = tail.place
        self._parent = tail.uuid
        self._last_at = tail.at
        self._links = tail.links

    def end(self) -> Tail:
        """Where it ends now."""
        return Tail(place=self._place, uuid=self._parent, at=self._last_at, links=self._links)

    def add(self, entry: Entry) -> list[Line | Title]:
        """The entry's line, behind the head of a part or the marks of a new chain where due."""
        before: list[Line | Title] = []
        if self._number > 1 and self._parent is None:
            before = [self._head(entry)]
        elif self._is_too_long(entry):
            before = [*self._begin_anew(entry)]
        return [*before, self._line(entry)]

    def _line(self, entry: Entry) -> Line | Title:
        body, parent = entry.body, self._parent
        if isinstance(body, Title):
            self._place = entry.place
            extra = place_fields(entry.place) | entry.extra
            return replace(body, session_id=self._file_id, extra=extra)
        if isinstance(body, Compacted):
            body = replace(body, after=self._parent or body.after)
            parent = self._parent if self._links < NEW_CHAIN_FROM else None
        uuid = uuid_of(self._session_id, entry.place)
        return self._link(entry, body, uuid, entry.place, parent, entry.extra)

    def _head(self, entry: Entry) -> Line:
        """The first line of a later part: plain words, as readers want them there."""
        before = part_id(self._session_id, self._number - 1)
        words = (
            f"Part {self._number} of session {self._session_id}; it goes on where {before}.jsonl "
            f"ends. The task was: {entry.task}"
        )
        about = {"sessionId": self._session_id, "number": self._number, "after": before}
        uuid = line_uuid(self._session_id, f"head {self._number}")
        return self._link(entry, Said(text=words), uuid, self._place, None, {CONTINUES: about})

    def _is_too_long(self, entry: Entry) -> bool:
        """Nothing comes between a boundary and its summary, nor, if possible, a call and its
        result.
        """
        body = entry.body
        if isinstance(body, Compacted | Title) or (isinstance(body, Said) and body.is_summary):
            return False
        return self._links >= (MAX_CHAIN if entry.calls_are_open else NEW_CHAIN_FROM)

    def _begin_anew(self, entry: Entry) -> list[Line]:
        """The format allows a line without parent only as the mark of a compaction."""
        place, extra = self._place, {NEW_CHAIN: True}
        if entry.extra.get(UNTIMED):
            extra[UNTIMED] = True
        boundary = Compacted(
            after=self._parent or "",
            before_tokens=entry.context_tokens,
            text="The chain of lines begins anew",
        )
        uuids = [line_uuid(self._session_id, f"{_index(place)} {name}") for name in _ANEW]
        first = self._link(entry, boundary, uuids[0], place, None, extra)
        summary = Said(text=WORDS, is_summary=True)
        return [first, self._link(entry, summary, uuids[1], place, first.uuid, extra)]

    def _link(
        self,
        entry: Entry,
        body: Body,
        uuid: str,
        place: Place,
        parent: str | None,
        extra: JsonObject,
    ) -> Line:
        now = entry.at.replace(microsecond=entry.at.microsecond // 1000 * 1000)
        at = now if self._last_at is None else max(now, self._last_at + MILLISECOND)
        line = Line(
            session_id=self._file_id,
            uuid=uuid,
            parent=parent,
            at=at,
            version=entry.version,
            body=body,
            extra=place_fields(place) | extra,
        )
        self._place, self._parent, self._last_at = place, line.uuid, at
        self._links = 1 if parent is None else self._links + 1
        return line


def uuid_of(session_id: SessionId, place: Place) -> str:
    """Of an event's line. Raises ValueError when `session_id` is no UUID."""
    return line_uuid(session_id, _index(place))


def _index(place: Place) -> str:
    return f"{place.seq}.{place.part}"
