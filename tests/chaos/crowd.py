"""People who ask for things through the daemon's socket, and note what was acknowledged.

Whoever gets no answer asks again, with the same key, until there is one: what they note is what
they may rely on. Each session has a person of its own, who says one thing after the other.
"""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ml_intern.client.door import NewSession, Request
from ml_intern.client.remote import RemoteDoor
from ml_intern.daemon.local import _SESSIONS
from ml_intern.errors import ApiError, Busy, InputError, MLInternError, StoreUnavailable
from ml_intern.events import (
    ApprovalRequested,
    BudgetReached,
    CallParked,
    Event,
    RuleGranted,
)
from ml_intern.messages import Choice, SessionId
from ml_intern.ops import UserInput
from ml_intern.queue.rows import ApprovalRow, SessionRow

T = TypeVar("T")
AGAIN_S = 0.02
LOOK_S = 0.25
CHOICES: tuple[Choice, ...] = ("retry", "done", "skip")


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Something that the daemon has said yes to."""

    session_id: SessionId
    kind: str
    key: str
    """Of an op: its key. Of a decision: the approval's id. Of a resolution: the call's. Of an
    extension: the cap. Of a revocation: the rule's id.
    """
    text: str = ""
    """Of words: what was said. Of a decision: what became of the approval."""


@dataclass(kw_only=True)
class Notes:
    """What was acknowledged, in the order in which it was."""

    taken: list[Acknowledged] = field(default_factory=list)
    asked_again: int = 0


class Person:
    """One session's person. `say` and its like return at once; what they ask for comes in order."""

    def __init__(self, crowd: "Crowd", key: str) -> None:
        self.session_id = SessionId(str(uuid.uuid5(_SESSIONS, key)))
        self._crowd = crowd
        self._key = key
        self._asked = 0
        self._one_by_one = ThreadPoolExecutor(1, thread_name_prefix=f"person-{key}")
        self.asked: list[Future[None]] = []

    def start(self, task: str) -> Future[None]:
        """The session itself."""
        new = NewSession(task=task, started_in=str(self._crowd.folder), author="ada")

        def ask(door: RemoteDoor) -> None:
            assert door.start_session(new, key=self._key) == self.session_id

        return self._ask(ask, "session", self._key, task)

    def say(self, text: str) -> Future[None]:
        """Words."""
        return self.submit(UserInput(text=text, author="ada"))

    def say_when_asked(self, text: str) -> Future[None]:
        """Words, as soon as there is a question about a call, which stays open until the session
        has answered them.
        """
        self._crowd.waits[self.session_id] = lambda door: (
            self._has(door, CallParked) and door.session(self.session_id).outcome == "waiting"
        )
        words = UserInput(text=text, author="ada")
        return self.submit(words, once=lambda door: self._has(door, ApprovalRequested))

    def submit(
        self,
        request: Request,
        *,
        key: str = "",
        once: Callable[[RemoteDoor], bool] = lambda _door: True,
    ) -> Future[None]:
        """Any op, once that is so. Without `key`: one that comes once."""
        self._asked += 1
        key = key or f"{self._key}-{self._asked}"
        text = request.text if isinstance(request, UserInput) else ""

        def ask(door: RemoteDoor) -> None:
            if not once(door):
                raise Busy("Not yet.", retry_after_s=AGAIN_S)
            door.submit(self.session_id, request, key=key)

        return self._ask(ask, request.kind, key, text)

    def revoke(self) -> Future[None]:
        """Take back what was approved in general, once the session has done what it allowed."""

        def ask(door: RemoteDoor) -> None:
            if door.session(self.session_id).outcome != "finished":
                raise Busy("Not yet.", retry_after_s=AGAIN_S)
            for rule_id in self._rules(door):
                door.revoke_rule(self.session_id, rule_id, revoked_by="ada")
                self._crowd.note(
                    Acknowledged(session_id=self.session_id, kind="revocation", key=rule_id)
                )

        self.asked.append(self._one_by_one.submit(lambda: self._crowd.insist(ask) and None))
        return self.asked[-1]

    def _rules(self, door: RemoteDoor) -> list[str]:
        events = [one.event for one in door.events(self.session_id)]
        return [event.rule_id for event in events if isinstance(event, RuleGranted)]

    def _has(self, door: RemoteDoor, kind: type[Event]) -> bool:
        return any(isinstance(one.event, kind) for one in door.events(self.session_id))

    def close(self) -> None:
        self._one_by_one.shutdown(wait=False, cancel_futures=True)

    def _ask(
        self, act: Callable[[RemoteDoor], Any], kind: str, key: str, text: str
    ) -> Future[None]:
        def go() -> None:
            if self._crowd.insist(act):
                self._crowd.note(
                    Acknowledged(session_id=self.session_id, kind=kind, key=key, text=text)
                )

        self.asked.append(self._one_by_one.submit(go))
        return self.asked[-1]


