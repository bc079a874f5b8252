"""What a reader needs of the journal; `ml_intern/queue/journal.py` has it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded


class Journal(Protocol):
    """The journal by cursor, read-only."""

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        """The session's events with numbers above `after_seq`, in order."""
        ...

    def follow(self, after_position: int, limit: int) -> Sequence[Recorded]:
        """At most `limit` events of all sessions after `after_position`, in order.

        They end before one that cannot be read; EventUnreadable where that is the first.
        """
        ...

    def ours(self, ids: Collection[SessionId]) -> Collection[SessionId]:
        """Those of them that belong to the site of this journal's readers."""
        ...

    def wait_for_events(self, after_position: int, timeout_s: float) -> bool:
        """Wait at most `timeout_s` seconds for an event after `after_position`."""
        ...
