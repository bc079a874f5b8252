"""The Hub's list of hardware with its prices: read when it is needed, and kept on disk.

A list older than `FRESH_S` is read anew; where the Hub cannot be reached, the old one counts, and
says how old it is. Nobody waits for the Hub longer than `WAIT_S`. Safe from any thread.
"""

import logging
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ml_intern.clock import Clock, parse_stamp, stamp
from ml_intern.compute.hub.listing import HubSilent, endpoint_of, hub_list
from ml_intern.compute.hub.prices import STARTING_S, Flavor, worst_micro_usd
from ml_intern.compute.job_folder import read_document, write_document
from ml_intern.money import dollars

log = logging.getLogger(__name__)

FRESH_S = 86_400.0
"""For so long a list is used without asking the Hub."""
WAIT_S = 15.0
AGAIN_S = 300.0
"""After a failure the Hub is left alone for so long, where it does not say itself for how long."""
MOST_AGAIN_S = 3600.0
_FLAVORS = TypeAdapter(tuple[Flavor, ...])


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """What is known of the Hub's prices."""

    endpoint: str
    read_at: datetime | None = None
    """None: never."""
    flavors: tuple[Flavor, ...] = ()
    trouble: str = ""
    """Why there is none that is newer; empty where it is new enough."""

    def named(self, name: str) -> Flavor | None:
        """The machine of this name; None where the list has none."""
        return next((flavor for flavor in self.flavors if flavor.name == name), None)

    def is_fresh(self, now: datetime) -> bool:
        """Whether it need not be read again. One from the future tells nothing of its age."""
        return self.read_at is not None and 0 <= (now - self.read_at).total_seconds() < FRESH_S

    def described(self, now: datetime) -> str:
        """Whose list it is and when it was read, for a sentence."""
        if self.read_at is None:
            return f"the list of {self.endpoint} was never read: {self.trouble}"
        words = f"the list of {self.endpoint}, read on {self.read_at.date()}"
        if not self.trouble:
            return words
        days = (now - self.read_at).days
        return f"{words}, {days} day{'' if days == 1 else 's'} ago; no newer one: {self.trouble}"


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """What a job may cost, and what that rests on."""

    micro_usd: int | None
    """None: unknown."""
    basis: str
    """For people: the price, what is included, whose list it is and when it was read."""


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A look at the Hub that goes on. All who need it wait together, until one moment."""

    began: float
    wait_s: float
    done: threading.Event = field(default_factory=threading.Event)

    def wait(self, now: float) -> bool:
        """Whether it ends in the time that is left for it."""
        return self.done.wait(max(0.0, self.began + self.wait_s - now))


class HubHardware:
    """The list of one Hub."""

    def __init__(
        self, cache: Path, clock: Clock, *, endpoint: str | None = None, wait_s: float = WAIT_S
    ) -> None:
        """`cache`: a file. `endpoint`: None for that of `HF_ENDPOINT`. Reads nothing yet."""
        self._cache = cache
        self._clock = clock
        self._wait_s = wait_s
        # Protects what is below; neither the Hub nor the disk is waited for under it.
        self._lock = threading.Lock()
        self._known = PriceList(endpoint=endpoint_of(endpoint))
        self._reading: _Reading | None = None
        self._not_before = clock.monotonic()

    def prices(self) -> PriceList:
        """The newest list that there is; its `trouble` tells of a Hub that does not give it.

        A Hub that hangs keeps a thread, at most one an hour, for which no process waits at its end.
        """
        kept = self._kept() if self._known.read_at is None else None
        with self._lock:
            if kept is not None and self._known.read_at is None:
                self._known = kept
            reading = self._begun()
        if reading is not None and not reading.wait(self._clock.monotonic()):
            return replace(self._known, trouble=f"it has not answered in {self._wait_s:g} s")
        return self._known

    def worst(self, flavor: str, timeout_s: float) -> WorstCase:
        """Of a job on this hardware that may run for so long. Raises InputError for no such time.

        Unknown where the list has no such hardware, or no price for it that makes sense.
        """
        prices = self.prices()
        listed = prices.described(self._clock.now())
        found = prices.named(flavor)
        if found is None:
            nobody = "the Hub's prices are unknown" if prices.read_at is None else "it is not there"
            return WorstCase(micro_usd=None, basis=f"{flavor}: {nobody}; {listed}")
        per_minute = found.micro_usd_per_minute
        if per_minute is None:
            return WorstCase(micro_usd=None, basis=f"{flavor}: {found.trouble}; {listed}")
        return WorstCase(
            micro_usd=worst_micro_usd(per_minute, timeout_s),
            basis=f"{flavor} at {dollars(per_minute)} a minute, {timeout_s / 60:g} minutes of "
            f"running and {STARTING_S / 60:g} of starting; {listed}",
        )

    def _begun(self) -> _Reading | None:
        """The look that goes on now, begun if there is need of one; under the lock."""
        now = self._clock.monotonic()
        if self._known.is_fresh(self._clock.now()):
            return None
        if self._reading is not None and now > self._reading.began + MOST_AGAIN_S:
            self._reading = None
        if self._reading is None and now >= self._not_before:
            self._reading = _Reading(began=now, wait_s=self._wait_s)
            looking = threading.Thread(
                target=self._look, args=(self._reading,), name="hub-prices", daemon=True
            )
            looking.start()
        return self._reading

    def _look(self, reading: _Reading) -> None:
        """Ask the Hub, however long that takes. Belongs to a thread of its own."""
        known, wait_s = self._known, AGAIN_S
        try:
            flavors = hub_list(known.endpoint)
            known = PriceList(endpoint=known.endpoint, read_at=self._clock.now(), flavors=flavors)
            self._keep(known)
        except HubSilent as exc:
            log.warning("hub_prices_not_read", extra={"endpoint": known.endpoint}, exc_info=True)
            known = replace(known, trouble=str(exc))
            if exc.retry_after_s is not None:
                wait_s = min(exc.retry_after_s, MOST_AGAIN_S)
        finally:
            with self._lock:
                self._known = known
                if self._reading is reading:
                    self._reading = None
                    self._not_before = self._clock.monotonic() + wait_s
            reading.done.set()

    def _kept(self) -> PriceList | None:
        """The list on disk; None where there is none of this Hub that can be read."""
        try:
            document = read_document(self._cache)
            return None if document is None else self._from(document)
        except (OSError, ValueError, KeyError, TypeError):
            log.warning("hub_prices_not_kept", extra={"path": str(self._cache)}, exc_info=True)
            return None

    def _from(self, document: dict[str, Any]) -> PriceList | None:
        """Raises ValueError, KeyError, TypeError."""
        if document["endpoint"] != self._known.endpoint:
            return None
        return PriceList(
            endpoint=document["endpoint"],
            read_at=parse_stamp(document["read_at"]),
            flavors=_FLAVORS.validate_python(document["flavors"]),
        )

    def _keep(self, known: PriceList) -> None:
        assert known.read_at is not None, "what was just read has its time"
        document = {
            "endpoint": known.endpoint,
            "read_at": stamp(known.read_at),
            "flavors": [asdict(flavor) for flavor in known.flavors],
        }
        try:
            write_document(self._cache, document)
        except OSError:  # the next process asks the Hub again
            log.warning("hub_prices_not_kept", extra={"path": str(self._cache)}, exc_info=True)
