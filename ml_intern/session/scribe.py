"""A turn's one way into the journal, and what others have put there meanwhile.

People decide, jobs end and rules are revoked while a turn runs. What is only planned is stored when
the turn knows all that has happened (`plan`), else it is decided on again; what has taken place is
stored in any case (`record`). Everything is taken up in the order of the journal.
"""

from collections.abc import Callable

from ml_intern.errors import Overtaken
from ml_intern.events import Event
from ml_intern.queue.rows import Lease, Recorded
from ml_intern.queue.store import Store


class Scribe:
    """Writes for the holder of one lease. Not thread-safe: it belongs to one turn."""

    def __init__(self, store: Store, lease: Lease, take_up: Callable[[Event], None]) -> None:
        """`take_up` is given every event of the session, one after the other."""
        self._store = store
        self._lease = lease
        self._listeners = [take_up]
        self._seq = 0
        self.news = 0
        """How often something had happened that this turn did not do."""

    def tell(self, take_up: Callable[[Event], None]) -> None:
        """Give this one, too, every event from now on."""
        self._listeners.append(take_up)

    def catch_up(self) -> list[Recorded]:
        """Take up what the journal holds and this turn does not know; and what that was."""
        found = self._store.events(self._lease.session_id, self._seq)
        for recorded in found:
            self._know(recorded.seq, recorded.event)
        return found

    def record(self, *events: Event) -> None:
        """Store what has taken place: durable first, then part of what this turn knows."""
        if not events:
            return
        seqs = self._store.append(self._lease, *events)
        if seqs[0] == self._seq + 1:
            self._know(seqs[-1], *events)
        else:
            self.news += 1
            self.catch_up()

    def plan(self, *events: Event) -> None:
        """Store what is to be done next.

        Raises Overtaken when it was decided on without something that is taken up now.
        """
        if not events:
            return
        try:
            seqs = self._store.append(self._lease, *events, after_seq=self._seq)
        except Overtaken:
            self.news += 1
            self.catch_up()
            raise
        self._know(seqs[-1], *events)

    def take_in(self, op_seq: int, *events: Event) -> None:
        """Do the op that is next in line within this turn. Raises Overtaken as `plan` does."""
        try:
            seqs = self._store.take_in(self._lease, op_seq, *events, after_seq=self._seq)
        except Overtaken:
            self.news += 1
            self.catch_up()
            raise
        if seqs:
            self._know(seqs[-1], *events)

    def _know(self, seq: int, *events: Event) -> None:
        for event in events:
            for take_up in self._listeners:
                take_up(event)
        self._seq = seq
