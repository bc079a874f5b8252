"""Goes on with sessions whose models did not answer, once one may be asked again."""

from ml_intern.ops import Resume
from ml_intern.queue.store import Store


class Waking:
    """A chore of the clockwork. Several daemons wake a session once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self) -> None:
        """Wake every session whose time has come."""
        for due in self._store.models_due():
            # The same time may be waited for again, by another turn.
            key = f"{due.on}:{due.turn_seq}"
            self._store.submit(due.session_id, Resume(on=due.on), dedupe=key)
