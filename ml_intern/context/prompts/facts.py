"""What a system prompt says of a session. Nothing in here may change from turn to turn by itself.

So there is no free memory, no free disk and no time of day: those are asked for with a tool.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

Asks = Literal["never", "sometimes", "always"]


@dataclass(frozen=True, kw_only=True)
class ToolFact:
    """A tool that the model may call."""

    name: str
    family: str
    """The folder or file of the package that it comes from; `own` for one from outside."""
    asks: Asks = "never"
    """Whether its calls wait for a person's yes."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the machine has, seen without importing anything heavy."""

    cpus: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    """As the driver names them; training may see fewer."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A file of instructions that lies with the person's project."""

    path: Path
    text: str
    in_workspace: bool = False
    """Then the session's own code may have written it."""


@dataclass(frozen=True, kw_only=True)
class SessionFacts:
    """Everything that the prompt is made of."""

    began: date
    workspace: Path
    started_in: Path
    tools: tuple[ToolFact, ...]
    machine: Machine
    memory_limit_bytes: int | None
    """Of each process that the session's code starts; None: none."""
    sandbox: str
    """`bubblewrap`, `process` or `none`."""
    network: bool
    max_iterations: int
    max_turn_s: float
    job_timeout_s: float
    session_cap_micro_usd: int | None = None
    """What may be spent, without what a person gives later; None: there is no such cap."""
    day_cap_micro_usd: int | None = None
    daemon_cap_micro_usd: int | None = None
    max_tokens: int | None = None
    max_work_s: float | None = None
    """Of the session, without waits for people."""
    instructions: str = ""
    """Of whoever started the session."""
    project: Project | None = None
