"""What a turn works with: chosen by the composition root, the same for all sessions."""

import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ml_intern.clock import Clock, SystemClock
from ml_intern.context.room import COMPACT_AT
from ml_intern.effort import Effort
from ml_intern.llm.client import ModelClient
from ml_intern.llm.health import Health
from ml_intern.messages import SessionId
from ml_intern.queue.store import SessionRow, Store
from ml_intern.tools.protocol import Workplace
from ml_intern.tools.router import ToolRouter


@dataclass(frozen=True, kw_only=True)
class Caps:
    """What may be used, without extensions; None: as much as there is."""

    session_micro_usd: int | None = None
    day_micro_usd: int | None = None
    daemon_micro_usd: int | None = None
    tokens: int | None = None
    """Of one session, as is `seconds`."""
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where a turn waits for a person, or stops however well it goes."""

    max_iterations: int
    """Model answers since a person last spoke, after which the work must have got on."""
    max_turn_s: float
    iteration_ceiling: int = 1_000_000
    """Model answers since a person last spoke, after which the turn stops."""
    caps: Caps = Caps()
    compact_at: int = COMPACT_AT
    """Tokens of a request at which its conversation is compacted, however large the window."""
    approval_timeout_s: float = 0.0
    """After which an approval or a question is given up; 0: never."""


def ignore_text(_session_id: SessionId, _piece: str) -> None:
    """The `on_text` of a desk where nobody listens."""


def _alone(model: str) -> tuple[str, ...]:
    """The `chain` of a desk without fallbacks."""
    return (model,)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything a turn may touch."""

    store: Store
    router: ToolRouter
    clock: Clock
    limits: Limits
    model: Callable[[str], ModelClient]
    """The client of a model by the name in the settings. Raises ConfigError for an unknown one."""
    chain: Callable[[str], tuple[str, ...]] = _alone
    """The models that a session may ask whose own is this one: itself, then its fallbacks."""
    health: Health = field(default_factory=lambda: Health(SystemClock(), random.Random()))
    """Of all models, known to all sessions."""
    effort: Effort | None = None
    """With which models are asked to think, unless a session says otherwise."""
    place: Callable[[SessionRow, tuple[str, ...]], Workplace]
    """The folders (which then exist), sandbox and compute of a session whose person said these
    words.
    """
    on_text: Callable[[SessionId, str], None] = ignore_text
    """Is given the text of a session's model piece by piece, as it streams. Must not block."""


class Proof:
    """When a session's lease was last known to be ours, by a clock that counts through sleep.

    Written by the lease keeper and by the turn; an older time that overtakes a newer one does no
    harm, it only makes the turn ask the store once more.
    """

    def __init__(self, at: float = -math.inf) -> None:
        self._at = at

    def note(self, at: float) -> None:
        """The lease was ours at this time: the one *before* the store was asked."""
        self._at = at

    def age_s(self, now: float) -> float:
        """Seconds since then; infinite when there never was a proof."""
        return now - self._at


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What the outside tells a running turn; it looks between two steps."""

    stop: threading.Event = field(default_factory=threading.Event)
    """The session was interrupted: end the turn."""
    leave: threading.Event = field(default_factory=threading.Event)
    """The process is going: give the session back as it stands, for its next owner."""
    cut: threading.Event = field(default_factory=threading.Event)
    """End the running tool now."""
    left_running: threading.Event = field(default_factory=threading.Event)
    """Told by the turn: an effect that was cut goes on, so nobody may have the session before this
    process has ended.
    """
    proof: Proof = field(default_factory=Proof)

    def is_called_off(self) -> bool:
        """Whether a step that has not ended is not wanted any more."""
        return self.stop.is_set() or self.leave.is_set()

    def interrupt(self) -> None:
        """End the turn, and what runs in it."""
        self.stop.set()
        self.cut.set()
