"""Jobs that nobody can look up any more, such as those of a machine that is gone: a person's word.

The event and the op are those with which a watcher ends a job, under the same key: the first who
says how a job ended counts, whoever it is.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ml_intern.errors import InputError
from ml_intern.events import JobEnded, JobStarted
from ml_intern.messages import JobId, SessionId
from ml_intern.ops import Resume
from ml_intern.queue.rows import Recorded
from ml_intern.queue.store import Store


def declare_lost(
    store: Store,
    session_id: SessionId,
    job_id: str,
    *,
    declared_by: str,
    note: str = "",
    runs_here: Callable[[Mapping[str, Any]], bool],
) -> bool:
    """End a running job as lost, and wake its session; false when it had ended before.

    `job_id` may be cut to a unique beginning; empty, it is the only one that runs. Durable when it
    returns. Raises UnknownSession, InputError, which says what runs, StoreUnavailable.
    """
    session_id = store.session(session_id).session_id
    started, ended = _jobs(store.events(session_id))
    found = _named(started, ended, job_id)
    if found in ended:
        return False
    if runs_here(started[found].handle):
        raise InputError(
            f"Job {found} runs on this machine, so it is not lost; `ml-intern interrupt "
            f"{session_id[:8]}` stops it."
        )
    reason = loss_in_words(declared_by, note)
    lost = JobEnded(
        job_id=found,
        status="lost",
        exit_code=None,
        reason=reason,
        cost_micro_usd=None,  # what was reserved for it may have been spent
    )
    order = Resume(on=f"job:{found}")
    return store.submit(session_id, order, dedupe=ended_key(found), events=[lost]) is not None


def loss_in_words(declared_by: str, note: str) -> str:
    """What the model reads."""
    said = f": {note.strip()}" if note.strip() else ""
    return f"{declared_by} says that it ended with its machine{said}"


def ended_key(job_id: JobId) -> str:
    """Under which the end of a job wakes its session once."""
    return f"job:{job_id}:ended"


def _jobs(journal: Iterable[Recorded]) -> tuple[dict[JobId, JobStarted], set[JobId]]:
    started: dict[JobId, JobStarted] = {}
    ended: set[JobId] = set()
    for recorded in journal:
        match recorded.event:
            case JobStarted() as event:
                started[event.job_id] = event
            case JobEnded(job_id=job_id):
                ended.add(job_id)
            case _:
                pass
    return started, ended


def _named(started: Iterable[JobId], ended: set[JobId], prefix: str) -> JobId:
    running = [job_id for job_id in started if job_id not in ended]
    among = list(started) if prefix else running
    found = [job_id for job_id in among if job_id.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not running:
        raise InputError("No job of this session runs, as far as its journal knows.")
    raise InputError(f"Say which job is meant; these run: {'; '.join(running)}.")
