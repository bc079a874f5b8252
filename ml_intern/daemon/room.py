"""Goes on with sessions that reached a cap in money under which there is room again by itself.

Others have settled what they had reserved, somebody extended a cap that is shared, midnight (UTC)
has passed, or the settings allow more since the daemon was started again.
"""

from collections import Counter

from ml_intern.clock import Clock
from ml_intern.ops import Resume
from ml_intern.queue.rows import RoomWanted, is_money
from ml_intern.queue.store import Store
from ml_intern.session.desk import Caps


class Room:
    """The chore of `Clockwork`: see `resume_where_there_is_room`."""

    def __init__(self, store: Store, clock: Clock, caps: Caps) -> None:
        self._store = store
        self._clock = clock
        self._caps = caps

    def __call__(self) -> None:
        resume_where_there_is_room(self._store, self._clock, self._caps)


def resume_where_there_is_room(store: Store, clock: Clock, caps: Caps) -> int:
    """Wake every session whose next step fits now, but not two for the same room; how many."""
    today = f"day:{clock.now().date().isoformat()}"
    given: Counter[str] = Counter()
    woken = 0
    for wanted in store.room_wanted():
        if not is_money(wanted.cap) or not _fits(store, wanted, caps, today, given):
            continue
        given[wanted.cap] += wanted.needed
        key = f"room:{wanted.cap}:{wanted.reached_seq}"
        op = Resume(on=f"budget:{wanted.cap}")
        woken += store.submit(wanted.session_id, op, dedupe=key) is not None
    return woken


def _fits(store: Store, wanted: RoomWanted, caps: Caps, today: str, given: Counter[str]) -> bool:
    if wanted.cap.startswith("day:") and wanted.cap != today:
        return True  # what it needs counts against another day now
    most = _most(wanted, caps)
    row = store.budgets(wanted.cap)[wanted.cap]
    used = row.used + given[wanted.cap] + wanted.needed
    return most is None or used <= most + row.extended


def _most(wanted: RoomWanted, caps: Caps) -> int | None:
    if wanted.cap == "daemon":
        return caps.daemon_micro_usd
    if wanted.cap.startswith("day:"):
        return caps.day_micro_usd
    own = wanted.max_cost_micro_usd
    return caps.session_micro_usd if own is None else own
