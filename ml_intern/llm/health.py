"""Which models may be asked now, by how their last requests went: a circuit for each name.

One for all sessions of a process. A circuit opens when asking again is no use for a while; when
that is over, one request goes first and shows whether the model answers again. Knows names and
failures, and asks nobody. Safe from any thread.
"""

import random
import threading
from dataclasses import dataclass
from typing import assert_never

from ml_intern.clock import Clock
from ml_intern.errors import ModelError, Retryable, Trouble

WAITS_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""How long a circuit is open, the first time, the second time and so on, without an answer."""
JITTER = 0.2
"""By which part of themselves these waits are longer or shorter."""
REFUSED_S = 600.0
"""After a refusal that a person has to mend."""
MOST_S = 86_400.0
"""However long a provider asks us to wait, it is tried once a day."""
FAILURES = 3
"""In a row, at which a model is left alone that did not say for how long, or for a moment only."""
LONG_S = 10.0
"""A model that says when to come back is left alone at once if that is later, else waited for."""
PROBE_S = 60.0
"""For so long one request goes first, while nothing is heard of it."""


@dataclass
class _Circuit:
    """Of one model. Moments are of the clock that also counts while the machine sleeps."""

    why: str = ""
    trouble: Trouble | None = None
    failures: int = 0
    """In a row, since the circuit last opened or closed."""
    level: int = 0
    """How often it opened by `WAITS_S` since the last answer."""
    until: float | None = None
    """It is open, and nobody may ask before; None: it is closed."""
    probed: bool = False
    """Its time was over, and somebody has asked since; `until` is the next one's turn."""

    @property
    def rests(self) -> bool:
        """It is open, and nobody has asked since: who says something now had asked before."""
        return self.until is not None and not self.probed


class Health:
    """How the models are."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()  # protects the circuits and all in them
        self._circuits: dict[str, _Circuit] = {}

    def take(self, name: str) -> bool:
        """Whether this model may be asked now, by the caller, who reports how it went.

        When the time of an open circuit is over, that is so for one caller. If it is not heard of
        for `PROBE_S`, it is so for another.
        """
        with self._lock:
            circuit = self._of(name)
            if circuit.until is None:
                return True
            now = self._clock.boottime()
            if now < circuit.until:
                return False
            circuit.probed = True
            circuit.until = now + PROBE_S
            return True

    def ask_all_the_same(self, name: str) -> None:
        """Somebody asks though it is open, since there is nobody else; an answer closes it."""
        with self._lock:
            circuit = self._of(name)
            if circuit.until is not None:
                circuit.probed = True

    def give_back(self, name: str) -> None:
        """Who took a turn that nobody else had does not ask after all: another may, at once."""
        with self._lock:
            circuit = self._of(name)
            if circuit.probed:
                circuit.until, circuit.probed = self._clock.boottime(), False

    def wait_s(self, name: str) -> float:
        """Seconds until it may be asked, 0.0 for now; does not take the turn."""
        with self._lock:
            until = self._of(name).until
            return 0.0 if until is None else max(0.0, until - self._clock.boottime())

    def why(self, name: str) -> str:
        """What its last failure said, for people; empty after an answer."""
        with self._lock:
            return self._of(name).why

    def trouble(self, name: str) -> Trouble | None:
        """What was wrong with it last; None after an answer."""
        with self._lock:
            return self._of(name).trouble

    def worked(self, name: str) -> None:
        """It answered; what it said is not looked at.

        An answer to somebody who had asked before the circuit opened leaves it open for its time:
        it says nothing about an account that is empty since, or a rate that is reached.
        """
        with self._lock:
            circuit = self._of(name)
            is_over = circuit.until is None or circuit.until <= self._clock.boottime()
            if is_over or circuit.probed:
                self._circuits[name] = _Circuit()

    def failed(self, name: str, exc: ModelError) -> None:
        """It did not answer, or refused.

        Of those who had asked before the circuit opened, none makes the next wait longer.
        """
        match exc.trouble:
            case "authentication" | "billing" | "model":
                self._open(name, exc, REFUSED_S)
            case "away" | "rate":
                said = exc.retry_after_s if isinstance(exc, Retryable) else None
                said_s = min(said or 0.0, MOST_S)
                if said_s > LONG_S:
                    self._open(name, exc, said_s, grows=True)
                else:
                    self._count(name, exc, said_s)
            case "content" | "context" | "effort" | "thinking" | "request":
                self.worked(name)
            case never:
                assert_never(never)

    def _open(self, name: str, exc: ModelError, for_s: float, *, grows: bool = False) -> None:
        """`grows`: whoever was asked first when the time was over got no answer either, so it is
        longer than that, as it would be for one who does not say for how long.
        """
        with self._lock:
            circuit = self._of(name)
            circuit.why, circuit.trouble = str(exc), exc.trouble
            if grows and circuit.probed:
                for_s = max(for_s, self._next_wait_s(circuit))
            self._leave_alone(circuit, for_s)

    def _count(self, name: str, exc: ModelError, said_s: float) -> None:
        """`said_s`: for how long the provider wants to be left alone; 0.0: it did not say."""
        with self._lock:
            circuit = self._of(name)
            circuit.why, circuit.trouble = str(exc), exc.trouble
            if circuit.rests:
                self._leave_alone(circuit, said_s)
                return
            circuit.failures += 1
            if circuit.failures >= FAILURES or circuit.probed:
                self._leave_alone(circuit, max(said_s, self._next_wait_s(circuit)))

    def _next_wait_s(self, circuit: _Circuit) -> float:
        wait_s = WAITS_S[min(circuit.level, len(WAITS_S) - 1)]
        circuit.level += 1
        return wait_s * self._chance.uniform(1 - JITTER, 1 + JITTER)

    def _leave_alone(self, circuit: _Circuit, for_s: float) -> None:
        """From now on; longer, if it rests and was to for longer."""
        until = self._clock.boottime() + for_s
        if circuit.until is not None and circuit.rests:
            until = max(until, circuit.until)
        circuit.until, circuit.probed, circuit.failures = until, False, 0

    def _of(self, name: str) -> _Circuit:
        """The lock is held."""
        return self._circuits.setdefault(name, _Circuit())
