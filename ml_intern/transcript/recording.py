"""A session file as something that can be played: answers, results, and what people did.

What other programs wrote is read the same way, as far as it goes. Holds a whole session in memory.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ml_intern.transcript import parts
from ml_intern.transcript.conversation import TooLong, is_persons, joined
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import (
    EMPTY_ANSWER,
    PROGRAM,
    Answered,
    Compacted,
    JsonObject,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    ToolUse,
    TurnTook,
)
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.waits import WAITING_ON, is_for_model, waiting_on

MOST_CHARS = 16_000_000
"""Of a session that is played: it, the one that plays it and both their traces are in memory."""
SYNTHETIC = "<synthetic>"
"""The model of what Claude Code itself says in a model's place."""
CUT = re.compile(r"\[\.\.\. \d+ characters left out of the trace \.\.\.\]")
"""Stands where a text was shortened, see `tracing/clip.py`."""
_REDACTED = "[REDACTED:"
BY_ITSELF = ("size", "refused")
"""Why a turn compacts its own conversation; see `events.Compacted.trigger`."""
_OMITTED = {"omitted": "nested too deep to be shown"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of the model."""

    line: int
    model: str
    text: str
    thinking: str
    calls: tuple[ToolUse, ...]
    stop_reason: str
    """As the file has it, e.g. `tool_use`."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The answer to one call."""

    line: int
    text: str
    is_error: bool
    details: JsonObject = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The whole text that took the place of the older part of the conversation."""

    text: str
    after: int
    """How many answers the model had given."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that a person did, and when."""

    kind: Literal["say", "answer", "undo", "compact"]
    line: int
    after: int
    """How many answers the model had given."""
    at_rest: bool
    """Whether the turn had ended, or waited."""
    text: str = ""
    """What was said."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person decided about a call."""

    line: int
    verdict: str
    """`approve`, `deny`, `edit` or `expire`."""
    reason: str
    arguments: JsonObject | None = field(default=None, hash=False)
    """The edited ones, complete."""


@dataclass(kw_only=True)
class Recording:
    """One session. Not changed any more once it is read."""

    session_id: str = ""
    cwd: str = ""
    """The folder by which its texts name its files."""
    is_ours: bool = False
    is_fork: bool = False
    answers: list[Answer] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By the id of the call."""
    decisions: dict[str, Decision] = field(default_factory=dict)
    """The last, by the id of the call."""
    summaries: list[Summary] = field(default_factory=list)
    """Those that somebody asked for."""
    acts: list[Act] = field(default_factory=list)
    run: JsonObject = field(default_factory=dict)
    """What its first line says of the machine, see `traces/README.md`."""
    interrupted: int = 0
    """How often a person stopped it."""
    ended: str = ""
    """How its last turn ended, e.g. `finished`; empty: the file does not say."""
    ended_line: int | None = None

    @cached_property
    def ids(self) -> "Ids":
        """Of its calls."""
        return Ids(self.answers)

    @property
    def model(self) -> str:
        """That gave the first answer."""
        return self.answers[0].model if self.answers else ""

    @property
    def calls(self) -> Iterable[ToolUse]:
        """All of them, in order."""
        return (call for answer in self.answers for call in answer.calls)


def record_of(path: Path, problems: Problems) -> Recording:
    """The session that the file is a part of. Raises TooLong, OSError; see `parts.read`."""
    return recorded_in(_that_fit(parts.read(path, problems)))


def recorded_in(records: Iterable[Record]) -> Recording:
    """The session that these records make."""
    reader = _Reader()
    for record in joined(records):
        reader.take(record)
    return reader.recording


def _that_fit(records: Iterable[Record]) -> Iterator[Record]:
    """Raises TooLong where there are more than a replay can hold."""
    chars = 0
    for record in records:
        chars += _chars(record)
        if chars > MOST_CHARS:
            raise TooLong(
                f"line {record.line}: up to here it has over {MOST_CHARS:,} characters. A replay "
                "holds all of them in memory, several times, and takes no more; `ml-intern traces "
                "fork` goes on from a turn before."
            )
        yield record


def _chars(record: Record) -> int:
    """Of what is kept of it."""
    match record.content:
        case Replied(blocks=blocks):
            return sum(
                len(json.dumps(block.input) if isinstance(block, ToolUse) else block.text)
                for block in blocks
            )
        case Said(text=text) | Answered(text=text):
            return len(text)
        case _:
            return 0


def is_incomplete(value: Any) -> bool:
    """Whether a recorded JSON value was shortened or redacted when it was written."""
    if isinstance(value, str):
        return _REDACTED in value or CUT.search(value) is not None
    if isinstance(value, Mapping):
        return value == _OMITTED or any(map(is_incomplete, value.values()))
    return isinstance(value, list) and any(map(is_incomplete, value))


class _Reader:
    def __init__(self) -> None:
        self.recording = Recording()
        self._at_rest = True
        self._by_itself = False
        """Whether the last compaction was nobody's act; a replay, which has no window, has none."""

    def take(self, record: Record) -> None:
        found = self.recording
        found.session_id = found.session_id or record.session_id
        found.cwd = found.cwd or record.cwd
        found.is_ours |= record.program == PROGRAM
        if isinstance(run := record.extra.get("run"), dict):
            found.run = run
        if record.extra.get("recalled") or record.extra.get("newChain"):
            found.is_fork |= bool(record.extra.get("recalled"))
            return
        match record.content:
            case Said() as said:
                self._said(said, record)
            case Replied() as replied:
                self._replied(replied, record)
            case Answered() as answered:
                self._answered(answered, record)
            case Compacted():
                self._by_itself = record.extra.get("trigger") in BY_ITSELF
                if record.extra.get("askedBy") and not self._by_itself:
                    self._act("compact", record)
            case Noticed():
                self._noticed(record)
            case TurnTook():
                self._at_rest = True
                self._end(record)
            case _:
                pass

    def _said(self, said: Said, record: Record) -> None:
        if said.is_summary:
            if not self._by_itself:
                summary = Summary(text=said.text, after=len(self.recording.answers))
                self.recording.summaries.append(summary)
        elif is_persons(record):
            self._act("say", record, said.text)
            self._at_rest = False
        elif isinstance(outcome := record.extra.get("outcome"), dict):
            self._late_outcome(str(record.extra.get("callId")), said.text, outcome, record.line)

    def _replied(self, replied: Replied, record: Record) -> None:
        if "outcome" in record.extra or replied.model == SYNTHETIC:
            return  # no model gave it
        text = "\n".join(block.text for block in replied.blocks if isinstance(block, Text))
        self._at_rest = False
        self.recording.answers.append(
            Answer(
                line=record.line,
                model=replied.model,
                text="" if text == EMPTY_ANSWER else text,
                thinking="\n".join(b.text for b in replied.blocks if isinstance(b, Thinking)),
                calls=tuple(block for block in replied.blocks if isinstance(block, ToolUse)),
                stop_reason=replied.stop_reason,
            )
        )

    def _answered(self, answered: Answered, record: Record) -> None:
        details = answered.details if isinstance(answered.details, dict) else {}
        self.recording.outcomes.setdefault(
            answered.use_id,
            Outcome(
                line=record.line, text=answered.text, is_error=answered.is_error, details=details
            ),
        )
        if details.get("answeredBy") == "person" and (words := _answer_in(answered.text)):
            self._act("answer", record, words)

    def _late_outcome(self, call_id: str, text: str, details: JsonObject, line: int) -> None:
        """Of a call that was parked: the answer before it said only that it waits."""
        said = text.partition("\n")[2]
        self.recording.outcomes[call_id] = Outcome(
            line=line, text=said, is_error=details.get("ok") is False, details=details
        )

    def _noticed(self, record: Record) -> None:
        extra = record.extra
        # Nobody interrupts when it is played, so that words come where the turn still goes on.
        self._at_rest |= extra.get("outcome", "interrupted") != "interrupted"
        # Nor is a model waited for then: the recorded answer comes at once.
        self._at_rest |= WAITING_ON in extra and not is_for_model(waiting_on(extra))
        self.recording.interrupted += extra.get("outcome") == "interrupted"
        self._end(record)
        if "undone" in extra:
            self._act("undo", record)
        approval = extra.get("approval")
        if isinstance(approval, dict) and isinstance(approval.get("verdict"), str):
            edited = approval.get("arguments")
            self.recording.decisions[str(approval.get("callId"))] = Decision(
                line=record.line,
                verdict=approval["verdict"],
                reason=str(approval.get("reason") or ""),
                arguments=edited if isinstance(edited, dict) else None,
            )

    def _end(self, record: Record) -> None:
        if isinstance(outcome := record.extra.get("outcome"), str):
            self.recording.ended, self.recording.ended_line = outcome, record.line

    def _act(
        self, kind: Literal["say", "answer", "undo", "compact"], record: Record, text: str = ""
    ) -> None:
        self.recording.acts.append(
            Act(
                kind=kind,
                line=record.line,
                after=len(self.recording.answers),
                at_rest=self._at_rest,
                text=text,
            )
        )


def _answer_in(text: str) -> str:
    """What a person answered to a question; empty where it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    answer = found.get("answer") if isinstance(found, dict) else None
    return answer if isinstance(answer, str) else ""


class Ids:
    """The ids of a recorded session, and which ids of a new one stand for them.

    The n-th call of the n-th answer is the same call, whatever its id.
    """

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._places: dict[str, list[_Place]] = {}
        """Where the call of an id stands, in order: some programs give one id again and again."""
        self._by_beginning: dict[str, _Place] = {}
        """Models also name a call by the beginning of its id."""
        for number, answer in enumerate(answers):
            for place, use in enumerate(answer.calls):
                if use.use_id:
                    self._places.setdefault(use.use_id, []).append((number, place))
                    self._by_beginning.setdefault(use.use_id[:_SHORT], (number, place))

    def moved(self, text: str, calls: Sequence[Sequence[str]]) -> str:
        """The text with the new ids in it; `calls`: those of each answer so far."""
        return _ID.sub(lambda found: self._now(found[0], calls) or found[0], text)

    def _now(self, recorded: str, calls: Sequence[Sequence[str]]) -> str:
        found = self._places.get(recorded, ())
        for at in range(bisect_left(found, (len(calls), 0)) - 1, -1, -1):
            number, place = found[at]
            if place < len(calls[number]):
                return calls[number][place]
        number, place = self._by_beginning.get(recorded, (len(calls), 0))
        known = number < len(calls) and place < len(calls[number])
        return calls[number][place][:_SHORT] if known else ""


_Place = tuple[int, int]
"""The number of an answer, and that of a call in it, from 0."""
_SHORT = 13
"""Characters of `messages.short_request`."""
_ID = re.compile(r"[A-Za-z0-9_-]{6,}")


def mapped(value: Any, change: Any) -> Any:
    """A JSON value with `change` applied to each text in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, change) for key, item in value.items()}
    return [mapped(item, change) for item in value] if isinstance(value, list) else value
