"""What the page of a trace shows: a fold of its records. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ml_intern.clock import stamp
from ml_intern.money import MICRO_USD, dollars
from ml_intern.tracing.page.gist import gist
from ml_intern.transcript.compactions import summed_up
from ml_intern.transcript.conversation import is_persons, numbered
from ml_intern.transcript.decoding import Record, seconds
from ml_intern.transcript.digest import Digest, cost_in_words
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
from ml_intern.transcript.waits import (
    awaited,
    decided,
    in_words,
    is_for_model,
    is_for_person,
    waiting_on,
)
from ml_intern.wording import sentence

MOST_CHARS = 30_000_000
"""Of texts on one page; a browser takes seconds for more."""
MOST_ENTRIES = 20_000
"""On one page, calls and words of a person among them; what comes later is only counted."""
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
    gist: str = ""
    """Of the result, in a line: the error, the metrics, or how it begins."""
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
    seconds: float | None = None
    """How long it took: of a turn's end, of a wait."""
    calls: list[Call] = field(default_factory=list)


@dataclass(kw_only=True)
class Turn:
    """From words of a person to the next; number 0 is what stands before the first."""

    number: int
    anchor: str = ""
    at: str = ""
    author: str = ""
    text: str = ""
    entries: list[Entry] = field(default_factory=list)
    began: datetime | None = None
    ended: datetime | None = None
    cost_usd: float = 0.0
    unpriced: int = 0
    calls: int = 0
    errors: int = 0
    outcome: str = ""

    @property
    def cost(self) -> str:
        """In words, as that of the whole."""
        return cost_in_words(self.cost_usd, self.unpriced)

    @property
    def seconds(self) -> float | None:
        """From its first time to its last; None: unknown."""
        if self.began is None or self.ended is None or self.began == self.ended:
            return None
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Span:
    """A bar of the timeline."""

    lane: str
    """`turns`, `model`, `tools`, `waits` or `jobs`."""
    kind: str
    """What it is: as the lane, but `person` or `job` of a wait, and `failed`."""
    begin_ms: int
    """Since the first line, as is `end_ms`."""
    end_ms: int
    label: str
    anchor: str


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
    return made.end()


