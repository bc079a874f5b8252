"""Following one session in the foreground until it rests; the work is hosted here if nowhere else.

Reads the journal, shows it, answers what a person is there to answer, does what signals ask for.
Everything it wants is said through the store, so it makes no difference which process works.
Main thread only.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.text import Text

from ml_intern.cli import exits, render
from ml_intern.cli.logs import StoreTrouble
from ml_intern.cli.person import Decision, Person
from ml_intern.cli.screen import Screen
from ml_intern.cli.summary import short
from ml_intern.cli.traces.understudy import Understudy
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door, TextPiece
from ml_intern.client.view import View
from ml_intern.client.waits import goes_on_by_itself
from ml_intern.clock import Clock
from ml_intern.daemon.service import Service
from ml_intern.errors import DaemonGone, InputError, StoreUnavailable
from ml_intern.events import ApprovalRequested, Verdict
from ml_intern.messages import SessionId
from ml_intern.ops import Interrupt, UserInput
from ml_intern.queue.lock import FOREGROUND
from ml_intern.queue.rows import Recorded, SessionRow
from ml_intern.session.caps import parsed, unit_of

TICK_S = 0.125
HOST_EVERY_S = 1.0
GONE_PATIENCE_S = 10.0
"""For a daemon that does not answer: as long as systemd may take to start it again."""
MOST_SESSIONS = 1000
"""Among so many of the newest we look for unfinished ones."""

_GONE = (
    "The daemon has gone; the session is kept as it stands. `ml-intern attach {session}` shows it "
    "when a daemon runs again, `ml-intern resume {session}` goes on in this process."
)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Through which a followed session meets the outside."""

    screen: Screen
    wishes: Wishes
    trouble: StoreTrouble
    person: Person | None = None
    """None: nobody can be asked here."""
    approve_all: bool = False
    understudy: Understudy | None = None
    """What the person of a recording did, where one is played."""
    work: str = FOREGROUND
    """What this process is, for those who find it at work."""


