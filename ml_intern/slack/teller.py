"""The reader of the journal that tells sessions in Slack: events become rows of the outbox.

One process at a time. Rows and the place in the journal are stored in one transaction, so nothing
is left out and nothing is told twice. Sends nothing itself: see `ml_intern/slack/sender.py`.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ml_intern.clock import Clock
from ml_intern.errors import EventUnreadable
from ml_intern.messages import SessionId
from ml_intern.queue.journal import Journal
from ml_intern.queue.mail import HOLD_S, Draft, Held, Mail
from ml_intern.queue.rows import Recorded
from ml_intern.slack.drafts import CHANNEL
from ml_intern.slack.shift import in_shifts
from ml_intern.slack.thread import Thread, clean

log = logging.getLogger(__name__)

NAME = "slack-teller"
BATCH = 200
OPEN_SESSIONS = 128
"""Folds kept in memory; another session's is made again from the journal."""
WAIT_S = 1.0
SAVE_S = HOLD_S / 6
"""How often the place is kept when there is nothing to tell."""


class Teller:
    """Belongs to one thread."""

    def __init__(
        self,
        journal: Journal,
        mail: Mail,
        clock: Clock,
        *,
        channel: str,
        channels: Mapping[str, str],
        redact: Callable[[Any], Any],
        trace: Callable[[SessionId], str],
    ) -> None:
        """`channel`, `channels`, `trace`: see `Thread`. `redact`: a JSON value without secrets."""
        self._journal = journal
        self._mail = mail
        self._clock = clock
        self._redact = redact
        self._channel, self._channels, self._trace = channel, channels, trace
        self._threads: OrderedDict[SessionId, Thread] = OrderedDict()

    def begin(self) -> None:
        """From now on events are told; those from before Slack was set up are not."""
        if held := self._mail.hold(NAME, self._journal.last_position()):
            self._mail.release(held)

    def run(self, stop: threading.Event) -> None:
        """Tell what happens until `stop` is set; then what has happened until now."""
        in_shifts(
            self._mail,
            self._clock,
            NAME,
            lambda shift: self._follow(shift.held, stop),
            stop,
            self._journal.last_position,
        )

    def _follow(self, held: Held, stop: threading.Event) -> None:
        position, saved_at = held.position, self._clock.monotonic()
        while True:
            stopping = stop.is_set()
            batch, drafts = self._next(position)
            position = batch or position
            late = self._clock.monotonic() - saved_at > SAVE_S
            if drafts or late or stopping:
                self._mail.advance(held, position, CHANNEL, drafts)
                saved_at = self._clock.monotonic()
            if not batch:
                if stopping:
                    return
                self._journal.wait_for_events(position, WAIT_S)

    def _next(self, position: int) -> tuple[int, list[Draft]]:
        """Up to where there is something new, and what is to be sent for it; 0: nothing is new."""
        try:
            batch = self._journal.follow(position, BATCH)
        except EventUnreadable as exc:
            log.exception("slack_cannot_read_event")
            return exc.position, []
        if not batch:
            return 0, []
        return batch[-1].position, [draft for one in batch for draft in self._tell(one)]

    def _tell(self, recorded: Recorded) -> list[Draft]:
        try:
            return self._thread(recorded).take(clean(recorded, self._redact))
        except Exception:  # the border around a journal reader
            log.exception("slack_cannot_tell", extra={"session_id": recorded.session_id})
            self._threads.pop(recorded.session_id, None)
            return []

    def _thread(self, recorded: Recorded) -> Thread:
        """The session's fold, up to just before this event."""
        session_id = recorded.session_id
        thread = self._threads.get(session_id)
        if thread is None or thread.seq != recorded.seq - 1:
            thread = Thread(session_id, self._channel, self._channels, self._trace)
            for one in self._journal.events(session_id):
                if one.seq < recorded.seq:
                    thread.take(clean(one, self._redact))
            self._threads[session_id] = thread
        self._threads.move_to_end(session_id)
        while len(self._threads) > OPEN_SESSIONS:
            self._threads.popitem(last=False)
        return thread
