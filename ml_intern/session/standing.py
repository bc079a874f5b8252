"""How the caps stand, of one session or of all together: for whoever asks from outside."""

from ml_intern.clock import Clock
from ml_intern.events import SessionStarted
from ml_intern.messages import SessionId
from ml_intern.queue.store import Store
from ml_intern.session.budget import own_cap
from ml_intern.session.caps import CapState
from ml_intern.session.desk import Limits
from ml_intern.session.meter import ITERATIONS, SECONDS, TOKENS, Meter, worked_s


def shared(store: Store, limits: Limits, clock: Clock) -> list[CapState]:
    """What all sessions share: today's cap and that of the database. Raises StoreUnavailable."""
    today = f"day:{clock.now().date().isoformat()}"
    caps = limits.caps
    return _money(store, {today: caps.day_micro_usd, "daemon": caps.daemon_micro_usd})


def of_session(store: Store, session_id: SessionId, limits: Limits, clock: Clock) -> list[CapState]:
    """All that a session stands under, its own caps first. Raises StoreUnavailable."""
    journal = store.events(session_id)
    meter, caps = Meter(), limits.caps
    soft = limits.max_iterations
    for recorded in journal:
        meter.apply(recorded.event)
        if isinstance(recorded.event, SessionStarted):
            soft = recorded.event.max_iterations or soft
    own = meter.max_cost_micro_usd
    money = _money(store, {own_cap(session_id): caps.session_micro_usd if own is None else own})
    seconds = int(worked_s(journal, clock.now()))
    most_s = None if caps.seconds is None else int(caps.seconds)
    return [
        *money,
        *shared(store, limits, clock),
        _own(meter, TOKENS, meter.tokens, caps.tokens),
        _own(meter, SECONDS, seconds, most_s),
        _own(meter, ITERATIONS, meter.answers, soft),
        *(_own(meter, cap, calls, 0) for cap, calls in sorted(meter.unpriced.items())),
    ]


def _money(store: Store, limits: dict[str, int | None]) -> list[CapState]:
    rows = store.budgets(*limits)
    return [
        CapState(
            cap=cap,
            used=rows[cap].spent,
            reserved=rows[cap].reserved,
            limit=None if most is None else most + rows[cap].extended,
            extended=rows[cap].extended,
        )
        for cap, most in limits.items()
    ]


def _own(meter: Meter, cap: str, used: int, most: int | None) -> CapState:
    more = meter.extended[cap]
    return CapState(cap=cap, used=used, limit=None if most is None else most + more, extended=more)
