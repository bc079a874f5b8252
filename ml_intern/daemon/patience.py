"""How long people are waited for: they are reminded, and one day what they were asked is a no.

What is due is asked of the store each time, and each act is a compare-and-set there: a decision
that comes in the same moment wins or has lost, and several daemons remind once.
"""

from collections.abc import Sequence

from ml_intern.clock import Clock
from ml_intern.events import ApprovalDecided
from ml_intern.ops import Expire
from ml_intern.queue.rows import Awaited
from ml_intern.queue.store import Store

GRACE_S = 60.0
"""After the start nothing expires for so long: what people decided while no daemon ran comes in."""
BY = "ml-intern"
WHY = "nobody decided in time"


class Patience:
    """A chore of the clockwork."""

    def __init__(self, store: Store, clock: Clock, reminder_s: Sequence[float]) -> None:
        self._store = store
        self._clock = clock
        self._reminder_s = tuple(reminder_s)
        self._started = clock.monotonic()

    def __call__(self) -> None:
        """Give up what has expired, and remind of what has waited."""
        if self._clock.monotonic() - self._started >= GRACE_S:
            for awaited in self._store.expired():
                self._expire(awaited)
        for awaited in self._store.silent(self._reminder_s):
            self._store.remind(awaited)

    def _expire(self, awaited: Awaited) -> None:
        if awaited.approval_id is None:
            op = Expire(call_id=awaited.call_id)
            self._store.submit(awaited.session_id, op, dedupe=f"expire:{awaited.call_id}")
            return
        self._store.decide(
            ApprovalDecided(
                approval_id=awaited.approval_id,
                call_id=awaited.call_id,
                verdict="expire",
                arguments=awaited.arguments,
                arguments_sha256=awaited.arguments_sha256,
                decided_by=BY,
                reason=WHY,
            )
        )
