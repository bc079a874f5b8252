"""The least that a tool needs to be called; for tests that touch neither files nor processes."""

from pathlib import Path
from typing import Any

from ml_intern.clock import SystemClock
from ml_intern.compute.hub import HubHardware
from ml_intern.messages import CallId, SessionId
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import ToolContext, Workplace
from ml_intern.tools.training.hardware import set_threads, usable_cpus
from ml_intern.web import Cache, Web


def a_place(folder: Path = Path("/nonexistent"), **changes: Any) -> Workplace:
    """A workplace below `folder`, without sandbox and compute unless they are given."""
    fields: dict[str, Any] = {
        "session_id": SessionId("11111111-1111-4111-8111-111111111111"),
        "workspace": folder / "workspace",
        "started_in": folder / "started_in",
        "said": (),
        "records": (folder / "state",),
        "held_out": folder / "state" / "held_out",
        "jobs": folder / "state" / "jobs",
        "published": folder / "published",
        "sandbox": None,
        "compute": None,
        "hub": HubHardware(folder / "state" / "hub_hardware.json", SystemClock()),
        "web": changes.get("web") or _nowhere(folder),
        "clock": SystemClock(),
        "training_python": Path("python3"),
        "network": False,
        "memory_bytes": None,
        "job_timeout_s": 60.0,
        "author": "local",
        "cpus": usable_cpus(),
        "threads": set_threads(),
    }
    return Workplace(**{**fields, **changes})


def _nowhere(folder: Path) -> Web:
    """A client that knows no service; made only where it is wanted, as that takes a while."""
    return Web([], Cache(folder / "state" / "outside"), SystemClock(), user_agent="test")


def a_context(folder: Path = Path("/nonexistent"), **changes: Any) -> ToolContext:
    """A context for one call in `a_place`."""
    return ToolContext(place=a_place(folder, **changes), call_id=CallId("call_1"), facts=Facts())
