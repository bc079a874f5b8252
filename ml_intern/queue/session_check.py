"""The invariants of one session: its ops, its journal, and the rows that are folds of both.

Where a part of the journal is missing or cannot be read, nothing is compared with its fold: one
finding says where it broke, and hundreds that follow from it would hide that.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args

import pydantic
from sqlalchemy import Row, Table, bindparam

from ml_intern import events, ops
from ml_intern.ops import ApprovalDecision
from ml_intern.queue.finding import (
    Finding,
    compared,
    numbers,
    of_session,
    one_of,
    parsed,
    raw,
    shown,
    timestamps,
)
from ml_intern.queue.refold import Refold, digest
from ml_intern.queue.rows import SessionState
from ml_intern.queue.schema import approval, event, job, op, session, spend, tool_call
from ml_intern.queue.sums import Sums

OpState = Literal["queued", "running", "done", "dead", "cancelled"]

_OPS = raw(op).where(op.c.session_id == bindparam("of")).order_by(op.c.seq)
_EVENTS = raw(event).where(event.c.session_id == bindparam("of")).order_by(event.c.seq)
_CALLS = raw(tool_call).where(tool_call.c.session_id == bindparam("of"))
_APPROVALS = raw(approval).where(approval.c.session_id == bindparam("of"))
_SPENDS = raw(spend).where(spend.c.session_id == bindparam("of"))
_JOBS = raw(job).where(job.c.session_id == bindparam("of"))

_DECIDED = ("approved", "denied", "edited", "expired")
_FROM_JOURNAL = ("title", "model", "workspace", "started_in", "version", "created", "outcome")
_OF_CALL = (
    *("name", "state", "arguments_sha256", "effect", "waiting_on"),
    *("waiting_since", "expires_at", "reminders"),
)
_OF_APPROVAL = (
    *("call_id", "tool", "arguments_sha256", "reason", "question_id", "state"),
    *("requested_at", "decided_by", "decided_at"),
)
_OF_SPEND = ("reserved_micro_usd", "spent_micro_usd", "state")
_OF_JOB = ("compute", "label", "status", "log_offset", "started_at")
T = TypeVar("T")


class SessionCheck:
    """One session, checked once."""

    def __init__(
        self,
        row: Row[Any],
        read: Callable[..., Iterator[Row[Any]]],
        count: Callable[[str], None],
        sums: Sums,
    ) -> None:
        """`row`: of `session`, as `raw` reads it. `count` is told the table of each row.

        `sums`: of what counts against the caps, which sessions share; this one adds its part.
        """
        self._row = row
        self._read = read
        self._count = count
        self._sums = sums
        self._place = of_session(row.id)
        self._op_kinds: dict[int, str] = {}
        self._op_states: Counter[str] = Counter()
        self._cancelled: set[int] = set()
        self._decided: set[str] = set()
        """Approvals whose decision has an op."""
        self._last_interrupt = 0
        self._whole = True
        """The journal could be read and folded to its end."""

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with the session."""
        self._count("session")
        yield from self._ops()
        refold = Refold(self._op_kinds)
        yield from self._events(refold)
        yield from self._own_columns(refold)
        yield from self._lease()
        yield from self._calls(refold)
        yield from self._approvals(refold)
        yield from self._jobs(refold)
        yield from self._spends(refold)
        self._sums.take(refold if self._whole else None)
        if self._whole:
            yield from self._ops_against_events(refold)
            yield from self._what_it_waits_for(refold)

    # Ops

    def _ops(self) -> Iterator[Finding]:
        expected, unfinished, keys = 1, 0, set[Any]()
        for row in self._read(_OPS, of=self._row.id):
            self._count("op")
            place = f"{self._place}, op {shown(row.seq)}"
            yield from self._numbered(op, place, row.seq, expected)
            expected = _next(row.seq, expected)
            yield from self._one_op(row, place)
            if row.dedupe is not None and row.dedupe in keys:
                words = f"an earlier op of the session has the key {shown(row.dedupe)} too"
                yield Finding(table="op", place=place, words=words)
            keys.add(row.dedupe)
            if row.kind == "interrupt":  # it has a lane of its own
                continue
            if row.state in ("running", "done", "dead") and unfinished:
                words = f"it is {row.state}, and op {unfinished} before it is not finished"
                yield Finding(table="op", place=place, words=words)
            if row.state in ("running", "queued"):
                unfinished = unfinished or expected - 1
        if self._op_states["running"] > 1:
            words = f"{self._op_states['running']} ops run at once"
            yield Finding(table="op", place=self._place, words=words)
        yield from self._last(op, "next_op", expected)

    def _one_op(self, row: Row[Any], place: str) -> Iterator[Finding]:
        yield from timestamps(row, op, place, "created")
        yield from one_of(row, op, place, "state", get_args(OpState))
        yield from numbers(row, op, place, "attempts")
        order = yield from _decoded(op, ops.decode, row.payload, row.kind, place)
        if not isinstance(row.seq, int):
            return
        self._op_kinds[row.seq] = shown(row.kind)
        self._op_states[shown(row.state)] += 1
        if row.state == "cancelled":
            self._cancelled.add(row.seq)
        if row.kind == "interrupt":
            self._last_interrupt = row.seq
        if isinstance(order, ApprovalDecision):
            self._decided.add(order.approval_id)
            if row.dedupe != f"apr:{order.approval_id}":
                words = f"the op of approval {order.approval_id} has the key {shown(row.dedupe)}"
                yield Finding(table="op", place=place, words=words)

    # The journal

    def _events(self, refold: Refold) -> Iterator[Finding]:
        expected, before = 1, 0
        for row in self._read(_EVENTS, of=self._row.id):
            self._count("event")
            place = f"{self._place}, event {shown(row.seq)}"
            for finding in self._numbered(event, place, row.seq, expected):
                self._whole = False
                yield finding
            expected = _next(row.seq, expected)
            if row.position <= before:
                words = f"its position {row.position} is not above {before}, of the one before"
                yield Finding(table="event", place=place, words=words)
            before = row.position
            yield from timestamps(row, event, place, "at")
            happened = yield from _decoded(event, events.decode, row.data, row.kind, place)
            if happened is None:
                self._whole = False
            elif self._whole:
                for words in refold.take(happened, row.at):
                    yield Finding(table="event", place=place, words=words)
        for finding in self._last(event, "next_event", expected):
            self._whole = False
            yield finding
        if expected == 1:
            self._whole = False
            yield Finding(table="event", place=self._place, words="the session has no events")

    def _ops_against_events(self, refold: Refold) -> Iterator[Finding]:
        for seq in sorted(self._cancelled - refold.cancelled_ops):
            words = "it is cancelled, and no event says so"
            yield Finding(table="op", place=f"{self._place}, op {seq}", words=words)
        decided = {key for key, asked in refold.approvals.items() if asked.state in _DECIDED}
        for key in sorted(decided ^ self._decided):
            words = "it is decided, and no op goes on from it"
            if key in self._decided:
                words = "an op goes on from it, and it was never decided"
            yield Finding(table="approval", place=f"{self._place}, approval {key}", words=words)

    # The session's own row

    def _own_columns(self, refold: Refold) -> Iterator[Finding]:
        row, place = self._row, self._place
        yield from timestamps(row, session, place, "created", "updated")
        yield from numbers(row, session, place, "ready_since", "lease_token", "interrupt_upto")
        yield from one_of(row, session, place, "state", get_args(SessionState))
        waiting_on = parsed(row.waiting_on)
        if not isinstance(waiting_on, list):
            words = f"waiting_on is no JSON list: {shown(row.waiting_on)}"
            yield Finding(table="session", place=place, words=words)
        if self._whole:
            names = (*_FROM_JOURNAL, "detail")
            yield from compared(row, session, place, refold.session, names)
            if isinstance(waiting_on, list) and waiting_on != refold.session.waiting_on:
                should = refold.session.waiting_on
                words = f"waiting_on is {shown(waiting_on)}; by the journal it is {shown(should)}"
                yield Finding(table="session", place=place, words=words)
        if row.interrupt_upto != self._last_interrupt:
            words = (
                f"interrupt_upto is {shown(row.interrupt_upto)}; "
                f"the last interrupt is op {self._last_interrupt}"
            )
            yield Finding(table="session", place=place, words=words)

    def _lease(self) -> Iterator[Finding]:
        """State, lease and ops say the same of who works on it."""
        row = self._row
        queued, running = self._op_states["queued"], self._op_states["running"]
        lease = (row.lease_boot, row.lease_pid, row.lease_start, row.lease_until)
        match row.state:
            case "leased":
                if running != 1:
                    yield self._wrong(f"it is leased, and {running} of its ops run")
                if None in lease or not row.lease_token:
                    yield self._wrong("it is leased, and its lease is not whole")
            case "ready":
                if not queued and not running:
                    yield self._wrong("it is ready, and none of its ops is queued")
                # Of a dead owner: freed with its op as it was, for the next who claims.
                if running and (None in lease or not row.lease_token):
                    yield self._wrong("an op runs, and nobody has or had a lease")
            case "idle" | "waiting":
                if queued or running:
                    yield self._wrong(f"it is {row.state}, and {queued + running} ops are open")
                if row.lease_boot is not None or row.lease_until is not None:
                    yield self._wrong(f"it is {row.state}, and has a lease")
                if (row.state == "waiting") != (row.outcome == "waiting"):
                    ended = f"its last turn ended as {shown(row.outcome)}"
                    yield self._wrong(f"it is {row.state}, and {ended}")
            case _:
                pass  # said already: there is no such state

    def _what_it_waits_for(self, refold: Refold) -> Iterator[Finding]:
        """What has come already wakes nobody."""
        if self._row.state != "waiting":
            return
        for awaited in refold.session.waiting_on:
            kind, _, key = awaited.partition(":")
            asked, started = refold.approvals.get(key), refold.jobs.get(key)
            if kind == "approval" and (asked is None or asked.state != "pending"):
                state = asked.state if asked else "unknown"
                yield self._wrong(f"it waits for approval {key}, which is {state}")
            if kind == "job" and (started is None or started.status != "running"):
                status = started.status if started else "unknown"
                yield self._wrong(f"it waits for job {key}, which is {status}")

    # Rows that are folds

    def _calls(self, refold: Refold) -> Iterator[Finding]:
        found = set()
        for row in self._read(_CALLS, of=self._row.id):
            self._count("tool_call")
            found.add(row.call_id)
            place = f"{self._place}, call {shown(row.call_id)}"
            if self._whole:
                call = refold.calls.get(row.call_id)
                yield from compared(row, tool_call, place, call, _OF_CALL)
        yield from self._missing(tool_call, "call", refold.calls, found)

    def _approvals(self, refold: Refold) -> Iterator[Finding]:
        found = set()
        for row in self._read(_APPROVALS, of=self._row.id):
            self._count("approval")
            found.add(row.id)
            place = f"{self._place}, approval {shown(row.id)}"
            arguments = parsed(row.arguments)
            if not isinstance(arguments, dict):
                yield Finding(table="approval", place=place, words="arguments are no JSON object")
            if (row.state in _DECIDED) != (row.decided_by is not None):
                words = f"it is {shown(row.state)}, and decided_by is {shown(row.decided_by)}"
                yield Finding(table="approval", place=place, words=words)
            if not self._whole:
                continue
            asked = refold.approvals.get(row.id)
            yield from compared(row, approval, place, asked, _OF_APPROVAL)
            if asked is None:
                continue
            if isinstance(arguments, dict) and digest(arguments) != asked.arguments:
                words = "arguments are not those that were asked for"
                yield Finding(table="approval", place=place, words=words)
            call = refold.calls.get(asked.call_id)
            state = call.state if call else "unknown"
            if (row.state == "pending") != (state == "awaiting_approval"):
                words = f"it is {shown(row.state)}, and call {asked.call_id} is {state}"
                yield Finding(table="approval", place=place, words=words)
        yield from self._missing(approval, "approval", refold.approvals, found)

    def _jobs(self, refold: Refold) -> Iterator[Finding]:
        found = set()
        for row in self._read(_JOBS, of=self._row.id):
            self._count("job")
            found.add(row.job_id)
            place = f"{self._place}, job {shown(row.job_id)}"
            handle = parsed(row.handle)
            if not isinstance(handle, dict):
                yield Finding(table="job", place=place, words="handle is no JSON object")
            if not self._whole:
                continue
            started = refold.jobs.get(row.job_id)
            yield from compared(row, job, place, started, _OF_JOB)
            if started and isinstance(handle, dict) and digest(handle) != digest(started.handle):
                words = "handle is not that of the job that started"
                yield Finding(table="job", place=place, words=words)
        yield from self._missing(job, "job", refold.jobs, found)

    def _spends(self, refold: Refold) -> Iterator[Finding]:
        found = set()
        for row in self._read(_SPENDS, of=self._row.id):
            self._count("spend")
            found.add(row.spend_id)
            place = f"{self._place}, spend {shown(row.spend_id)}"
            caps = parsed(row.caps)
            if not isinstance(caps, list):
                yield Finding(table="spend", place=place, words="caps are no JSON list")
            if not self._whole:
                continue
            expected = refold.spends.get(row.spend_id)
            yield from compared(row, spend, place, expected, _OF_SPEND)
            if expected is not None and isinstance(caps, list) and caps != expected.caps:
                words = f"caps are {shown(caps)}; by the journal they are {shown(expected.caps)}"
                yield Finding(table="spend", place=place, words=words)
        yield from self._missing(spend, "spend", refold.spends, found)

    # Small change

    def _wrong(self, words: str) -> Finding:
        return Finding(table="session", place=self._place, words=words)

    def _numbered(self, table: Table, place: str, seq: Any, expected: int) -> Iterator[Finding]:
        if seq != expected:
            words = f"numbers have a gap: {expected} should come here"
            yield Finding(table=table.name, place=place, words=words)

    def _last(self, table: Table, column: str, expected: int) -> Iterator[Finding]:
        found = getattr(self._row, column)
        if found != expected:
            words = f"{column} is {shown(found)}; the last {table.name} is {expected - 1}"
            yield self._wrong(words)

    def _missing(
        self, table: Table, noun: str, expected: Mapping[str, object], found: set[Any]
    ) -> Iterator[Finding]:
        for key in sorted(expected.keys() - found) if self._whole else ():
            place = f"{self._place}, {noun} {key}"
            words = "the journal knows it, and it has no row"
            yield Finding(table=table.name, place=place, words=words)


def _next(seq: Any, expected: int) -> int:
    return seq + 1 if isinstance(seq, int) else expected + 1


def _decoded(
    table: Table, decode: Callable[[Any], T], document: Any, kind: Any, place: str
) -> Generator[Finding, None, T | None]:
    """The op or event of a row; None after the finding that says why there is none."""
    try:
        found = decode(document)
    except (ValueError, TypeError, RecursionError) as exc:
        yield Finding(table=table.name, place=place, words=f"it cannot be read: {_why(exc)}")
        return None
    if getattr(found, "kind", None) != kind:
        words = f"kind is {shown(kind)}; its document is {getattr(found, 'kind', None)}"
        yield Finding(table=table.name, place=place, words=words)
    return found


def _why(exc: Exception) -> str:
    if not isinstance(exc, pydantic.ValidationError):
        return shown(str(exc))
    first = exc.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return shown(f"{field}: {first['msg']}" if field else first["msg"])
