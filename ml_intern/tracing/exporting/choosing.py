"""Which sessions become training data, and why another does not. Asks nobody."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ml_intern.tracing.redaction.span import MASK
from ml_intern.transcript import parts, reading
from ml_intern.transcript.conversation import MOST_CHARS, is_persons
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.line import PROGRAM, Answered, JsonObject, Replied, Said
from ml_intern.transcript.problems import Problems

NOT_FINISHED = "not finished"
NO_TARGET = "names no target"
TARGET_MISSED = "target not reached"
REDACTED = "something was redacted in it"
SUSPECT = "may hold a secret"
UNREAD = "a line of it cannot be read"
NO_ANSWER = "no answer of a model"
REPLAY = "plays another session again"
TOO_LONG = f"a conversation of over {MOST_CHARS / 1e6:.0f} million characters"


class Goal(Protocol):
    """A number to reach, as somebody else reads it from a person's words."""

    @property
    def metric(self) -> str:
        """`accuracy`, `macro_f1` or `loss`."""

    @property
    def split(self) -> str:
        """`validation` or `test`."""

    def met_by(self, measured: float) -> bool:
        """Whether this is good enough."""


GoalOf = Callable[[Iterable[str]], Goal | None]
"""What the words of a person, in their order, ask for; None: no number."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a session must be to be exported."""

    finished: bool = False
    """Its last turn came to its end."""
    goal_of: GoalOf | None = None
    """It names a target that our own evaluation measured as reached; None: whatever it reached."""
    redacted: bool = False
    """It may hold the marks of what was redacted. A secret that is left it may never hold."""
    replayed: str = ""
    """With this begin the names of models that only repeat what a session holds; none is wanted."""

    def refusal(self, path: Path) -> str:
        """Why a session is left out for what was done in it; empty: it is not. Raises OSError."""
        if not (self.replayed or self.finished or self.goal_of):
            return ""
        did = _Deeds()
        for record in parts.read(path, Problems()):
            did.take(record)
        if self.replayed and any(model.startswith(self.replayed) for model in did.models):
            return REPLAY
        if self.finished and did.digest.outcome != "finished":
            return NOT_FINISHED
        if self.goal_of is None:
            return ""
        goal = self.goal_of(_words(parts.read(path, Problems())))
        if goal is None:
            return NO_TARGET
        return "" if any(map(goal.met_by, did.measured(goal))) else TARGET_MISSED


def is_redacted(path: Path) -> bool:
    """Whether anything in the files of a session was replaced. Raises OSError."""
    for file in parts.files(path):
        with file.open("rb") as stream:
            if any(MASK.search(line) for _, line in reading.lines(stream, Problems())):
                return True
    return False


class _Deeds:
    """What counts of what was done in a session, record by record."""

    def __init__(self) -> None:
        self.digest = Digest()
        self.models: set[str] = set()
        self._evaluations: list[tuple[str, JsonObject]] = []
        """Split and metrics of each that is our own."""

    def take(self, record: Record) -> None:
        self.digest.take(record)
        if isinstance(record.content, Replied):
            self.models.add(record.content.model)
        if record.program == PROGRAM and not record.extra.get("imported"):
            self._evaluations += _evaluations(record)

    def measured(self, goal: Goal) -> Iterator[float]:
        """On the split that was asked for, in order."""
        for split, metrics in self._evaluations:
            value = metrics.get(goal.metric)
            if split == goal.split and isinstance(value, int | float):
                yield float(value)


def _words(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        if is_persons(record) and isinstance(record.content, Said):
            yield record.content.text


def _evaluations(record: Record) -> Iterator[tuple[str, JsonObject]]:
    details = record.content.details if isinstance(record.content, Answered) else {}
    facts = details.get("facts") if isinstance(details, dict) else None
    for fact in facts if isinstance(facts, list) else ():
        if isinstance(fact, dict) and fact.get("kind") == "evaluation":
            data = fact.get("data")
            if isinstance(data, dict) and isinstance(data.get("metrics"), dict):
                yield str(data.get("split")), data["metrics"]
