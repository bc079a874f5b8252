"""What all parts of a turn stand on: the session as it is, and what stops it."""

from dataclasses import dataclass

from ml_intern.clock import Clock
from ml_intern.context.manager import ContextManager
from ml_intern.session.budget import Budget
from ml_intern.session.desk import Limits, Signals
from ml_intern.session.history import History
from ml_intern.session.scribe import Scribe


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Of one turn, and shared by its parts. Not thread-safe, but for `signals` and `clock`."""

    scribe: Scribe
    history: History
    context: ContextManager
    budget: Budget
    limits: Limits
    """Of this session: it may have been given some of its own."""
    clock: Clock
    signals: Signals
