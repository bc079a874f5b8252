"""A journal and a clock in memory, and short ways to write events down."""

import io
import json
import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_DNS, uuid5

from ml_intern.clock import parse_stamp
from ml_intern.errors import EventUnreadable
from ml_intern.events import (
    Compacted,
    Event,
    ModelReplied,
    Outcome,
    SessionStarted,
    ToolFinished,
    TurnFinished,
    UserSaid,
)
from ml_intern.messages import CallId, SessionId, ToolCall, Usage
from ml_intern.queue.rows import Recorded
from ml_intern.tracing.chain import NOTHING, Chain, Tail
from ml_intern.tracing.lines import SessionLines
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript import reading
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import Line, Title, encode
from ml_intern.transcript.problems import Problems

START = parse_stamp("2026-11-20T09:14:01.007Z")
WORKSPACE = "/home/somebody/.local/state/ml-intern/sessions/s/workspace"


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def boottime(self) -> float:
        return self.seconds

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.seconds += timeout_s
        return event.is_set()

    def new_id(self) -> str:
        raise NotImplementedError


class FakeJournal:
    """The events of all sessions in one list; may be told to fail."""

    def __init__(self) -> None:
        self.all: list[Recorded] = []
        self.broken: Exception | None = None
        self.reads = 0
        self.foreign: set[SessionId] = set()
        """Sessions of another site."""
        self.unreadable: set[int] = set()
        """Positions of events that nobody can read."""

    def add(self, session_id: SessionId, *events: Event, at: datetime | None = None) -> None:
        for event in events:
            seq = sum(recorded.session_id == session_id for recorded in self.all) + 1
            moment = at or START + timedelta(seconds=len(self.all))
            self.put(Recorded(position=0, session_id=session_id, seq=seq, at=moment, event=event))

    def put(self, recorded: Recorded) -> None:
        self.all.append(
            Recorded(
                position=len(self.all) + 1,
                session_id=recorded.session_id,
                seq=recorded.seq,
                at=recorded.at,
                event=recorded.event,
            )
        )

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        self.reads += 1
        self._look()
        return [r for r in self.all if r.session_id == session_id and r.seq > after_seq]

    def follow(self, after_position: int, limit: int) -> Sequence[Recorded]:
        self._look()
        found: list[Recorded] = []
        for recorded in self.all[max(after_position, 0) :][:limit]:
            if recorded.position in self.unreadable:
                if not found:
                    raise _unreadable(recorded)
                break
            found.append(recorded)
        return found

    def ours(self, ids: Collection[SessionId]) -> Collection[SessionId]:
        return set(ids) - self.foreign

    def wait_for_events(self, after_position: int, timeout_s: float) -> bool:
        self._look()
        return len(self.all) > after_position

    def _look(self) -> None:
        if self.broken is not None:
            raise self.broken


def _unreadable(recorded: Recorded) -> EventUnreadable:
    return EventUnreadable(
        "It cannot be read.", position=recorded.position, session_id=recorded.session_id
    )


def session_id(name: str) -> SessionId:
    return SessionId(str(uuid5(NAMESPACE_DNS, name)))


def started(**changes: Any) -> SessionStarted:
    given = {
        "title": "Classify digits",
        "model": "autopilot",
        "workspace": WORKSPACE,
        "started_in": "/home/somebody/project",
        "version": "0.1.0",
    }
    return SessionStarted(**(given | changes))


def said(text: str = "Train something small.") -> UserSaid:
    return UserSaid(text=text, author="somebody")


def replied(text: str = "", *calls: ToolCall, **changes: Any) -> ModelReplied:
    given: dict[str, Any] = {
        "reply_id": "r",
        "model": "autopilot",
        "text": text,
        "thinking": "",
        "tool_calls": calls,
        "usage": Usage(input_tokens=100, output_tokens=10),
        "cost_micro_usd": 0,
        "stop_reason": "tool_calls" if calls else "end",
        "duration_ms": 12,
    }
    return ModelReplied(**(given | changes))


def call(call_id: str, name: str = "bash", arguments: Any = None) -> ToolCall:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {"command": "ls"})
    return ToolCall(call_id=CallId(call_id), name=name, arguments=text)


def answered(call_id: str, output: str = "done", **changes: Any) -> ToolFinished:
    given: dict[str, Any] = {
        "call_id": CallId(call_id),
        "tool": "bash",
        "ok": True,
        "output": output,
        "answered_by": "tool",
        "duration_ms": 5,
    }
    return ToolFinished(**(given | changes))


def ended(outcome: Outcome = "finished", detail: str = "", *on: str) -> TurnFinished:
    return TurnFinished(outcome=outcome, detail=detail, waiting_on=on)


def compacted(
    summary: str, kept: int = 0, *, trigger: Literal["asked", "size", "refused"] = "asked"
) -> Compacted:
    return Compacted(
        asked_by="somebody",
        summary=summary,
        kept=kept,
        model="m",
        usage=Usage(),
        cost_micro_usd=0,
        trigger=trigger,
    )


def records_of(data: bytes) -> list[Record]:
    """What a file says."""
    return list(reading.read_stream(io.BytesIO(data), Problems()))


def fold(events: Sequence[Recorded], redactor: Redactor | None = None) -> bytes:
    """The whole file of one session."""
    return b"".join(map(encode, linked(events, redactor)))


def linked(
    events: Sequence[Recorded], redactor: Redactor | None = None, tail: Tail = NOTHING
) -> Iterator[Line | Title]:
    """The lines of one session behind those of its only file, which ends with `tail`."""
    lines = SessionLines(events[0].session_id, redactor or Redactor())
    chain = Chain(events[0].session_id, tail=tail)
    for recorded in events:
        for entry in lines.take(recorded):
            if entry.place > tail.place:
                yield from chain.add(entry)


def recorded(name: str, *events: Event) -> list[Recorded]:
    """`events` as a session, one second apart, `SessionStarted` and a person's words first."""
    journal = FakeJournal()
    journal.add(session_id(name), started(), said(), *events)
    return journal.all


def write(folder: Path, events: Sequence[Recorded], redactor: Redactor | None = None) -> Path:
    """The file of one session, under its right name."""
    path = folder / f"{events[0].session_id}.jsonl"
    path.write_bytes(fold(events, redactor))
    return path


def read(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]
