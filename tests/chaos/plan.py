"""What a daemon under test is to suffer: written by the harness, read by `tests/chaos/serve.py`."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml_intern.queue.leases import LEASE_S

VARIABLE = "CHAOS_PLAN"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One life of one daemon. The product knows nothing of it."""

    point: str = ""
    """Name of the crash point at which it kills itself; empty: at none."""
    freezes: bool = False
    """It stops there instead, until somebody lets it go on."""
    hit: int = 1
    """At the so-manieth time that it comes there."""
    session_id: str = ""
    """Only in the service of this session; empty: of any."""
    reached: str = ""
    """File that gets a line with the point's name just before the end."""
    mutation: str = ""
    """Name of the rule that is broken; see `tests/chaos/mutations.py`."""
    workers: int = 6
    lease_s: float = LEASE_S
    renew_s: float = 0.5
    witness: str = ""
    """File that gets a line for each write under a lease: the session, and the lease's token."""
    clock_jumps_s: tuple[float, ...] = ()
    """What is added to the wall clock, a jump each half a second, over and over."""
    upload_every_s: float = 60.0
    """At most one commit of traces in so many seconds."""
    scripted: bool = True
    """Whether the model `chaos` answers in the process."""

    def written(self, path: Path) -> dict[str, str]:
        """Write it down; the environment that names it."""
        path.write_text(json.dumps(asdict(self)))
        return {VARIABLE: str(path)}


def read_plan() -> Plan:
    """The plan that the environment names; the empty one when it names none."""
    path = os.environ.get(VARIABLE)
    told: dict[str, Any] = json.loads(Path(path).read_text()) if path else {}
    return Plan(**told)
