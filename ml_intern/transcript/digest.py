"""A session file in a few numbers: a fold of its records, one at a time. Not thread-safe."""

from dataclasses import dataclass, field
from datetime import datetime

from ml_intern.messages import Usage
from ml_intern.money import MICRO_USD, dollars
from ml_intern.transcript.conversation import is_persons
from ml_intern.transcript.decoding import Record, moment
from ml_intern.transcript.line import (
    IMPORTED_FROM,
    PROGRAM,
    Answered,
    Compacted,
    Noticed,
    Replied,
    Said,
    Title,
    ToolUse,
    TurnTook,
)
from ml_intern.transcript.waits import waiting_on

MOST_TASK_CHARS = 2_000


@dataclass(kw_only=True)
class Digest:
    """What the records so far add up to."""

    session_id: str = ""
    title: str = ""
    task: str = ""
    """The first words of a person, at most `MOST_TASK_CHARS` of them."""
    program: str = ""
    """That wrote it, e.g. `ml-intern`; empty: it does not say."""
    version: str = ""
    models: dict[str, int] = field(default_factory=dict)
    """Answers of each, in the order of their first."""
    began: datetime | None = None
    ended: datetime | None = None
    """The first and the last time that is known: of a line, or what an imported session's source
    says of the whole.
    """
    turns: int = 0
    """Those that a fork recalls, too; its answers, calls and errors are only its own."""
    answers: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    """By tool."""
    errors: int = 0
    """Calls whose result is an error."""
    compactions: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    """Of the answers whose cost stands there."""
    unpriced: int = 0
    """Answers whose cost does not."""
    outcome: str = ""
    """How the last turn ended, where that is written: `finished`, `failed`, …; empty: not."""
    waits_on: tuple[str, ...] = ()
    """What the last turn waits for now: `approval:…`, `job:…`; see `waits.py`."""
    forked_from: str = ""
    """The session whose history it goes on from."""
    source_id: str = ""
    """Of an imported session: its id where it came from."""

    last_answer: str = ""
    """The id of its message; lines of one answer are counted once."""

    @property
    def call_count(self) -> int:
        """Of all tools."""
        return sum(self.calls.values())

    @property
    def cost(self) -> str:
        """In words: `$0.02`, `at least $0.02` where that of some answers is unknown, `unknown`."""
        return cost_in_words(self.cost_usd, self.unpriced)

    @property
    def seconds(self) -> float | None:
        """From the first line to the last, waits included; None where only one time is known."""
        if self.began is None or self.ended is None or self.began == self.ended:
            return None
        return (self.ended - self.began).total_seconds()

    def take(self, record: Record) -> None:
        """The next record."""
        self._take_source(record)
        self._see(record.at)
        if record.is_sidechain:
            return
        self.session_id = self.session_id or record.session_id
        self.program, self.version = record.program or self.program, record.version or self.version
        self._take_wait(record)
        match record.content:
            case Said(text=text) if is_persons(record):
                self.turns += 1
                self.outcome = ""
                self.task = self.task or text[:MOST_TASK_CHARS]
                self.forked_from = self.forked_from or _forked_from(record)
            case Replied() | Answered() if record.extra.get("recalled"):
                pass  # it was counted where it was said
            case Replied() as replied:
                self._reply(replied)
            case Answered(is_error=True):
                self.errors += 1
            case Title(title=title):
                self.title = title
            case Compacted() if not record.extra.get("newChain"):
                self.compactions += 1
            case TurnTook() | Noticed():
                outcome = record.extra.get("outcome")
                self.outcome = outcome if isinstance(outcome, str) else self.outcome
            case _:
                pass

    def _see(self, at: datetime | None) -> None:
        if at is not None:
            self.began = self.began or at
            self.ended = max(self.ended or at, at)

    def _take_source(self, record: Record) -> None:
        about = record.extra.get(IMPORTED_FROM)
        if isinstance(about, dict):
            self.source_id = self.source_id or str(about.get("sessionId", ""))
            self._see(moment(str(about.get("beganAt"))))
            self._see(moment(str(about.get("endedAt"))))

    def _take_wait(self, record: Record) -> None:
        """Notices (of a decision, of the end of a job) come while it waits."""
        if on := waiting_on(record.extra):
            self.waits_on = on
        elif not isinstance(record.content, Title | Noticed) or "outcome" in record.extra:
            self.waits_on = ()

    def _reply(self, replied: Replied) -> None:
        for block in replied.blocks:
            if isinstance(block, ToolUse):
                self.calls[block.name] = self.calls.get(block.name, 0) + 1
        if replied.message_id == self.last_answer or replied.model in ("", PROGRAM):
            return
        self.last_answer = replied.message_id
        self.answers += 1
        self.models[replied.model] = self.models.get(replied.model, 0) + 1
        self.usage = _sum(self.usage, replied.usage)
        self.cost_usd += replied.cost_usd or 0.0
        self.unpriced += replied.cost_usd is None


def cost_in_words(cost_usd: float, unpriced: int) -> str:
    """Of answers, of which the cost of `unpriced` is not known; see `Digest.cost`."""
    known = dollars(round(cost_usd * MICRO_USD))
    if not unpriced:
        return known
    return f"at least {known}" if cost_usd else dollars(None)


def _sum(a: Usage, b: Usage) -> Usage:
    return Usage(
        input_tokens=a.input_tokens + b.input_tokens,
        output_tokens=a.output_tokens + b.output_tokens,
        cache_read_tokens=a.cache_read_tokens + b.cache_read_tokens,
        cache_write_tokens=a.cache_write_tokens + b.cache_write_tokens,
    )


def _forked_from(record: Record) -> str:
    about = record.extra.get("forkedFrom")
    return str(about.get("sessionId", "")) if isinstance(about, dict) else ""