class _Making:
    def __init__(self) -> None:
        self.page = Page()
        self._open: dict[str, tuple[Call, datetime | None]] = {}
        """Calls without an answer, with when they were asked for."""
        self._before: datetime | None = None
        """The time of the record before."""
        self._wait: tuple[datetime, tuple[str, ...], Entry] | None = None
        """Since when, for what, and the entry that says so."""
        self._undecided: set[str] = set()
        """What of it nobody has decided yet."""
        self._waited_until: datetime | None = None

    def take(self, number: int, record: Record) -> None:
        if self.page.entries >= MOST_ENTRIES:
            self.page.digest.take(record)
            self.page.left_out += 1
            return
        turn = self._turn(number, record)
        self._add_up(turn, record)
        self._end_wait(record)
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
                entry = Entry(kind="notice", anchor=anchor, at=_at(record), text="Turn done.")
                entry.seconds = took / 1000
                self._add(turn, entry)
            case Compacted() if not record.extra.get("newChain"):
                words = sentence(f"T{summed_up(record.extra)[1:]}")
                self._add(turn, Entry(kind="notice", anchor=anchor, at=_at(record), text=words))
            case _:
                pass
        self._before = record.at or self._before

    def _turn(self, number: int, record: Record) -> Turn:
        turns = self.page.turns
        if not turns or turns[-1].number != number:
            turns.append(Turn(number=number, anchor=f"turn-{number}"))
            if isinstance(record.content, Said) and is_persons(record):
                turns[-1].at = _at(record)
                turns[-1].author = str(record.extra.get("author", ""))
                turns[-1].text = self._fitting(record.content.text)
                self.page.entries += 1
        return turns[-1]

    def _add_up(self, turn: Turn, record: Record) -> None:
        """Into the digest, and what that grows by into the turn."""
        digest = self.page.digest
        cost, unpriced, calls = digest.cost_usd, digest.unpriced, digest.call_count
        errors = digest.errors
        digest.take(record)
        turn.cost_usd += digest.cost_usd - cost
        turn.unpriced += digest.unpriced - unpriced
        turn.calls += digest.call_count - calls
        turn.errors += digest.errors - errors
        turn.outcome = digest.outcome
        turn.began = turn.began or record.at
        turn.ended = record.at or turn.ended

    def end(self) -> Page:
        """No more records."""
        for turn in self.page.turns:
            if turn.began is not None and turn.ended is not None and turn.number:
                self._bar(
                    "turns", "turns", turn.began, turn.ended, f"turn {turn.number}", turn.anchor
                )
        return self.page

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
            if isinstance(block, ToolUse) and self.page.entries < MOST_ENTRIES:
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
        self.page.entries += 1
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
        call.gist = gist(answered.text, is_error=answered.is_error)
        call.seconds = seconds(details)
        call.approval = _approval(details)
        kind = "failed" if answered.is_error else "tools"
        since = max(filter(None, (asked_at, self._waited_until)), default=None)
        self._span("tools", call.tool, call.anchor, record, call.seconds, since, kind)

    # Beside

    def _notice(self, turn: Turn, noticed: Noticed, record: Record, anchor: str) -> None:
        on = waiting_on(record.extra)
        text = in_words(noticed.text, on)
        entry = Entry(kind="notice", anchor=anchor, at=_at(record), text=text, level=noticed.level)
        self._add(turn, entry)
        if on and record.at is not None:
            self._close_wait(record.at)  # a model that was asked again in vain is waited for anew
            self._wait, self._undecided = (record.at, on, entry), set(on)
        job = record.extra.get("job")
        if isinstance(job, dict):
            label = f"{job.get('label') or 'job'}: {job.get('status')}"
            kind = "failed" if job.get("status") in ("failed", "lost") else "jobs"
            self._span("jobs", label, anchor, record, seconds(job), None, kind)

    def _end_wait(self, record: Record) -> None:
        """With the next line of the conversation, or with the last yes or no that it waited for."""
        self._undecided.discard(decided(record.extra))
        if self._wait is None or record.at is None:
            return
        if isinstance(record.content, Noticed) and self._undecided:
            return
        self._close_wait(record.at)

    def _close_wait(self, at: datetime) -> None:
        if self._wait is None:
            return
        since, on, entry = self._wait
        self._wait, self._waited_until = None, at
        entry.seconds = max(0.0, (at - since).total_seconds())
        kind = "person" if is_for_person(on) else "no-model" if is_for_model(on) else "job"
        self._bar("waits", kind, since, at, f"waits for {awaited(on)}", entry.anchor)

    def _span(
        self,
        lane: str,
        label: str,
        anchor: str,
        record: Record,
        seconds: float | None,
        since: datetime | None,
        kind: str = "",
    ) -> None:
        """It ends with the record; it began `seconds` before, or `since` where nobody counted."""
        if record.at is None:
            return
        took = None if seconds is None else timedelta(seconds=seconds)
        begin = (since or record.at) if took is None else _earlier(record.at, took)
        self._bar(lane, kind or lane, begin, record.at, label, anchor)

    def _bar(
        self, lane: str, kind: str, begin: datetime, end: datetime, label: str, anchor: str
    ) -> None:
        end_ms = self._ms(end)
        span = Span(
            lane=lane,
            kind=kind,
            begin_ms=min(self._ms(begin), end_ms),
            end_ms=end_ms,
            label=_cut(label),
            anchor=anchor,
        )
        self.page.spans.append(span)

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
    parts = []
    if into:
        cached = f" ({usage.cache_read_tokens:,} cached)" if usage.cache_read_tokens else ""
        parts.append(f"{into:,} tokens in{cached}")
    if usage.output_tokens:
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


def _earlier(at: datetime, by: timedelta) -> datetime:
    try:
        return at - by
    except OverflowError:  # before the year 1
        return at


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    flat = " ".join(text[: BRIEF_CHARS * 4].split())
    return flat if len(flat) <= BRIEF_CHARS else f"{flat[: BRIEF_CHARS - 1]}…"
