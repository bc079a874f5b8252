"""Watches the running jobs of all sessions: one thread, however many there are.

Tells the journal what a log says of a job's progress, and wakes the session when the job has ended
(`JobEnded` and a `Resume` op in one transaction). Knows a job by its row alone, so a job that was
started before this process is watched like any other.
"""

import logging
import math
import threading
from dataclasses import dataclass, field

from ml_intern.clock import Clock
from ml_intern.compute.protocol import Compute, JobState
from ml_intern.errors import ComputeError, QueueError, StateConflict
from ml_intern.events import JobEnded, JobProgressed
from ml_intern.messages import JobId
from ml_intern.ops import Resume
from ml_intern.queue.rows import JobRow
from ml_intern.queue.store import Store
from ml_intern.session.budget import price
from ml_intern.session.lost_jobs import ended_key
from ml_intern.tools.training.metrics import Course, follow

log = logging.getLogger(__name__)

POLL_S = 0.5
TELL_S = 1.0
"""Least time between two events of one job; grows with the age of the job."""
TELL_SHARE = 200
"""A job of any length leaves about so many events for each doubling of its age."""


@dataclass(kw_only=True)
class Watch:
    """How far the log of one job has been read, and what is still to be told."""

    began: float
    offset: int
    next_tell: float
    unread: dict[str, float] = field(default_factory=dict)


class JobWatcher:
    """Looks at every running job twice a second. Belongs to one thread."""

    def __init__(self, store: Store, compute: Compute, clock: Clock) -> None:
        self._store = store
        self._compute = compute
        self._clock = clock
        self._watches: dict[JobId, Watch] = {}

    def run(self, stop: threading.Event) -> None:
        """Until `stop`."""
        while not self._clock.wait(stop, POLL_S):
            try:
                self.look()
            except QueueError:
                log.exception("jobs_not_watched")

    def look(self) -> None:
        """One look at every running job."""
        for job in self._store.running_jobs():
            try:
                state = self._compute.state(job.handle)
                self._read(job, is_over=state.status != "running")
            except ComputeError as exc:
                state = JobState(status="lost", reason=str(exc))
            self._end(job, state)

    def _read(self, job: JobRow, *, is_over: bool) -> None:
        """Take up the new lines of the log; tell the journal when it is time."""
        now = self._clock.monotonic()
        watch = self._watches.setdefault(
            job.job_id, Watch(began=now, offset=job.log_offset, next_tell=now)
        )
        chunk = self._compute.log(job.handle, watch.offset)
        watch.offset = chunk.next_offset
        course: Course = follow(chunk.text.splitlines())
        watch.unread.update(course.last)
        if "step" in watch.unread and (is_over or now >= watch.next_tell):
            self._tell(job, watch)
            watch.next_tell = now + max(TELL_S, (now - watch.began) / TELL_SHARE)

    def _tell(self, job: JobRow, watch: Watch) -> None:
        numbers, watch.unread = watch.unread, {}
        step, max_steps = _count(numbers.pop("step")), _count(numbers.pop("max_steps", None))
        if step is None:
            return
        self._note(
            job,
            JobProgressed(
                job_id=job.job_id,
                step=step,
                max_steps=max_steps,
                metrics={
                    name: value if math.isfinite(value) else None for name, value in numbers.items()
                },
                log_offset=watch.offset,
            ),
        )

    def _note(self, job: JobRow, progressed: JobProgressed) -> None:
        try:
            self._store.note(job.session_id, progressed)
        except StateConflict:
            log.debug("job_told_by_another", extra={"job_id": job.job_id}, exc_info=True)

    def _end(self, job: JobRow, state: JobState) -> None:
        if state.status == "running":
            return
        ended = JobEnded(
            job_id=job.job_id,
            status=state.status,
            exit_code=state.exit_code,
            reason=state.reason,
            cost_micro_usd=price(state.cost_micro_usd),
        )
        order = Resume(on=f"job:{job.job_id}")
        key = ended_key(job.job_id)
        self._store.submit(job.session_id, order, dedupe=key, events=[ended])
        self._watches.pop(job.job_id, None)


def _count(number: float | None) -> int | None:
    """As a whole number; None for what is none: a script may log anything."""
    return int(number) if number is not None and math.isfinite(number) else None
