"""Rules of the store and the turn, broken one at a time, to see that the suite would notice.

Each is installed from outside, below the crash points, in the daemon alone.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ml_intern.messages import JobId
from ml_intern.ops import Resume
from ml_intern.queue import leases, store
from ml_intern.queue.append import append_unheld
from ml_intern.queue.store import Store
from ml_intern.session.calls import Calls
from ml_intern.session.handlers import Handling
from ml_intern.tools.bash import Bash
from ml_intern.tools.training import launch_training
from ml_intern.tracing import trace_file
from tests.chaos import script

FROZEN = "frozen owners"
ACKNOWLEDGED = "killed when acknowledged"
"""What catches a mutation beside the named points."""
LATE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A rule that does not hold in this process."""

    name: str
    install: Callable[[], None]
    caught_at: tuple[str, ...]
    """What is tried, one after the other, until it is noticed."""
    is_of_many: bool = False
    """Only several daemons can be harmed by it."""


def _start_recorded_after_the_effect() -> None:
    def run(self: Calls, item: Any) -> None:
        began = self._place.clock.monotonic()
        outcome = self._execute(item)
        self._scribe.plan(*self._start(item))
        self._take(item, outcome, began)

    Calls._run = run  # type: ignore[method-assign]


def _acknowledged_before_it_is_stored() -> None:
    submit, create = Store.submit, Store.create_session

    def late(act: Callable[[], Any]) -> None:
        threading.Timer(LATE_S, act).start()

    def submit_late(self: Store, session_id: Any, op: Any, **more: Any) -> int | None:
        if isinstance(op, Resume):
            return submit(self, session_id, op, **more)
        late(lambda: submit(self, session_id, op, **more))
        return 1

    def create_late(self: Store, *args: Any) -> int:
        late(lambda: create(self, *args))
        return 1

    Store.submit = submit_late  # type: ignore[method-assign]
    Store.create_session = create_late  # type: ignore[method-assign]


def _result_and_job_in_two_commits() -> None:
    append = Store.append

    def one_by_one(self: Store, lease: Any, *events: Any, **_: Any) -> list[int]:
        return [seq for event in events for seq in append(self, lease, event)]

    Store.append = one_by_one  # type: ignore[method-assign]


def _end_of_a_job_and_its_op_in_two_commits() -> None:
    submit = Store.submit

    def apart(
        self: Store, session_id: Any, op: Any, *, dedupe: Any = None, events: Any = ()
    ) -> Any:
        if events:
            self.note(session_id, *events)
        return submit(self, session_id, op, dedupe=dedupe)

    Store.submit = apart  # type: ignore[method-assign]


def _end_of_a_turn_and_of_its_op_in_two_commits() -> None:
    finish = Store.finish

    def apart(self: Store, claim: Any, *events: Any) -> None:
        self.append(claim.lease, *events)
        finish(self, claim)

    Store.finish = apart  # type: ignore[method-assign]


def _token_of_the_lease_not_checked() -> None:
    def unchecked(connection: Any, lease: Any, found: Any, at: str, **_: Any) -> list[int]:
        return append_unheld(connection, lease.session_id, found, at)

    store.append_held = unchecked
    leases.append_held = unchecked


def _lease_not_looked_at_before_an_effect() -> None:
    Handling._hold = lambda _self: None  # type: ignore[method-assign]


def _effects_outside_run_again() -> None:
    kind = type(script.send)
    kind.recovery = "probe"
    kind.recover = kind.run  # type: ignore[assignment,method-assign]


def _shell_commands_run_again() -> None:
    Bash.recovery = "probe"
    Bash.recover = Bash.run  # type: ignore[assignment,method-assign]


def _jobs_named_by_chance() -> None:
    launch_training.job_id_of = lambda _call_id: JobId(uuid.uuid4().hex)


def _key_of_a_request_not_kept() -> None:
    submit = Store.submit

    def keyless(
        self: Store, session_id: Any, op: Any, *, dedupe: Any = None, events: Any = ()
    ) -> Any:
        kept = dedupe if isinstance(op, Resume) else None
        return submit(self, session_id, op, dedupe=kept, events=events)

    Store.submit = keyless  # type: ignore[method-assign]


def _torn_line_of_a_trace_kept() -> None:
    cut = trace_file.os.ftruncate

    def keep(file: Any, size: int) -> None:
        if size == 0:
            cut(file, size)

    trace_file.os.ftruncate = keep  # type: ignore[assignment]


MUTATIONS = (
    Mutation(
        name="the start is recorded after the effect",
        install=_start_recorded_after_the_effect,
        caught_at=("start not committed",),
    ),
    Mutation(
        name="acknowledged before it is stored",
        install=_acknowledged_before_it_is_stored,
        caught_at=(ACKNOWLEDGED,),
    ),
    Mutation(
        name="a job and its result in two commits",
        install=_result_and_job_in_two_commits,
        caught_at=("launch inserted, not committed",),
    ),
    Mutation(
        name="the end of a job and its op in two commits",
        install=_end_of_a_job_and_its_op_in_two_commits,
        caught_at=("end of a job inserted, op not",),
    ),
    Mutation(
        name="the end of a turn and of its op in two commits",
        install=_end_of_a_turn_and_of_its_op_in_two_commits,
        caught_at=("end begun, not committed",),
    ),
    Mutation(
        name="the token of the lease is not checked",
        install=_token_of_the_lease_not_checked,
        caught_at=(FROZEN,),
        is_of_many=True,
    ),
    Mutation(
        name="the lease is not looked at before an effect",
        install=_lease_not_looked_at_before_an_effect,
        caught_at=(FROZEN,),
        is_of_many=True,
    ),
    Mutation(
        name="effects that reach outside are run again",
        install=_effects_outside_run_again,
        caught_at=("in the middle of a send",),
    ),
    Mutation(
        name="shell commands are run again",
        install=_shell_commands_run_again,
        caught_at=("in the middle of the effect",),
    ),
    Mutation(
        name="a job is named by chance",
        install=_jobs_named_by_chance,
        caught_at=("job launched, not recorded",),
    ),
    Mutation(
        name="the key of a request is not kept",
        install=_key_of_a_request_not_kept,
        caught_at=("words stored, not acknowledged",),
    ),
    Mutation(
        name="a torn line of a trace is kept",
        install=_torn_line_of_a_trace_kept,
        caught_at=("half a line of the trace",),
    ),
)
BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}
