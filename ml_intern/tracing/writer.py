"""The reader of the journal that writes sessions as files.

They are `<traces>/sessions/<date of its start>/<session_id>.jsonl`, and further parts beside it.
Only sessions of the journal's own site are written: the secrets that stand in others are not known
here. Every line is derived from the journal, so nothing is lost by what happens here: a session
that could not be written (full disk, wrong permissions, a defect) is remembered as behind and
caught up later, while the others go on. A file that exists is only continued, from the place that
its last line names. What is kept over restarts is a position before which everything is surely on
disk; without it, all sessions are compared again. Safe from any thread.
"""

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ml_intern.clock import Clock, SystemClock
from ml_intern.errors import EventUnreadable, StateConflict, UnknownSession
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded
from ml_intern.tracing import position, trace_file
from ml_intern.tracing.chain import Entry
from ml_intern.tracing.journal import Journal
from ml_intern.tracing.lines import SessionLines
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.session_files import PART_BYTES, SessionFiles

log = logging.getLogger(__name__)

BATCH = 500
"""Events that are read at once."""
OPEN_SESSIONS = 128
"""Folds kept in memory; another session's is made again from the journal."""
SAVE_EVERY = 500
"""Events after which the position is saved: at most so many are compared again after a crash."""
RETRY_AFTER_S = 5.0
MOST_TRIES = 5
"""To replace files to which another process appends meanwhile."""
WAIT_S = 1.0
GATHER_S = 0.1
"""What comes within so short a time is written at once: a file is opened and locked for each."""


@dataclass
class _Session:
    lines: SessionLines
    files: SessionFiles


