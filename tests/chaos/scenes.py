"""What is done so that the product comes to a point, and how one knows that it has come to rest."""

import hashlib
import json
import signal
from pathlib import Path

from pydantic import SecretStr

from ml_intern.clock import SystemClock
from ml_intern.daemon.stores import open_store
from ml_intern.events import (
    Fact,
    ModelReplied,
    SessionStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    UserSaid,
)
from ml_intern.messages import CallId, SessionId, ToolCall, Usage
from ml_intern.ops import ChangeModel, Compact, Interrupt, Undo, UserInput
from ml_intern.queue.store import Store
from ml_intern.settings import Settings
from ml_intern.tools.router import arguments_sha256
from tests.chaos import ledger, paying, script, witness
from tests.chaos.chat import Chat
from tests.chaos.crowd import Crowd, Person
from tests.chaos.daemon import Home
from tests.chaos.ledger import Count
from tests.chaos.peek import Peek
from tests.chaos.script import program
from tests.scenario.world import wait_until

PATIENCE_S = 60.0


class Stage:
    """One home with its people, seen from outside."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.peek = Peek(home.state, home.database)
        self.crowd = Crowd(home.folder, home.state / "daemon.sock")
        self.patience_s = PATIENCE_S
        self.witness = home.folder / "tokens.txt"
        """Where daemons write down their tokens, when they are told to."""
        self.chat: Chat | None = None
        self._persons = 0
        self._beside: Home | None = None
        script.data_file(home.folder)

    def person(self, key: str = "") -> Person:
        self._persons += 1
        return self.crowd.person(key or f"person-{self._persons}")

    def prepare(self, scene: str) -> None:
        """Tell the daemons that come what those of a scene are told."""
        self.home.settings = SETTINGS.get(scene, {})
        if scene in IN_SLACK:
            self.chat = self.chat or Chat()
            self.home.settings = self.chat.settings

    def beside(self) -> Home:
        """A second home, whose daemon shares the work."""
        self._beside = self._beside or self.home.beside()
        return self._beside

    def rest(self) -> None:
        """Wait until all that was asked for is done, and written into the traces."""
        wait_until(self._rests, "all has come to rest", self.patience_s, every_s=0.05)

    def _rests(self) -> bool:
        daemon = self.home.daemon
        assert daemon is not None
        assert daemon.status() is None, f"the daemon has ended\n{daemon.said()[-3000:]}"
        return self.is_at_rest()

    def is_at_rest(self) -> bool:
        """Whether everybody has an answer, and everything is done and written."""
        if not self.crowd.is_heard() or not self.peek.exists() or self.peek.unfinished():
            return False
        tables = self.peek.tables()
        waits = any(row.outcome == "waiting" for row in tables.sessions.values())
        leased = any(row.state not in ("idle", "waiting") for row in tables.sessions.values())
        if self.chat is not None and (not self.chat.is_at_rest() or self.peek.has_mail()):
            return False
        return not waits and not leased and not ledger.trace_is_behind(tables, self.home.state)

    def count(self, *, frozen: bool = False) -> Count:
        """What was promised, and every invariant of the tables beside it."""
        taken = list(self.crowd.notes.taken)
        tables = self.peek.tables()
        count = ledger.check(tables, self.home.state, taken, frozen=frozen)
        for column, words in self.chat.problems(tables) if self.chat is not None else ():
            count.wrong(column, words)
        for words in witness.unfenced(self.witness):
            count.wrong("unfenced", words)
        for found in self.peek.findings():
            count.wrong("broken", f"fsck: {found.table}, {found.place}: {found.words}")
        return count

    def close(self) -> None:
        if self._beside is not None:
            self._beside.end()
        self.crowd.close()
        self.home.end()
        self.peek.close()
        if self.chat is not None:
            self.chat.close()


SETTINGS: dict[str, dict[str, str]] = {
    "expire": {"ML_INTERN_APPROVAL_TIMEOUT_S": "1.6", "ML_INTERN_REMINDER_S": "[0.4, 0.8]"},
    "paid": {"ML_INTERN_MODEL": paying.PAID},
    "cap": {"ML_INTERN_SESSION_CAP_USD": "0.45"},
    # What all share: several wait for room at a time, and are given it, or find that there is some.
    "random": {"ML_INTERN_DAY_CAP_USD": "1.00"},
}
"""What the daemons of a scene are told."""
IN_SLACK = ("letters", "posts")
"""Scenes that begin with words in Slack."""


def mark(scene: str, stage: Stage, person: Person) -> str:
    """What the arguments of a call have in them that is done for this person."""
    return f"chaos {_number(stage)}" if scene in IN_SLACK else person.session_id


def _number(stage: Stage) -> int:
    """How the numbers of all begin that whoever came last says: their words tell them apart."""
    return 100 + len(stage.crowd.persons)


def play(scene: str, stage: Stage, person: Person) -> None:
    """Ask for it; returns before it is done, unless something must have happened first."""
    match scene:
        case "effects":
            person.start(program(1, "bash", "write", "edit", "pair", "bash"))
        case "reads":
            person.start(program(1, "bash", "reads", "reads"))
        case "spill":
            person.start(program(1, "spill"))
        case "approve":
            person.start(program(1, "bash", "approve", "bash"))
        case "send":
            person.start(program(1, "send", "send", "bash"))
        case "question":
            person.start(program(1, "bash"))
            person.say(program(2, "question", "bash"))
            person.say(program(3, "bash"))
        case "order":
            person.start(program(1, "order", "bash"))
        case "orders":
            person.start(program(1, "orders", "bash"))
        case "edit":
            person.start(program(1, "order_edit", "bash"))
        case "park":
            person.start(program(1, "order", "bash"))
            person.say_when_asked(program(2, "bash"))
        case "withdraw":
            person.start(program(1, "order"))
            person.say_when_asked(program(2, "withdraw", "bash"))
        case "expire":
            stage.crowd.silent.add(person.session_id)
            person.start(program(1, "order", "question", "bash"))
        case "paid":
            person.start(program(1, "bash", "bash"))
        case "cap":
            person.start(program(1, "order", "order", "bash"))
        case "like":
            person.start(program(1, "order_like", "order"))
            person.revoke()
            person.say(program(2, "order", "bash"))
        case "letters" | "posts":
            assert stage.chat is not None
            number = 10 * _number(stage)
            stage.chat.ask(program(number, "order_slack", "bash"), program(number + 1, "bash"))
        case "launch":
            person.start(program(1, "prepare", "script", "launch", "watch", "bash"))
        case "prepare":
            person.start(program(1, "prepare", "bash"))
        case "publish":
            person.say(program(2, "publish", "bash"))
        case "slow":
            person.start(program(1, "slow", "bash"))
        case "steer":
            person.start(program(1, "slow", "bash"))
            _await_start(stage, person)
            person.say(program(2, "bash"))
        case "interrupt":
            person.start(program(1, "slow", "slow"))
            _await_start(stage, person)
            person.submit(Interrupt(asked_by="ada"))
            person.say(program(2, "bash"))
        case "interrupt_job":
            person.start(program(1, "prepare", "endless", "launch", "watch"))
            _await_outcome(stage, person, "waiting")
            person.submit(Interrupt(asked_by="ada"))
            person.say(program(2, "bash"))
        case "undo":
            person.start(program(1, "bash"))
            # Words that are heard in the same turn would take what it did then back with them.
            _await_outcome(stage, person, "finished")
            person.say(program(2, "bash"))
            person.submit(Undo(asked_by="ada"))
            person.say(program(3, "bash"))
        case "compact":
            person.start(program(1, "bash", "pair", "pair", "bash"))
            # Within the turn the conversation may still be too short.
            _await_outcome(stage, person, "finished")
            person.submit(Compact(asked_by="ada"))
            person.say(program(2, "bash"))
        case "model":
            person.start(program(1, "bash"))
            _await_outcome(stage, person, "finished")
            person.submit(ChangeModel(model=script.OTHER, asked_by="ada"))
            person.say(program(2, "bash"))
        case "model_within":
            person.start(program(1, "slow", "bash"))
            _await_start(stage, person)
            person.submit(ChangeModel(model=script.OTHER, asked_by="ada"))
        case "drain":
            person.start(program(1, "slow", "bash"))
            _await_start(stage, person)
            assert stage.home.daemon is not None
            stage.home.daemon.signal(signal.SIGTERM)
        case _:
            raise ValueError(scene)


def _await_start(stage: Stage, person: Person) -> None:
    wait_until(lambda: _has(stage, person, "tool_started"), "a call has begun", PATIENCE_S)


def _await_outcome(stage: Stage, person: Person, outcome: str) -> None:
    def is_there() -> bool:
        row = stage.peek.tables().sessions.get(person.session_id)
        return row is not None and row.outcome == outcome

    wait_until(is_there, f"{person.session_id} is {outcome}", PATIENCE_S, every_s=0.05)


def _has(stage: Stage, person: Person, kind: str) -> bool:
    journal = stage.peek.tables().of_session.get(person.session_id, [])
    return any(one.event.kind == kind for one in journal)


# A model that may be published, without the minute that it takes to train one


def seed_model(home: Home, person: Person, number: int) -> None:
    """A session that has trained, scored and described a model; while no daemon runs.

    What its tools would have left: the folder, and facts in the journal.
    """
    workspace = home.state / "sessions" / person.session_id / "workspace"
    weights = f"weights {number}".encode() * 5000
    facts = _model(workspace / "model", weights)
    for name in (script.EFFECTS, script.ENDS):
        (workspace / name).write_text("1.0\n")
    store = open_store(_settings(home), SystemClock())
    try:
        _write_journal(store, person.session_id, workspace, facts)
    finally:
        store.close()


def _settings(home: Home) -> Settings:
    database = SecretStr(home.database) if home.database else None
    return Settings(state_dir=home.state, database=database)


def _model(folder: Path, weights: bytes) -> tuple[Fact, ...]:
    (folder / "reproduce").mkdir(parents=True)
    sha256 = hashlib.sha256(weights).hexdigest()
    card = b"---\nlicense: mit\nmodel-index:\n- name: model\n---\n\n# model\n\nA model.\n"
    files = {
        "model.safetensors": weights,
        "config.json": b"{}",
        "README.md": card,
        "reproduce/metrics.json": json.dumps({"weights_sha256": sha256}).encode(),
        "reproduce/train.py": b"pass\n",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    evaluation = {"split": "validation", "weights_sha256": sha256, "metrics": {"accuracy": 0.9}}
    described = {
        "model_dir": "model", "weights_sha256": sha256, "sha256": hashlib.sha256(card).hexdigest(),
    }  # fmt: skip
    return Fact(kind="evaluation", data=evaluation), Fact(kind="card", data=described)


def _write_journal(
    store: Store, session_id: SessionId, workspace: Path, facts: tuple[Fact, ...]
) -> None:
    task = program(1, "bash")
    started = SessionStarted(
        title=task, model=script.MODEL, workspace=str(workspace), started_in="/", version="0.0.0"
    )
    store.create_session(session_id, started, UserInput(text=task, author="ada"))
    claim = store.claim(5.0)
    assert claim is not None
    assert claim.session_id == session_id
    call = ToolCall(call_id=CallId("seeded"), name="bash", arguments='{"command": "echo 1.0"}')
    arguments = {"command": "echo 1.0"}
    sha256 = arguments_sha256("bash", arguments)
    reply = _reply("seeded-1", "", call)
    began = ToolStarted(
        call_id=call.call_id, tool="bash", arguments=arguments, arguments_sha256=sha256,
        effect="write",
    )  # fmt: skip
    ended = ToolFinished(
        call_id=call.call_id, tool="bash", ok=True, output="trained", answered_by="tool",
        duration_ms=1, facts=facts,
    )  # fmt: skip
    said = UserSaid(text=task, author="ada")
    store.append(claim.lease, TurnStarted(op_seq=claim.op_seq, attempt=1), said, reply)
    store.append(claim.lease, began)
    store.append(claim.lease, ended, _reply("seeded-2", "Done with 1."))
    store.finish(claim, TurnFinished(outcome="finished", detail="Done with 1."))


def _reply(reply_id: str, text: str, *calls: ToolCall) -> ModelReplied:
    return ModelReplied(
        reply_id=reply_id, model=script.MODEL, text=text, thinking="", tool_calls=calls,
        usage=Usage(), cost_micro_usd=0, stop_reason="tool_calls" if calls else "end",
        duration_ms=1,
    )  # fmt: skip
