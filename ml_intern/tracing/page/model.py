"""What the page of a trace shows: a fold of its records. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ml_intern.clock import stamp
from ml_intern.money import MICRO_USD, dollars
from ml_intern.transcript.conversation import is_persons, numbered
from ml_intern.transcript.decoding import Record, seconds
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.line import (
    Answered,
    Block,
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

MOST_CHARS = 30_000_000
"""Of texts on one page; a browser takes seconds for more."""
MOST_ENTRIES = 20_000
"""On one page; what comes later is only counted."""
BRIEF_CHARS = 120
LEFT_OUT = "[left out: this page is as long as a browser takes; `ml-intern traces show` has it]"


@dataclass(kw_only=True)
class Call:
    """One tool call with its answer."""

    anchor: str
    tool: str
    brief: str
    arguments: str
    result: str | None = None
    """None: it has none."""
    is_error: bool = False
    seconds: float | None = None
    approval: str = ""
    """Who decided, and how."""


@dataclass(kw_only=True)
class Entry:
    """Something between two words of a person."""

    kind: str
    """`reply`, `notice`, `told` or `summary`."""
    anchor: str
    at: str
    text: str = ""
    thinking: str = ""
    model: str = ""
    used: str = ""
    level: str = "info"
    calls: list[Call] = field(default_factory=list)


@dataclass(kw_only=True)
class Turn:
    """From words of a person to the next; number 0 is what stands before the first."""

    number: int
    at: str = ""
    author: str = ""
    text: str = ""
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A bar of the timeline."""

    lane: str
    """`model`, `tools`, `waits` or `jobs`."""
    begin_ms: int
    """Since the first line, as is `end_ms`."""
    end_ms: int
    label: str
    anchor: str
    is_error: bool = False


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was used up to a moment."""

    at_ms: int
    tokens: int
    micro_usd: int


@dataclass(kw_only=True)
class Page:
    """Everything that is shown."""

    digest: Digest = field(default_factory=Digest)
    turns: list[Turn] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    entries: int = 0
    chars: int = 0
    left_out: int = 0
    """Lines after the last entry that the page takes."""


def page(records: Iterable[Record]) -> Page:
    """Of the joined records of a session."""
    made = _Making()
    for number, record in numbered(records):
        made.take(number, record)
    return made.page


class _Making:
    def __init__(self) -> None:
        self.page = Page()
        self._open: dict[str, tuple[Call, datetime | None]] = {}
        """Calls without an answer, with when they were asked for."""
        self._before: datetime | None = None
        """The time of the record before."""
        self._wait: tuple[datetime, str, str] | None = None
        """What is waited for since when, and the anchor of the line that says so."""

    def take(self, number: int, record: Record) -> None:
        self.page.digest.take(record)
        if self.page.entries >= MOST_ENTRIES:
            self.page.left_out += 1
            return
        self._end_wait(record)
        turn = self._turn(number, record)
        anchor = f"e{number}-{len(turn.entries)}"
        match record.content:
            case Said() as said if not is_persons(record) and not record.extra.get("newChain"):
                kind = "summary" if said.is_summary else "told"
                self._add(turn, Entry(kind=kind, anchor=anchor, at=_at(record), text=said.text))
            case Replied() as replied:
                self._reply(turn, replied, record, anchor)
            case Answered() as answered:
                self._answer(answered, record)
            case Noticed() as noticed:
                self._notice(turn, noticed, record, anchor)
            case TurnTook(duration_ms=took):
                words = f"Turn done in {timedelta(seconds=took // 1000)}."
                self._add(turn, Entry(kind="notice", anchor=anchor, at=_at(record), text=words))
            case Compacted() if not record.extra.get("newChain"):
                words = "The conversation was summed up."
                self._add(turn, Entry(kind="notice", anchor=anchor, at=_at(record), text=words))
            case _:
                pass
        self._before = record.at or self._before

    def _turn(self, number: int, record: Record) -> Turn:
        turns = self.page.turns
        if not turns or turns[-1].number != number:
            turns.append(Turn(number=number))
            if isinstance(record.content, Said) and is_persons(record):
                turns[-1].at = _at(record)
                turns[-1].author = str(record.extra.get("author", ""))
                turns[-1].text = self._fitting(record.content.text)
        return turns[-1]

    def _add(self, turn: Turn, entry: Entry) -> Entry:
        entry.text, entry.thinking = self._fitting(entry.text), self._fitting(entry.thinking)
        turn.entries.append(entry)
        self.page.entries += 1
        return entry

    def _fitting(self, text: str) -> str:
        self.page.chars += len(text)
        return text if self.page.chars <= MOST_CHARS or len(text) < BRIEF_CHARS else LEFT_OUT

    # Answers and calls

    def _reply(self, turn: Turn, replied: Replied, record: Record, anchor: str) -> None:
        entry = self._add(
            turn,
            Entry(
                kind="reply",
                anchor=anchor,
                at=_at(record),
                model=replied.model,
                used=_used(replied),
                text="\n\n".join(_of(Text, replied.blocks)),
                thinking="\n\n".join(_of(Thinking, replied.blocks)),
            ),
        )
        for block in replied.blocks:
            if isinstance(block, ToolUse):
                call = self._call(block, f"{anchor}-{len(entry.calls)}")
                entry.calls.append(call)
                self._open[block.use_id] = (call, record.at)
        self._span("model", replied.model, anchor, record, seconds(record.extra), self._before)
        digest = self.page.digest
        used = digest.usage
        tokens = used.input_tokens + used.output_tokens
        tokens += used.cache_read_tokens + used.cache_write_tokens
        micro_usd = round(digest.cost_usd * MICRO_USD)
        self.page.points.append(
            Point(at_ms=self._ms(record.at), tokens=tokens, micro_usd=micro_usd)
        )

    def _call(self, use: ToolUse, anchor: str) -> Call:
        pairs = (f"{key}={_flat(value)}" for key, value in use.input.items())
        return Call(
            anchor=anchor,
            tool=use.name,
            brief=_cut(" ".join(pairs)),
            arguments=self._fitting(json.dumps(use.input, ensure_ascii=False, indent=2)),
        )

    def _answer(self, answered: Answered, record: Record) -> None:
        call, asked_at = self._open.pop(answered.use_id, (None, None))
        if call is None:
            return
        details = answered.details if isinstance(answered.details, dict) else {}
        call.result = self._fitting(answered.text)
        call.is_error = answered.is_error
        call.seconds = seconds(details)
        call.approval = _approval(details)
        self._span(
            "tools", call.tool, call.anchor, record, call.seconds, asked_at, answered.is_error
        )

    # Beside

    def _notice(self, turn: Turn, noticed: Noticed, record: Record, anchor: str) -> None:
        entry = Entry(
            kind="notice", anchor=anchor, at=_at(record), text=noticed.text, level=noticed.level
        )
        self._add(turn, entry)
        waiting_on = record.extra.get("waitingOn")
        if isinstance(waiting_on, list) and record.at is not None:
            self._wait = (record.at, _waits(waiting_on), anchor)
        job = record.extra.get("job")
        if isinstance(job, dict):
            label = f"{job.get('label') or 'job'}: {job.get('status')}"
            is_error = job.get("status") in ("failed", "lost")
            self._span("jobs", label, anchor, record, seconds(job), None, is_error)

    def _end_wait(self, record: Record) -> None:
        if self._wait is None or record.at is None or isinstance(record.content, Noticed):
            return
        since, on, anchor = self._wait
        self._wait = None
        self.page.spans.append(
            Span(
                lane="waits",
                begin_ms=self._ms(since),
                end_ms=self._ms(record.at),
                label=on,
                anchor=anchor,
            )
        )

    def _span(
        self,
        lane: str,
        label: str,
        anchor: str,
        record: Record,
        seconds: float | None,
        since: datetime | None,
        is_error: bool = False,
    ) -> None:
        """It ends with the record; it began `seconds` before, or `since` where nobody counted."""
        if record.at is None:
            return
        end = self._ms(record.at)
        begin = self._ms(since or record.at) if seconds is None else end - round(seconds * 1000)
        self.page.spans.append(
            Span(
                lane=lane,
                begin_ms=max(0, min(begin, end)),
                end_ms=end,
                label=_cut(label),
                anchor=anchor,
                is_error=is_error,
            )
        )

    def _ms(self, at: datetime | None) -> int:
        began = self.page.digest.began
        return (
            0 if at is None or began is None else max(0, (at - began) // timedelta(milliseconds=1))
        )


def _of(kind: type[Text] | type[Thinking], blocks: Iterable[Block]) -> list[str]:
    return [block.text for block in blocks if isinstance(block, kind)]


def _at(record: Record) -> str:
    return stamp(record.at) if record.at else ""


def _used(replied: Replied) -> str:
    usage = replied.usage
    into = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    parts = [f"{into:,} tokens in"]
    if usage.cache_read_tokens:
        parts[0] += f" ({usage.cache_read_tokens:,} cached)"
    parts.append(f"{usage.output_tokens:,} out")
    if replied.cost_usd is not None:
        parts.append(dollars(round(replied.cost_usd * MICRO_USD)))
    return " · ".join(parts)


def _approval(details: JsonObject) -> str:
    about = details.get("approval")
    if not isinstance(about, dict):
        return ""
    verdict, who = about.get("verdict", "decided"), about.get("decidedBy", "")
    reason = f": {about['reason']}" if about.get("reason") else ""
    return f"{verdict} by {who}{reason}"


def _waits(waiting_on: list[Any]) -> str:
    return ", ".join(sorted({str(on).partition(":")[0] for on in waiting_on}))


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    flat = " ".join(text[: BRIEF_CHARS * 4].split())
    return flat if len(flat) <= BRIEF_CHARS else f"{flat[: BRIEF_CHARS - 1]}…"