class Follow:
    """One session, from the beginning of its journal or from now on. `run` it once."""

    def __init__(
        self,
        door: Door,
        session_id: SessionId,
        doors: Doors,
        clock: Clock,
        *,
        host: Service | None = None,
        from_start: bool = False,
        stopping: bool = False,
    ) -> None:
        """`host`: what does the work when nobody else does; None where a daemon does it.

        `stopping`: an `Interrupt` is queued already, and nothing else is to be begun here.
        """
        self.view = View()
        self._door = door
        self._service = host
        self._session_id = session_id
        self._doors = doors
        self._screen = doors.screen
        self._clock = clock
        self._news = threading.Event()
        self._host_at = clock.monotonic()
        self._host_pid: int | None = None
        self._hosting = False
        self._stopping = stopping
        self._only = session_id if stopping else None
        self._gone_since: float | None = None
        self._put_off = False
        """The person said "later"."""
        self._seq = self._begin(from_start=from_start)
        self._watch = door.watch(session_id, self._seq, self._news.set)

    def run(self) -> int:
        """Until the session rests, or somebody wants to leave; the exit status."""
        try:
            while (status := self._step_patiently()) is None:
                self._screen.tick(self.view, self._clock.now())
                self._clock.wait(self._news, TICK_S)
        finally:
            self._watch.close()
            self._screen.close()
        return status

    def _begin(self, *, from_start: bool) -> int:
        """Take up what has happened; the number of the last event."""
        seq = 0
        for recorded in self._door.events(self._session_id):
            seq = recorded.seq
            self._see(recorded)
            if from_start:
                self._screen.event(recorded, self.view)
        if not from_start:
            self._screen.begin(self.view, self._clock.now())
        return seq

    def _step_patiently(self) -> int | None:
        """As `_step`, while a daemon that is being started again is waited for."""
        try:
            status = self._step()
        except DaemonGone as exc:
            now = self._clock.monotonic()
            if self._gone_since is None:
                self._gone_since = now
                self._screen.remark("the daemon does not answer; waiting for it to come back")
            if self._doors.wishes.any or now - self._gone_since > GONE_PATIENCE_S:
                raise DaemonGone(_GONE.format(session=short(self._session_id))) from exc
            return None
        self._gone_since = None
        return status

    def _step(self) -> int | None:
        """One look at everything; the exit status when it was the last."""
        self._host()
        self._read()
        wishes = self._doors.wishes
        if wishes.stops and not self._stopping:
            self._stop()
        if wishes.stops > 1:
            return exits.INTERRUPTED
        if wishes.leaves:
            return exits.WAITING if self.view.needs_person else exits.TRY_LATER
        at_rest = self._rests()
        if self._plays(at_rest=at_rest):
            return None
        if at_rest and not self._goes_on():
            return exits.of_outcome(self.view.outcome)
        return None

    def _plays(self, *, at_rest: bool) -> bool:
        """Do what the person of a recording did at this place; false when that is nothing."""
        if self._doors.understudy is None or self._stopping:
            return False
        asked = bool(self.view.questions)
        request = self._doors.understudy.due(at_rest=at_rest, asked=asked)
        if request is not None:
            self._door.submit(self._session_id, request)
        return request is not None

    def _host(self) -> None:
        """Take the work over whenever nobody has it."""
        now = self._clock.monotonic()
        if self._service is None or self._hosting or now < self._host_at:
            return
        self._host_at = now + HOST_EVERY_S
        self._hosting = self._service.try_host(work=self._doors.work, only=self._only)
        if self._hosting and self._only is None:
            self._tell_of_others()
        pid = None if self._hosting else self._service.host_pid()
        if pid is not None and pid != self._host_pid:
            self._screen.remark(f"process {pid} does the work; this one follows")
        self._host_pid = pid

    def _tell_of_others(self) -> None:
        """Whoever hosts goes on with all that is unfinished here, not only with this session."""
        for row in unfinished(self._door.sessions(MOST_SESSIONS)):
            if row.session_id != self._session_id:
                self._screen.remark(f"also going on with {short(row.session_id)}: {row.title}")

    def _read(self) -> None:
        if (words := self._doors.trouble.words) is not None:
            again = f"`ml-intern resume {short(self._session_id)}`"
            raise StoreUnavailable(f"{words} What is recorded is kept; then go on with {again}.")
        self._take_up(self._taken())

    def _taken(self) -> Sequence[Recorded | TextPiece]:
        self._news.clear()
        return self._watch.take()

    def _take_up(self, items: Iterable[Recorded | TextPiece]) -> None:
        for item in items:
            if isinstance(item, TextPiece):
                self._screen.text(item.text)
            else:
                self._seq = item.seq
                self._see(item)
                self._screen.event(item, self.view)

    def _see(self, recorded: Recorded) -> None:
        self.view.apply(recorded)
        if self._doors.understudy is not None:
            self._doors.understudy.see(recorded.event)

    def _stop(self) -> None:
        self._stopping = True
        self._door.submit(self._session_id, Interrupt(asked_by=author(), reason="Ctrl-C"))

    def _rests(self) -> bool:
        """Nothing is queued, nothing runs but jobs, and all of that has been read."""
        if self._door.session(self._session_id).state not in ("idle", "waiting"):
            return False
        self._read()
        # A daemon's stream may bring the last events later than it says that the session rests.
        if self._door.events(self._session_id, self._seq):
            return False
        return not (self._stopping and self.view.running_jobs)

    def _goes_on(self) -> bool:
        """Whether a resting session will move again while we look on."""
        view = self.view
        if view.outcome != "waiting" or self._stopping:
            return False
        if view.needs_person and self._answer():
            return True
        return goes_on_by_itself(view.waiting_on)

    def _answer(self) -> bool:
        """See to one thing that is open; false when it must be left for later."""
        if self._doors.approve_all and self.view.approvals:
            for asked in list(self.view.approvals.values()):
                said = self._recorded(asked) or Decision(verdict="approve")
                self._decide(
                    asked,
                    said.verdict,
                    by=f"{author()} (--yes)",
                    reason=said.reason,
                    arguments=said.arguments,
                )
            return True
        person = self._doors.person
        if person is None or self._put_off:
            return False
        answered = self._asking()(person) or self._doors.wishes.any
        self._put_off = not answered
        return answered

    def _recorded(self, asked: ApprovalRequested) -> Decision | None:
        """What the person of a recording decided about it."""
        understudy = self._doors.understudy
        return None if understudy is None else understudy.decision(asked)

    def _asking(self) -> Callable[[Person], bool]:
        """How to ask about what is open."""
        if self.view.approvals:
            return self._ask_approval
        if self.view.questions:
            return self._ask_question
        return self._ask_unknown if self.view.unknowns else self._ask_room

    def _ask_unknown(self, person: Person) -> bool:
        """True when somebody has said what became of the call, here or elsewhere."""
        call_id, step = next(iter(self.view.unknowns.items()))

        def is_open() -> bool:
            return call_id in self.view.unknowns

        self._screen.pause()
        self._screen.tell(render.unknown(step))
        said = person.resolve(partial(self._asked_enough, is_open))
        if said is None:
            return not is_open()
        choice, note = said
        try:
            self._door.resolve(self._session_id, call_id, choice, resolved_by=author(), note=note)
        except InputError as exc:
            self._screen.remark(str(exc))
        return True

    def _ask_approval(self, person: Person) -> bool:
        """True when the approval is decided, here or elsewhere."""
        asked = next(iter(self.view.approvals.values()))

        def is_open() -> bool:
            return asked.approval_id in self.view.approvals

        self._screen.pause()
        self._screen.tell(render.approval(asked))
        said = person.decide(
            asked.arguments,
            partial(self._asked_enough, is_open),
            like_this=asked.like_this,
            recorded=self._recorded(asked),
        )
        if said is None:
            return not is_open()
        try:
            self._decide(
                asked,
                said.verdict,
                by=author(),
                reason=said.reason,
                arguments=said.arguments,
                like_this=said.like_this,
            )
        except InputError as exc:
            self._screen.remark(str(exc))
        return True

    def _ask_room(self, person: Person) -> bool:
        """True when there is more room under the cap, given here or elsewhere."""
        reached = self.view.reached
        if reached is None:
            return True

        def is_open() -> bool:
            return self.view.reached == reached

        self._screen.pause()
        self._screen.tell(render.room(reached))
        unit = unit_of(reached.cap)
        asked = f"How much more, in {unit} (empty: later): "
        words = person.line(asked, partial(self._asked_enough, is_open))
        if words is None or not words.strip():
            return not is_open()
        try:
            more = parsed(reached.cap, words)
            self._door.extend(self._session_id, reached.cap, more, extended_by=author())
        except InputError as exc:
            self._screen.remark(str(exc))
        return True

    def _ask_question(self, person: Person) -> bool:
        """True when the question is answered, here or elsewhere."""
        call_id, text = next(iter(self.view.questions.items()))
        self._screen.pause()
        self._screen.tell(render.question(text))
        words = person.line(
            "Your answer (empty: later): ",
            partial(self._asked_enough, lambda: call_id in self.view.questions),
        )
        if words is None or not words.strip():
            return call_id not in self.view.questions
        self._door.submit(self._session_id, UserInput(text=words, author=author()))
        return True

    def _asked_enough(self, still_open: Callable[[], bool]) -> bool:
        """Whether to stop waiting for the person's line: a signal came, or somebody was faster."""
        self._host()
        if items := self._taken():
            self._screen.tell([Text()])  # what happened goes below the prompt
            self._take_up(items)
        return self._doors.wishes.any or not still_open()

    def _decide(
        self,
        asked: ApprovalRequested,
        verdict: Verdict,
        *,
        by: str,
        reason: str = "",
        arguments: Mapping[str, Any] | None = None,
        like_this: bool = False,
    ) -> None:
        self._door.decide(
            asked.approval_id,
            verdict,
            decided_by=by,
            reason=reason,
            arguments=arguments,
            like_this=like_this,
        )
        self._read()


def unfinished(rows: Iterable[SessionRow]) -> list[SessionRow]:
    """Those that can go on without a person, the oldest first."""
    found = [
        row
        for row in rows
        if row.state in ("ready", "leased")
        or (row.state == "waiting" and goes_on_by_itself(row.waiting_on))
    ]
    return found[::-1]
