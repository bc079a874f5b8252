"""How a long job runs: submit, status, logs from an offset, cancel; found again by its id after a
crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from ml_intern.events import JobStatus
from ml_intern.messages import JobId
from ml_intern.sandbox.protocol import Access


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """A command that may run for hours."""

    job_id: JobId
    label: str
    """For people: what it trains, e.g. `train.py`."""
    argv: tuple[str, ...]
    cwd: Path
    folder: Path
    """Of this job alone: its log, its process record and its exit status. Exists afterwards in any
    case.
    """
    done_marker: Path
    """JSON file that the script writes, atomically and last: `{"global_step": int, ...}`.

    One that is older than the job does not count.
    """
    access: Access
    environment: Mapping[str, str] = field(hash=False)
    timeout_s: float


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What is known of a job now."""

    status: Literal["running"] | JobStatus
    exit_code: int | None = None
    reason: str = ""
    """For people: why it failed (time limit, killed by signal 9, no done-marker, ...); empty while
    it runs.
    """
    done: dict[str, Any] | None = field(default=None, hash=False)
    """Content of the done-marker of a job that succeeded."""
    cost_micro_usd: int | None = None
    """Of a job that is over; None: nobody can tell, so all that was reserved counts as spent."""


@dataclass(frozen=True, kw_only=True)
class LogChunk:
    """Complete lines of a job's log from `offset` on."""

    text: str
    next_offset: int
    """In bytes."""


class Compute(Protocol):
    """A place that runs jobs. Jobs outlive this process. Safe from any thread."""

    name: str

    def submit(self, spec: JobSpec) -> dict[str, Any]:
        """Start the job; its handle, JSON-ready. Raises ComputeError; then nothing runs."""
        ...

    def find(self, job_id: JobId, folder: Path) -> dict[str, Any] | None:
        """The handle of a job that was started before a crash, or None when it never was."""
        ...

    def state(self, handle: Mapping[str, Any]) -> JobState:
        """Look, without waiting."""
        ...

    def log(self, handle: Mapping[str, Any], offset: int, limit_bytes: int = 1 << 20) -> LogChunk:
        """Standard output and error of the job, in order, from `offset` bytes on."""
        ...

    def cancel(self, handle: Mapping[str, Any], grace_s: float = 5.0) -> JobState:
        """TERM to the process group, KILL after `grace_s`; returns when no process is left."""
        ...