class Crowd:
    """All people of one home, and one who decides and answers whatever is asked."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        self.notes = Notes()
        self.persons: list[Person] = []
        self.waits: dict[SessionId, Callable[[RemoteDoor], bool]] = {}
        """Sessions in which nobody decides before this is so."""
        self.silent: set[SessionId] = set()
        """Sessions in which nobody decides or answers."""
        self.choices: dict[SessionId, Choice] = {}
        """What is said of lost calls, where it is not left to the session's name."""
        self.socket = socket
        self._door = RemoteDoor(socket)
        self._lock = threading.Lock()  # protects `notes`
        self._stop = threading.Event()
        self._decider = threading.Thread(target=self._decide, daemon=True)
        self._decider.start()

    def person(self, key: str) -> Person:
        self.persons.append(Person(self, key))
        return self.persons[-1]

    def is_heard(self) -> bool:
        """Whether everybody has got an answer to everything. Raises what they have met with."""
        asked = [one for person in self.persons for one in person.asked]
        for one in asked:
            if one.done():
                one.result()
        return all(one.done() for one in asked)

    def close(self) -> None:
        """Nobody asks for anything any more."""
        self._stop.set()
        for person in self.persons:
            person.close()
        self._decider.join()
        self._door.close()

    def note(self, taken: Acknowledged) -> None:
        with self._lock:
            self.notes.taken.append(taken)

    def insist(self, act: Callable[[RemoteDoor], T]) -> bool:
        """Ask until there is an answer; false when everybody has gone home before."""
        while not self._stop.is_set():
            try:
                act(self._door)
            except (ApiError, Busy, StoreUnavailable):
                with self._lock:
                    self.notes.asked_again += 1
                self._stop.wait(AGAIN_S)
            else:
                return True
        return False

    def _decide(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._answer_all()
            except MLInternError:
                continue  # nobody there now

    def _answer_all(self) -> None:
        for asked in self._door.open_approvals():
            may = self.waits.get(asked.session_id)
            if asked.session_id not in self.silent and (may is None or may(self._door)):
                self._decide_about(asked)
        for row in self._door.sessions(200):
            for on in row.waiting_on:
                self._answer(row, on)

    def _answer(self, row: SessionRow, on: str) -> None:
        """One of the things that a session waits for."""
        what, _, name = on.partition(":")
        waits = row.outcome == "waiting"
        if what == "answer" and waits and row.session_id not in self.silent:
            self._reply(row.session_id, on)
        if what == "unknown":
            self._resolve(row.session_id, name)
        if what == "budget" and waits:
            self._give_more(row.session_id, name)

    def _decide_about(self, asked: ApprovalRow) -> None:
        """Twice: whoever comes second, with whatever answer, changes nothing."""
        wish = _wish(asked)
        if wish is None:
            return
        with suppress(InputError):
            if self._door.decide(asked.approval_id, decided_by="ada", **wish):
                became = _BECOMES[wish["verdict"]]
                self.note(
                    Acknowledged(
                        session_id=asked.session_id,
                        kind="decision",
                        key=asked.approval_id,
                        text=became,
                    )
                )
            self._door.decide(asked.approval_id, "deny", decided_by="bob")

    def _give_more(self, session_id: SessionId, cap: str) -> None:
        """As much as the next step needs, and twice: it counts once."""
        reached = [
            one for one in self._door.events(session_id) if isinstance(one.event, BudgetReached)
        ]
        for who in ("ada", "bob"):
            if self._door.extend(
                session_id, cap, reached[-1].event.needed, extended_by=who, answers=reached[-1].seq
            ):
                self.note(Acknowledged(session_id=session_id, kind="extension", key=cap))

    def _resolve(self, session_id: SessionId, call_id: str) -> None:
        choice = self.choices.get(session_id) or CHOICES[uuid.UUID(session_id).int % len(CHOICES)]
        if self._door.resolve(session_id, call_id, choice, resolved_by="ada"):
            self.note(Acknowledged(session_id=session_id, kind="resolution", key=call_id))

    def _reply(self, session_id: SessionId, on: str) -> None:
        words = UserInput(text=f"the answer to {on}", author="ada")
        if self._door.submit(session_id, words, key=on) is not None:
            self.note(
                Acknowledged(session_id=session_id, kind="user_input", key=on, text=words.text)
            )


_BECOMES = {"approve": "approved", "deny": "denied", "edit": "edited"}


def _wish(asked: ApprovalRow) -> dict[str, Any] | None:
    """What is said of it, always the same; None: it is not for us. A no now and then."""
    match asked.arguments.get("words"):
        case "slack":
            return None
        case "deny":
            return {"verdict": "deny", "reason": "not this one"}
        case "edit":
            return {"verdict": "edit", "arguments": {**asked.arguments, "words": "edited"}}
        case "like":
            return {"verdict": "approve", "like_this": True}
    refused = asked.tool == "propose_change" and int(asked.approval_id[:2], 16) % 4 == 0
    return {"verdict": "deny" if refused else "approve"}
