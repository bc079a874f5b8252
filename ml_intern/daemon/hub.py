"""Wakes those who watch a session: for its events, and for the text that its model is writing.

The journal is the truth: a watcher reads its events there, from its own cursor on. Only text is
kept here, a bounded piece of it per watcher, and it is gone with the process. Safe from any thread;
a watch is for one.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_intern.client.door import TextPiece
from ml_intern.clock import Clock
from ml_intern.daemon.supervisor import Reader
from ml_intern.errors import EventUnreadable
from ml_intern.messages import SessionId
from ml_intern.queue.journal import Journal
from ml_intern.queue.rows import Recorded

BATCH = 500
WAIT_S = 1.0
MOST_PIECES = 4096
"""Of text, for a watcher that does not take them; the oldest go first."""


@dataclass(frozen=True)
class _Heard:
    at: datetime
    """In whole milliseconds, as the journal's own times."""
    piece: TextPiece


class HubWatch:
    """One watcher of one session."""

    def __init__(
        self, hub: "Hub", session_id: SessionId, after_seq: int, wake: Callable[[], None]
    ) -> None:
        self.session_id = session_id
        self.wake = wake
        self.heard: deque[_Heard] = deque(maxlen=MOST_PIECES)
        self._hub = hub
        self._after_seq = after_seq

    def take(self) -> Sequence[Recorded | TextPiece]:
        """Events and pieces of text since the last time, by their times. Raises StoreUnavailable.

        Text is taken before the journal is read: an answer never comes before its own pieces.
        A long past comes in parts, each of which wakes for the next.
        """
        heard = [self.heard.popleft() for _ in range(len(self.heard))]
        events = self._hub.journal.events(self.session_id, self._after_seq, BATCH)
        if events:
            self._after_seq = events[-1].seq
        if len(events) == BATCH:
            self.wake()
        return _merged(heard, events)

    def close(self) -> None:
        """Be woken no more."""
        self._hub.forget(self)


class Hub:
    """All watchers of one process. `run` belongs to one thread, which the first of them starts."""

    def __init__(self, journal: Journal, clock: Clock, start: Callable[[Reader], None]) -> None:
        """`start` runs a reader in a thread of its own until the process ends."""
        self.journal = journal
        self._clock = clock
        self._start = start
        # Protects what is below; nobody is woken while it is held.
        self._lock = threading.Lock()
        self._watches: dict[SessionId, list[HubWatch]] = {}
        self._runs = False

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> HubWatch:
        """Watch from `after_seq` on; what is there already is a reason to wake, too."""
        found = HubWatch(self, session_id, after_seq, wake)
        with self._lock:
            self._watches.setdefault(session_id, []).append(found)
            runs, self._runs = self._runs, True
        if not runs:
            self._start(self.run)
        wake()
        return found

    def forget(self, watch: HubWatch) -> None:
        """Wake `watch` no more."""
        with self._lock:
            others = [one for one in self._watches.pop(watch.session_id, []) if one is not watch]
            if others:
                self._watches[watch.session_id] = others

    def say(self, session_id: SessionId, text: str) -> None:
        """Hand a piece of a model's text to those who watch its session."""
        watches = self._watching(session_id)
        if not watches:
            return
        now = self._clock.now()
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        heard = _Heard(at, TextPiece(session_id=session_id, text=text))
        for watch in watches:
            watch.heard.append(heard)
            watch.wake()

    def run(self, stop: threading.Event) -> None:
        """Wake the watchers of sessions to which something happens, until `stop`."""
        position = self.journal.last_position()
        while not stop.is_set():
            self.journal.wait_for_events(position, WAIT_S)
            position, sessions = self._news_after(position)
            while sessions:
                self._wake(sessions)
                position, sessions = self._news_after(position)

    def _news_after(self, position: int) -> tuple[int, set[SessionId]]:
        """How far the journal could be read, and to whom something happened until there."""
        try:
            batch = self.journal.follow(position, BATCH)
        except EventUnreadable as exc:  # its watchers hear of it when they read; others go on
            return exc.position, {SessionId(exc.session_id)}
        reached = batch[-1].position if batch else position
        return reached, {recorded.session_id for recorded in batch}

    def _wake(self, sessions: Iterable[SessionId]) -> None:
        for session_id in sessions:
            for watch in self._watching(session_id):
                watch.wake()

    def _watching(self, session_id: SessionId) -> list[HubWatch]:
        with self._lock:
            return list(self._watches.get(session_id, ()))


def _merged(heard: Sequence[_Heard], events: Sequence[Recorded]) -> list[Recorded | TextPiece]:
    """Events in their order; before each the text that was written until then."""
    left = deque(heard)
    merged: list[Recorded | TextPiece] = []
    for recorded in events:
        while left and left[0].at <= recorded.at:
            merged.append(left.popleft().piece)
        merged.append(recorded)
    return [*merged, *(one.piece for one in left)]
