"""People who ask for things through the daemon's socket, and note what was acknowledged.

Whoever gets no answer asks again, with the same key, until there is one: what they note is what
they may rely on. Each session has a person of its own, who says one thing after the other.
"""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ml_intern.client.door import NewSession, Request
from ml_intern.client.remote import RemoteDoor
from ml_intern.daemon.local import _SESSIONS
from ml_intern.errors import ApiError, Busy, InputError, MLInternError, StoreUnavailable
from ml_intern.messages import Choice, SessionId
from ml_intern.ops import UserInput

T = TypeVar("T")
AGAIN_S = 0.02
LOOK_S = 0.1
CHOICES: tuple[Choice, ...] = ("retry", "done", "skip")


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Something that the daemon has said yes to."""

    session_id: SessionId
    kind: str
    key: str
    """Of an op: its key. Of a decision: the approval's id. Of a resolution: the call's."""
    text: str = ""


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

    def submit(self, request: Request, *, key: str = "") -> Future[None]:
        """Any op. Without `key`: one that comes once."""
        self._asked += 1
        key = key or f"{self._key}-{self._asked}"
        text = request.text if isinstance(request, UserInput) else ""
        return self._ask(
            lambda door: door.submit(self.session_id, request, key=key), request.kind, key, text
        )

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
            try:
                won = self._door.decide(asked.approval_id, _verdict(asked), decided_by="ada")
            except InputError:
                continue
            if won:
                self.note(
                    Acknowledged(
                        session_id=asked.session_id, kind="decision", key=asked.approval_id
                    )
                )
        for row in self._door.sessions(200):
            for on in row.waiting_on:
                if row.outcome == "waiting" and on.startswith("answer:"):
                    self._reply(row.session_id, on)
                if on.startswith("unknown:"):
                    self._resolve(row.session_id, on.removeprefix("unknown:"))

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


def _verdict(asked: Any) -> Any:
    """A no now and then, and always the same one."""
    refused = asked.tool == "propose_change" and int(asked.approval_id[:2], 16) % 4 == 0
    return "deny" if refused else "approve"