class TraceWriter:
    """Keeps the files up with the journal."""

    def __init__(
        self,
        journal: Journal,
        traces: Path,
        *,
        clock: Clock | None = None,
        redactor: Redactor | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        """`traces`: a folder of our own, made when needed. `redactor`: of what is never written.

        `part_bytes`: from which size on a file goes on in the next.
        """
        # Protects what is below, and is held while files are written: each has one writer.
        self._lock = threading.RLock()
        self._journal = journal
        self._traces = traces
        self._clock = clock or SystemClock()
        self._redactor = redactor or Redactor()
        self._part_bytes = part_bytes
        self._sessions: OrderedDict[SessionId, _Session] = OrderedDict()
        self._behind: set[SessionId] = set()
        self._retry_at = self._clock.monotonic()
        self._cut_off = False
        """The journal could not be read last time."""
        self._at: Recorded | None = None
        self._position: int | None = None
        """Of the last event that was taken up; None: not yet known."""
        self._saved_at = 0
        self._not_durable: set[Path] = set()
        self._position_file = traces / "position.json"

    @property
    def folder(self) -> Path:
        """All the files lie below it."""
        return self._traces

    def path(self, session_id: SessionId) -> Path:
        """Where the session's file is or will be. Raises UnknownSession, StoreUnavailable."""
        written = next(self._traces.glob(f"sessions/*/{_file_name(session_id)}"), None)
        return written or self._path(self._journal.events(session_id), session_id)

    def rewrite(self, session_id: SessionId) -> int:
        """Write what the session's files hold anew, by what is known now; how many files.

        Raises UnknownSession, StoreUnavailable, EventUnreadable, OSError.
        """
        with self._lock:
            for _ in range(MOST_TRIES):
                self._sessions.pop(session_id, None)
                events = self._journal.events(session_id)
                session = self._new(session_id, events)
                with suppress(trace_file.Moved):
                    return session.files.rewrite(_entries(session.lines, events))
        raise StateConflict(f"Another process writes the trace of {session_id} all the time.")

    def catch_up(self) -> int:
        """Write what the files lack; the number of lines. Never raises: it tries again later."""
        with self._lock:
            return self._retry() + self._follow()

    def run(self, stop: threading.Event) -> None:
        """Keep up until `stop` is set; then once more, so that the last events are written too."""
        while not stop.is_set():
            self.catch_up()
            self._wait(stop)
        self.close()

    def close(self) -> None:
        """Write what is left, and remember how far that is."""
        with self._lock:
            self._retry_at = self._clock.monotonic()
            self.catch_up()
            self._save_position()

    def _wait(self, stop: threading.Event) -> None:
        if not self._cut_off:
            try:
                self._journal.wait_for_events(self._position or 0, WAIT_S)
                self._clock.wait(stop, GATHER_S)
            except Exception:  # the border around a journal reader
                log.exception("traces_cannot_read_journal")
                self._cut_off = True
        if self._cut_off:
            self._clock.wait(stop, WAIT_S)

    # The journal

    def _follow(self) -> int:
        written = 0
        try:
            while batch := self._next_batch():
                written += self._take(batch)
            self._cut_off = False
        except Exception:  # the border around a journal reader
            if not self._cut_off:
                log.exception("traces_cannot_read_journal")
            self._cut_off = True
        return written

    def _next_batch(self) -> Sequence[Recorded]:
        if self._position is None:
            self._remove_left()
            self._position = self._saved_at = position.load(self._position_file, self._journal)
        while True:
            try:
                return self._journal.follow(self._position, BATCH)
            except EventUnreadable as exc:
                session_id = SessionId(exc.session_id)
                if session_id in self._journal.ours([session_id]):
                    self._fall_behind(session_id, exc)
                self._position = exc.position

    def _remove_left(self) -> None:
        for fresh in self._traces.glob(f"sessions/*/*{trace_file.FRESH}"):
            try:
                trace_file.remove_left(fresh)
            except OSError:
                log.warning("trace_left_over", exc_info=True, extra={"path": str(fresh)})

    def _take(self, batch: Sequence[Recorded]) -> int:
        of_session: dict[SessionId, list[Recorded]] = {}
        for recorded in batch:
            of_session.setdefault(recorded.session_id, []).append(recorded)
        ours = self._journal.ours(of_session)
        written = sum(
            self._attempt(session_id, records)
            for session_id, records in of_session.items()
            if session_id in ours and session_id not in self._behind
        )
        self._at = batch[-1]
        self._position = self._at.position
        if self._position - self._saved_at >= SAVE_EVERY:
            self._save_position()
        return written

    def _retry(self) -> int:
        if not self._behind or self._clock.monotonic() < self._retry_at:
            return 0
        written = sum(self._attempt(session_id, ()) for session_id in sorted(self._behind))
        self._retry_at = self._clock.monotonic() + RETRY_AFTER_S
        return written

    def _attempt(self, session_id: SessionId, records: Sequence[Recorded]) -> int:
        try:
            written = self._write(session_id, records)
        except Exception as exc:  # noqa: BLE001 - the border around a journal reader
            self._fall_behind(session_id, exc)
            return 0
        if session_id in self._behind:
            self._behind.discard(session_id)
            log.info("trace_caught_up", extra={"session_id": session_id})
        return written

    def _fall_behind(self, session_id: SessionId, cause: Exception) -> None:
        if not self._behind:  # one report for one trouble, however many sessions it hits
            self._retry_at = self._clock.monotonic() + RETRY_AFTER_S
            log.error("trace_not_written", exc_info=cause, extra={"session_id": session_id})
        self._sessions.pop(session_id, None)
        self._behind.add(session_id)

    # One session

    def _write(self, session_id: SessionId, records: Sequence[Recorded]) -> int:
        session = self._sessions.get(session_id)
        if session is None:
            return self._open(session_id)
        self._sessions.move_to_end(session_id)
        try:
            return self._extend(session, records)
        except trace_file.Moved:
            return self._open(session_id)

    def _open(self, session_id: SessionId) -> int:
        """Begin where the file ends, with all that the journal has beyond that.

        It may have more than was asked for; `_extend` leaves that out when it comes again.
        """
        self._sessions.pop(session_id, None)
        events = self._journal.events(session_id)
        session = self._new(session_id, events)
        written = self._extend(session, events)
        self._sessions[session_id] = session
        while len(self._sessions) > OPEN_SESSIONS:
            self._sessions.popitem(last=False)
        return written

    def _new(self, session_id: SessionId, events: Sequence[Recorded]) -> _Session:
        files = SessionFiles(
            self._path(events, session_id).parent,
            session_id,
            on_write=self._not_durable.add,
            part_bytes=self._part_bytes,
        )
        return _Session(SessionLines(session_id, self._redactor), files)

    def _extend(self, session: _Session, records: Iterable[Recorded]) -> int:
        fresh = (recorded for recorded in records if recorded.seq > session.lines.seq)
        return session.files.add(_entries(session.lines, fresh))

    def _path(self, events: Iterable[Recorded], session_id: SessionId) -> Path:
        first = next(iter(events), None)
        if first is None:
            raise UnknownSession(f"The journal has no session {session_id}.")
        day = first.at.strftime("%Y-%m-%d")
        return self._traces / "sessions" / day / _file_name(session_id)

    # The position

    def _save_position(self) -> None:
        if self._at is None or self._behind or self._position == self._saved_at:
            return
        try:
            for path in sorted(self._not_durable):
                trace_file.make_durable(path)
            position.save(self._position_file, self._at)
        except OSError:
            log.warning("trace_position_not_saved", exc_info=True)
            return
        self._not_durable.clear()
        self._saved_at = self._at.position


def _entries(lines: SessionLines, records: Iterable[Recorded]) -> Iterator[Entry]:
    return (entry for recorded in records for entry in lines.take(recorded))


def _file_name(session_id: SessionId) -> str:
    try:
        return f"{uuid.UUID(session_id)}.jsonl"
    except ValueError:
        raise UnknownSession(f"{session_id!r} is no session: its id is not a UUID.") from None
