"""The links between the lines of one session: order, ids, times, and what the file has already.

A line's uuid comes from its place in the journal alone, so the same events give the same lines.
Every line hangs on the one before it and has a millisecond of its own. Some readers recurse along
the links and die of too many, so the chain begins anew in time.
"""

from datetime import UTC, datetime, timedelta

from ml_intern.messages import SessionId
from ml_intern.tracing.mark import Mark, Place
from ml_intern.transcript.line import (
    Body,
    Compacted,
    JsonObject,
    Line,
    Said,
    Title,
    line_uuid,
)

NEW_CHAIN_FROM = 800
"""Links after which the chain begins anew where no call is open."""
MAX_CHAIN = 895
"""Links after which it begins anew in any place."""
MILLISECOND = timedelta(milliseconds=1)
NEW_CHAIN = (
    "The chain of lines begins anew here, because some programs follow only so many links. "
    "The conversation itself was not shortened: what stands above is still before the model."
)


class Chain:
    """Lines in their order, without those that stand in the file."""

    def __init__(self, session_id: SessionId, written: Mark | None) -> None:
        """`written`: where the file ends; lines up to there are not given out again."""
        self.version = ""
        """Of the program, on every line from here on."""
        self.context_tokens = 0
        """Before the model now; the mark of a new chain names it."""
        self._session_id = session_id
        self._written = written
        self._joined = written is None
        self._parent: str | None = None
        self._links = 0
        self._last_at: datetime | None = None
        # Of the event at hand.
        self._seq = 0
        self._part = 0
        self._now = datetime.min.replace(tzinfo=UTC)
        self._fresh: list[Line | Title] = []

    def begin(self, seq: int, at: datetime) -> None:
        """What is added from now on comes from the session's event number `seq`."""
        self._seq, self._part, self._fresh = seq, 0, []
        self._now = at.replace(microsecond=at.microsecond // 1000 * 1000)

    def fresh(self) -> list[Line | Title]:
        """The lines of this event that the file lacks."""
        return self._fresh

    def add(self, body: Body, extra: JsonObject, *, between_calls: bool) -> str:
        """Hang a line on the chain; its uuid. `between_calls`: no call waits for its result."""
        self._join_file()
        if self._links >= (NEW_CHAIN_FROM if between_calls else MAX_CHAIN):
            self._begin_anew()
        return self._link(body, self._parent, extra)

    def compact(self, summary: str, extra: JsonObject) -> None:
        """The mark of a compaction that a person asked for, and the summary below it."""
        self._join_file()
        mark = Compacted(
            after=self._parent or "", before_tokens=self.context_tokens, trigger="manual"
        )
        parent = self._parent if self._links < NEW_CHAIN_FROM else None
        self._links = self._links if parent else 0
        self._link(Said(text=summary, is_summary=True), self._link(mark, parent, extra), extra)

    def add_title(self, title: str) -> None:
        """A line beside the chain."""
        self._give(Title(session_id=self._session_id, title=title, extra=self._extra({})))

    def _begin_anew(self) -> None:
        """The format allows a line without parent only as the mark of a compaction."""
        mark = Compacted(
            after=self._parent or "",
            before_tokens=self.context_tokens,
            text="The chain of lines begins anew",
        )
        self._links = 0
        boundary = self._link(mark, None, {"newChain": True})
        self._link(Said(text=NEW_CHAIN, is_summary=True), boundary, {"newChain": True})

    def _link(self, body: Body, parent: str | None, extra: JsonObject) -> str:
        at = self._now if self._last_at is None else max(self._now, self._last_at + MILLISECOND)
        line = Line(
            session_id=self._session_id,
            uuid=line_uuid(self._session_id, f"{self._seq}.{self._part}"),
            parent=parent,
            at=at,
            version=self.version,
            body=body,
            extra=self._extra(extra),
        )
        self._parent, self._last_at = line.uuid, at
        self._links += 1
        self._give(line)
        return line.uuid

    def _extra(self, extra: JsonObject) -> JsonObject:
        part = {"part": self._part} if self._part else {}
        return {"seq": self._seq, **part, **extra}

    def _give(self, line: Line | Title) -> None:
        if not self._in_file():
            self._fresh.append(line)
        self._part += 1

    def _in_file(self) -> bool:
        return self._written is not None and Place(self._seq, self._part) <= self._written.place

    def _join_file(self) -> None:
        """Hang the first line that the file lacks on what really stands there.

        Another version may have written other lines for the same events.
        """
        if self._joined or self._in_file():
            return
        self._joined = True
        if self._written is not None and self._written.uuid is not None:
            self._parent, self._last_at = self._written.uuid, self._written.at
