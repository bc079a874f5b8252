"""The durable store: what was accepted, what has happened, and who is at work on it.

What a method has answered is on disk; when it raises, nothing of it is. Ops of one session run one
at a time and in order; sessions take turns. Only the holder of a session's lease writes its events,
but for what the outside does: `note`, `decide`, `extend`, `revoke_rule`, `remind`, and what
`submit` stores beside its op. Safe from any thread, and for several processes on one file; only the
holder of `daemon.lock` may `claim`. Does not know what an op means: see
`ml_intern/session/handlers.py`.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from ml_intern.clock import Clock, stamp
from ml_intern.errors import InputError, StateConflict
from ml_intern.events import (
    ApprovalDecided,
    ApprovalReminded,
    BudgetExtended,
    Event,
    Hinted,
    Recalled,
    RuleGranted,
    SessionStarted,
)
from ml_intern.messages import ApprovalId, SessionId
from ml_intern.ops import ApprovalDecision, ExtendBudget, Interrupt, Op, UserInput
from ml_intern.queue import (
    approvals,
    backlog,
    budgets,
    extending,
    leases,
    people,
    place,
    rules,
    sessions,
    unknowns,
    waking,
)
from ml_intern.queue.append import (
    append_held,
    append_unheld,
    encoded,
    refuse_all_but_observations,
)
from ml_intern.queue.bell import Bell
from ml_intern.queue.database import Database, T, Told, Work
from ml_intern.queue.journal import Journal
from ml_intern.queue.mail import Mail
from ml_intern.queue.owner import Owner, read_owner
from ml_intern.queue.rows import (
    ApprovalRow,
    Awaited,
    BudgetRow,
    Claim,
    JobRow,
    Lease,
    ModelsDue,
    QueuePlace,
    Recorded,
    RoomWanted,
    SessionRow,
    SessionState,
    SpendRow,
    UnknownRow,
)
from ml_intern.queue.sqlite import SqliteDatabase

_TOLD: dict[bool, tuple[Told, ...]] = {True: ("news", "work"), False: ("work",)}
"""By whether an op brings events with it."""

__all__ = ["ApprovalRow", "Claim", "JobRow", "Lease", "Recorded", "SessionRow", "Store"]


class Store:
    """One store for everything that one transaction must be able to touch."""

    def __init__(self, database: Database, clock: Clock, owner: Owner, site: str = "") -> None:
        """`site` names the folders that hold the workspaces of our sessions: stores that share
        them have the same one, and only they claim each other's sessions.
        """
        self._database = database
        self._site = site
        self._clock = clock
        self._owner = owner
        self._bells: dict[Told, Bell] = {"news": Bell(), "work": Bell(), "mail": Bell()}
        database.listen(self._ring)
        self.journal = Journal(database, clock, self._bells["news"])
        """All that a mere reader of events needs."""
        self.mail = Mail(database, clock, self._bells["mail"], self._write)
        """To and from other channels."""

    @classmethod
    def open(cls, path: Path, clock: Clock, owner: Owner | None = None) -> Self:
        """Open the database file, creating it and its folder where they are missing.

        Claims are made in the name of `owner`: this process, unless another is given.
        Raises StoreUnavailable: no rights, full disk, damaged file, or a newer schema than ours.
        """
        return cls(SqliteDatabase(path, clock), clock, owner or read_owner())

    def end_waits(self, told: Told) -> None:
        """Let nobody in this process wait for it any more: those who do are told to end."""
        self._bells[told].end()

    def close(self) -> None:
        """Close the file. Leases stay as they are; `release` what is unfinished first."""
        self._database.close()

    # Accepting

    def create_session(
        self,
        session_id: SessionId,
        started: SessionStarted,
        first: UserInput,
        told: Sequence[Recalled | Hinted] = (),
    ) -> int:
        """A new session with its first event and its first op; returns the op's number.

        `told`: of a fork, the messages that it goes on from.

        Raises Busy, InputError for text that no UTF-8 can hold, StateConflict when the session
        exists, StoreUnavailable.
        """
        at = stamp(self._clock.now())
        found = encoded([started, *told])

        def work(connection: Connection) -> int:
            backlog.refuse_over_bounds(connection, session_id, first)
            backlog.refuse_more_sessions(connection, first.author)
            sessions.create(connection, session_id, started, first.author, self._site, at)
            append_unheld(connection, session_id, found, at)
            return backlog.put(connection, session_id, first, None, at)

        return self._write(work, "news", "work")

    def submit(
        self,
        session_id: SessionId,
        op: Op,
        *,
        dedupe: str | None = None,
        events: Sequence[Event] = (),
    ) -> int | None:
        """Queue an op; returns its number, or None when the session had one with this `dedupe` key.

        `events` are observations, stored with the op or not at all. An `Interrupt` also makes
        `interrupted` true for the running turn, and cancels words and resumptions that still wait.
        Raises Busy for words beyond the bounds in `backlog`, UnknownSession, StateConflict,
        LeaseLost for events that need a lease, InputError for an `ApprovalDecision` (see `decide`),
        an `ExtendBudget` (see `extend`) and text that no UTF-8 can hold, StoreUnavailable.
        """
        if isinstance(op, ApprovalDecision):
            raise InputError("A decision is given through `decide`, where the first one wins.")
        if isinstance(op, ExtendBudget):
            raise InputError("A cap is extended through `extend`, which says by how much.")
        refuse_all_but_observations(events)
        at = stamp(self._clock.now())
        found = encoded(events)

        def work(connection: Connection) -> int | None:
            sessions.hold(connection, session_id)
            if backlog.was_seen(connection, session_id, dedupe):
                return None
            backlog.refuse_over_bounds(connection, session_id, op)
            if found:
                append_unheld(connection, session_id, found, at)
            return backlog.put(connection, session_id, op, dedupe, at)

        has_news = bool(found) or isinstance(op, Interrupt)
        return self._write(work, *_TOLD[has_news])

    def note(self, session_id: SessionId, *events: Event) -> list[int]:
        """Append observations (`JobProgressed`, `JobEnded`, `AccessRefused`) without a lease.

        Returns their numbers. Raises LeaseLost for any other event, UnknownSession, StateConflict,
        StoreUnavailable.
        """
        refuse_all_but_observations(events)
        at = stamp(self._clock.now())
        found = encoded(events)
        return self._write(lambda c: append_unheld(c, session_id, found, at), "news")

    def decide(
        self, *decided: ApprovalDecided, grants: Sequence[RuleGranted] = ()
    ) -> tuple[ApprovalId, ...]:
        """Decide pending approvals of one session at once, and wake it; which of them won.

        The others were decided or became superfluous before; who decided stands in `approval`.
        `grants` are the rules that come with decisions, stored where those won.
        Raises InputError for an unknown approval, StateConflict when call or arguments are not
        those that were asked for, StoreUnavailable.
        """
        at = stamp(self._clock.now())
        found = encoded([*decided, *grants])
        return self._write(lambda c: approvals.decide(c, found, at), "news", "work")

    def revoke_rule(self, session_id: SessionId, rule_id: str, revoked_by: str) -> bool:
        """Take back what a person approved in general; calls that come later are asked again.

        False when it was taken back before. `rule_id` may be cut to a unique beginning.
        Raises UnknownSession, InputError for a rule that the session never had, StoreUnavailable.
        """
        at = stamp(self._clock.now())
        return self._write(lambda c: rules.revoke(c, session_id, rule_id, revoked_by, at), "news")

    def extend(
        self,
        session_id: SessionId,
        cap: str,
        amount: int,
        by: str,
        *,
        reason: str = "",
        told: str = "",
        answers: int | None = None,
        key: str | None = None,
    ) -> int | None:
        """Give more room under a cap, and let its session go on; returns the op's number.

        `told`: what its model reads of it.
        `answers`: the number of a `BudgetReached`, each of which is answered once; None: that which
        the session waits for, if it does. `key`: of a request that may come again; it counts once.
        None when it has happened before. Raises UnknownSession, InputError for another amount than
        one above 0, StoreUnavailable.
        """
        at = stamp(self._clock.now())
        found = BudgetExtended(cap=cap, amount=amount, extended_by=by, reason=reason, told=told)
        return self._write(
            lambda c: extending.extend(c, session_id, found, answers, key, at), "news", "work"
        )

    def remind(self, awaited: Awaited) -> bool:
        """Record that people are reminded of a call; false when somebody did, or it waits no more.

        Raises StoreUnavailable.
        """
        at = stamp(self._clock.now())
        reminded = ApprovalReminded(
            call_id=awaited.call_id,
            approval_id=awaited.approval_id,
            number=awaited.reminders + 1,
        )
        found = encoded([reminded])
        try:
            self._write(lambda c: append_unheld(c, awaited.session_id, found, at), "news")
        except StateConflict:
            return False
        return True

    # Working

    def claim(
        self,
        timeout_s: float,
        only: SessionId | None = None,
        *,
        ours: Callable[[], Collection[SessionId]] = tuple,
    ) -> Claim | None:
        """Lease the session that has been ready longest, with its next op; or `only` this one.

        `ours` tells which sessions this process has in hand: those are not claimed a second time,
        also where their leases ended while the process was frozen.
        None after `timeout_s` seconds, or at `end_waits`. An op whose worker was lost comes again
        before later ones; after `leases.MOST_ATTEMPTS` times without a tool call that came to its
        end it is given up with `TurnFinished("failed")`.
        Raises StoreUnavailable.
        """
        deadline = self._clock.monotonic() + timeout_s
        while True:
            heard = self._bells["work"].rings()
            if claimed := self._try_claim(leases.Among(site=self._site, only=only, ours=ours())):
                return claimed
            # One that was about to die when `recover` looked may have done so since.
            if self._free_the_dead():
                continue
            left = deadline - self._clock.monotonic()
            if left <= 0 or self._bells["work"].is_over:
                return None
            self._bells["work"].wait(heard, min(left, self._database.poll_s))

    def renew(self, lease: Lease) -> None:
        """Make the lease last `leases.LEASE_S` seconds from now.

        Once in a third of `leases.LEASE_S` is enough. Raises LeaseLost, StoreUnavailable.
        """
        self._write(lambda c: leases.renew(c, lease, self._database.now(c)))

    def append(self, lease: Lease, *events: Event, after_seq: int | None = None) -> list[int]:
        """Append events and move what they are about, all or nothing; returns the events' numbers.

        With `after_seq`, the number of the newest event that the caller knows, nothing is stored
        when there is a newer one (Overtaken).
        Raises LeaseLost, StateConflict, OverBudget, InputError for an event that could not be read
        again, StoreUnavailable.
        """
        at = stamp(self._clock.now())
        found = encoded(events)
        return self._write(lambda c: append_held(c, lease, found, at, after_seq=after_seq), "news")

    def next_queued(self, session_id: SessionId) -> tuple[int, Op] | None:
        """The op behind the running one, with its number. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return backlog.next_queued(connection, session_id)

    def take_in(self, lease: Lease, op_seq: int, *events: Event, after_seq: int) -> list[int]:
        """Do the op that is next in line within the turn that goes on: its events, and it is done.

        Raises Overtaken as `append` does, and when the op is not next any more; else as `append`.
        """
        at = stamp(self._clock.now())
        found = encoded(events)

        def work(connection: Connection) -> list[int]:
            seqs = append_held(connection, lease, found, at, after_seq=after_seq)
            backlog.complete(connection, lease.session_id, op_seq)
            return seqs

        return self._write(work, "news")

    def finish(self, claim: Claim, *events: Event) -> None:
        """Append the last events, mark the op done and end the lease. Raises as `append` does."""
        at = stamp(self._clock.now())
        found = encoded(events)
        self._write(lambda c: leases.finish(c, claim, found, at), "news", "work")

    def release(self, claim: Claim) -> None:
        """Give the op back unfinished, without counting the attempt.

        Raises LeaseLost, StoreUnavailable.
        """
        at = stamp(self._clock.now())
        self._write(lambda c: leases.release(c, claim, at), "work")

    def interrupted(self, claim: Claim) -> bool:
        """Whether somebody asked to stop after this op was accepted. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return sessions.interrupt_upto(connection, claim.session_id) > claim.op_seq

    def recover(self) -> int:
        """Make the sessions of provably dead owners ready at once; returns how many.

        For the holder of `daemon.lock`, before it claims. Raises StoreUnavailable.
        """
        self._database.recovered()
        return self._free_the_dead()

    # Reading

    def events(self, session_id: SessionId, after_seq: int = 0) -> list[Recorded]:
        """See `Journal.events`."""
        return self.journal.events(session_id, after_seq)

    def follow(self, after_position: int, limit: int) -> list[Recorded]:
        """See `Journal.follow`."""
        return self.journal.follow(after_position, limit)

    def ours(self, ids: Collection[SessionId]) -> set[SessionId]:
        """Those of the sessions that belong to our site. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return sessions.of_site(connection, self._site, ids)

    def wait_for_events(self, after_position: int, timeout_s: float) -> bool:
        """See `Journal.wait_for_events`."""
        return self.journal.wait_for_events(after_position, timeout_s)

    def sessions(self, limit: int) -> list[SessionRow]:
        """At most `limit` sessions, the newest first. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return sessions.newest(connection, limit)

    def session(self, prefix: str) -> SessionRow:
        """The session with this id, or the only one whose id begins so.

        Raises UnknownSession, InputError when several begin so, StoreUnavailable.
        """
        with self._database.read() as connection:
            return sessions.by_prefix(connection, prefix)

    def exists(self, session_id: SessionId) -> bool:
        """Whether there is a session with exactly this id. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return sessions.exists(connection, session_id)

    def queue_place(self, session_id: SessionId) -> QueuePlace:
        """Where a session stands in the queue, and who holds it.

        Raises UnknownSession, StoreUnavailable.
        """
        with self._database.read() as connection:
            seen = place.Viewpoint(
                now=self._database.now(connection), site=self._site, boot_id=self._owner.boot_id
            )
            return place.queue_place(connection, session_id, seen)

    def counts(self) -> dict[SessionState, int]:
        """How many sessions are in each state. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return sessions.counts(connection)

    def probe(self) -> None:
        """Return when a transaction could be begun and given up. Raises StoreUnavailable.

        Costs no write; does not return while the disk hangs.
        """
        self._database.probe()

    def open_approvals(self, session_id: SessionId | None = None) -> list[ApprovalRow]:
        """Approvals that wait for a person, oldest first; of all sessions for None.

        Raises StoreUnavailable.
        """
        with self._database.read() as connection:
            return approvals.pending(connection, session_id)

    def approval(self, prefix: str) -> ApprovalRow:
        """The approval with this id, or the only one whose id begins so, and who decided it.

        Raises InputError, which names what could have been meant, StoreUnavailable.
        """
        with self._database.read() as connection:
            return approvals.by_prefix(connection, prefix)

    def unknowns(self) -> list[UnknownRow]:
        """Calls of all sessions that wait for a person to say what became of them.

        Raises StoreUnavailable.
        """
        with self._database.read() as connection:
            return unknowns.unanswered(connection)

    def budgets(self, *caps: str) -> dict[str, BudgetRow]:
        """What counts against these caps in money, by their keys. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return budgets.rows(connection, caps)

    def room_wanted(self) -> list[RoomWanted]:
        """Sessions that wait for room under a cap. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return extending.wanted(connection)

    def models_due(self) -> list[ModelsDue]:
        """Sessions that wait for models, of which one may be asked again by now.

        Raises StoreUnavailable.
        """
        with self._database.read() as connection:
            return waking.due(connection, self._clock.now())

    def without_model(self) -> int:
        """How many sessions wait because no model answers. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return waking.without_model(connection)

    def without_room(self) -> int:
        """How many sessions wait for room under a cap. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return extending.without_room(connection)

    def spends(self, session_id: SessionId) -> list[SpendRow]:
        """All that the session has reserved or spent. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return budgets.spends(connection, session_id)

    def expired(self) -> list[Awaited]:
        """Calls whose time to be decided or answered is over. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return people.expired(connection, self._clock.now())

    def silent(self, reminder_s: Sequence[float]) -> list[Awaited]:
        """Calls that wait for a person and of which one is to be reminded, after so many seconds
        for the first time, the second, and so on. Raises StoreUnavailable.
        """
        with self._database.read() as connection:
            return people.silent(connection, self._clock.now(), reminder_s)

    def running_jobs(self) -> list[JobRow]:
        """Jobs of all sessions that have not ended, oldest first. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return sessions.running_jobs(connection, self._site)

    def _try_claim(self, among: leases.Among) -> Claim | None:
        while True:
            # A look costs nothing to others; only a find is worth the one transaction.
            with self._database.read() as connection:
                now = self._database.now(connection)
                if not leases.is_any_free(connection, among, now):
                    return None
            if claimed := self._claim_next(among):
                return claimed

    def _claim_next(self, among: leases.Among) -> Claim | None:
        at = stamp(self._clock.now())

        def work(connection: Connection) -> Claim | None:
            # Told in the transaction: a lease that was given while we waited for it must not look
            # like one from the future, which would be free.
            now = self._database.now(connection)
            session_id = leases.next_session(connection, among, now)
            if session_id is None:
                return None
            return leases.claim(connection, session_id, self._owner, now, at)

        return self._write(work)

    def _free_the_dead(self) -> int:
        with self._database.read() as connection:
            dead = leases.dead_owners(connection, self._owner)
        if not dead:
            return 0
        return self._write(lambda c: sum(leases.free(c, owner) for owner in dead), "work")

    def _write(self, work: Work[T], *told: Told) -> T:
        """Run `work` in one transaction, and wake whoever waits for what it stores."""
        outcome = self._database.write(work)
        for each in told:
            self._ring(each)
            self._database.tell(each)
        return outcome

    def _ring(self, told: Told) -> None:
        self._bells[told].ring(for_all=told != "work")
