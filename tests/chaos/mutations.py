"""Rules of the store and the turn, broken one at a time, to see that the suite would notice.

Each is installed from outside, below the crash points, in the daemon alone.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam

from ml_intern.clock import stamp
from ml_intern.events import BudgetExtended
from ml_intern.messages import JobId
from ml_intern.ops import ApprovalDecision, ExtendBudget, Resume
from ml_intern.queue import (
    approvals,
    backlog,
    budgets,
    edges,
    extending,
    leases,
    sessions,
    store,
)
from ml_intern.queue.append import append_unheld, encoded
from ml_intern.queue.mail import Mail
from ml_intern.queue.schema import tool_call
from ml_intern.queue.store import Store
from ml_intern.session.calls import Calls
from ml_intern.session.handlers import Handling
from ml_intern.session.history import History
from ml_intern.session.scribe import Scribe
from ml_intern.slack.clerk import Clerk
from ml_intern.slack.sender import Sender
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


def _edit_is_not_what_runs() -> None:
    def run(self: Calls, item: Any) -> Any:
        call = item.open_call.call
        as_written = self._router.prepare(call.name, call.arguments)
        return self._router.run(as_written, self._context(item.open_call), self._signals.cut)

    Calls._execute = run  # type: ignore[method-assign]


def _decision_and_its_op_in_two_commits() -> None:
    def decide(self: Store, *decided: Any, grants: Any = ()) -> Any:
        at = stamp(self._clock.now())
        found = encoded([*decided, *grants])

        def first(connection: Any) -> Any:
            named = [one.approval_id for one in decided]
            session_id = approvals._session_of(connection, named)
            sessions.hold(connection, session_id)
            asked = approvals.pending(connection, session_id)
            won = tuple(one.approval_id for one in asked if one.approval_id in named)
            append_unheld(
                connection,
                session_id,
                [one for one in found if approvals._is_about(one[0], won)],
                at,
            )
            return session_id, won

        session_id, won = self._write(first, "news")
        for key in won:
            op = ApprovalDecision(approval_id=key)
            self._write(
                lambda c, op=op, key=key: backlog.put(c, session_id, op, f"apr:{key}", at), "work"
            )
        return won

    Store.decide = decide  # type: ignore[method-assign]


def _extension_and_its_op_in_two_commits() -> None:
    def extend(
        self: Store, session_id: Any, cap: str, amount: int, by: str, **more: Any
    ) -> int | None:
        at = stamp(self._clock.now())
        found = BudgetExtended(cap=cap, amount=amount, extended_by=by)

        def first(connection: Any) -> str | None:
            sessions.hold(connection, session_id)
            key = extending.dedupe_key(cap, more["answers"])
            if backlog.was_seen(connection, session_id, key):
                return None
            append_unheld(connection, session_id, encoded([found]), at)
            return key

        key = self._write(first, "news")
        if key is None:
            return None
        return self._write(
            lambda c: backlog.put(c, session_id, ExtendBudget(cap=cap), key, at), "work"
        )

    Store.extend = extend  # type: ignore[method-assign]


def _rule_outlives_its_revocation() -> None:
    apply = History.apply

    def keep(self: History, event: Any) -> None:
        rules = dict(self.rules)
        apply(self, event)
        self.rules = {**rules, **self.rules}

    History.apply = keep  # type: ignore[method-assign]


def _parked_call_forgotten_by_the_next_answer() -> None:
    apply = History.apply

    def forget(self: History, event: Any) -> None:
        apply(self, event)
        if event.kind == "model_replied":
            kept = {key: one for key, one in self.open_calls.items() if not one.parked}
            self.open_calls = kept

    History.apply = forget  # type: ignore[method-assign]


def _request_and_its_answer_in_two_commits() -> None:
    def one_by_one(self: Scribe, *events: Any) -> None:
        for event in events:
            record(self, event)

    record = Scribe.record
    Scribe.record = one_by_one  # type: ignore[method-assign]


def _reminders_not_counted() -> None:
    edges._REMIND = edges._CALL.where(bindparam("before") >= 0).values(name=tool_call.c.name)


def _cap_not_looked_at() -> None:
    budgets._TAKE_WITHIN = budgets._TAKE.where(bindparam("most") >= 0)


def _money_not_reserved() -> None:
    budgets.reserve = lambda *_: None


def _money_for_a_lost_request_given_back() -> None:
    settle = budgets.settle_model
    budgets.settle_model = lambda connection, of, cost: settle(connection, of, cost or 0)


def _money_of_a_lost_call_reserved_for_ever() -> None:
    settle = budgets.settle_call

    def only_known(connection: Any, session_id: Any, call: str, cost: int | None) -> None:
        if cost is not None:
            settle(connection, session_id, call, cost)

    budgets.settle_call = only_known


def _letter_acknowledged_before_it_is_stored() -> None:
    receive = Mail.receive

    def late(self: Mail, channel: str, dedupe: str, body: dict[str, Any]) -> bool:
        threading.Timer(LATE_S, lambda: receive(self, channel, dedupe, body)).start()
        return True

    Mail.receive = late  # type: ignore[method-assign]


def _letter_settled_before_it_is_done() -> None:
    deal = Clerk._deal_with

    def settled_first(self: Clerk, letter: Any) -> bool:
        self._mail.settle(letter, "done")
        return deal(self, letter)

    Clerk._deal_with = settled_first  # type: ignore[method-assign]


def _letters_without_a_key() -> None:
    receive = Mail.receive

    def keyless(self: Mail, channel: str, dedupe: str, body: dict[str, Any]) -> bool:
        return receive(self, channel, f"{dedupe}:{uuid.uuid4()}", body)

    Mail.receive = keyless  # type: ignore[method-assign]


def _doubtful_message_sent_again() -> None:
    Sender._found = lambda _self, _post: None  # type: ignore[method-assign]


def _place_kept_before_its_messages() -> None:
    advance = Mail.advance

    def apart(self: Mail, held: Any, position: int, channel: str, drafts: Any) -> None:
        advance(self, held, position, channel, ())
        if drafts:
            self.put(channel, drafts)

    Mail.advance = apart  # type: ignore[method-assign]


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
    Mutation(
        name="an edit is not what runs",
        install=_edit_is_not_what_runs,
        caught_at=("edit stored, not acknowledged",),
    ),
    Mutation(
        name="a decision and its op in two commits",
        install=_decision_and_its_op_in_two_commits,
        caught_at=("decision inserted, op not",),
    ),
    Mutation(
        name="an extension and its op in two commits",
        install=_extension_and_its_op_in_two_commits,
        caught_at=("extension inserted, op not",),
    ),
    Mutation(
        name="a rule outlives its revocation",
        install=_rule_outlives_its_revocation,
        caught_at=("rule revoked, not acknowledged",),
    ),
    Mutation(
        name="a parked call is forgotten by the next answer",
        install=_parked_call_forgotten_by_the_next_answer,
        caught_at=("call parked",),
    ),
    Mutation(
        name="a request is withdrawn and answered in two commits",
        install=_request_and_its_answer_in_two_commits,
        caught_at=("request withdrawn, answer not told",),
    ),
    Mutation(
        name="reminders are not counted",
        install=_reminders_not_counted,
        caught_at=("reminder stored",),
    ),
    Mutation(
        name="a cap is not looked at",
        install=_cap_not_looked_at,
        caught_at=("started under a cap",),
    ),
    Mutation(
        name="money is not reserved",
        install=_money_not_reserved,
        caught_at=("order started, not run",),
    ),
    Mutation(
        name="money for a request that was lost is given back",
        install=_money_for_a_lost_request_given_back,
        caught_at=("paid model asked",),
    ),
    Mutation(
        name="money of a lost call is reserved for ever",
        install=_money_of_a_lost_call_reserved_for_ever,
        # By what a person says of it, it is run again, or never told what it has cost.
        caught_at=("in the middle of an order", "order started, not run"),
    ),
    Mutation(
        name="a letter is acknowledged before it is stored",
        install=_letter_acknowledged_before_it_is_stored,
        caught_at=("letter acknowledged, not done",),
    ),
    Mutation(
        name="a letter is settled before it is done",
        install=_letter_settled_before_it_is_done,
        caught_at=("letter settled",),
    ),
    Mutation(
        name="letters have no key",
        install=_letters_without_a_key,
        caught_at=("letter stored, not acknowledged",),
    ),
    Mutation(
        name="a message that may have arrived is sent again",
        install=_doubtful_message_sent_again,
        caught_at=("sent, not marked",),
    ),
    Mutation(
        name="the reader's place is kept before its messages",
        install=_place_kept_before_its_messages,
        caught_at=("place kept, messages not",),
    ),
)
BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}
