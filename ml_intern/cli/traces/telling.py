"""A trace as text with styles: a record at a time, long outputs folded. Pure.

Words of models, tools and files pass through `shown` or `line`, so that they cannot steer the
terminal.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.text import Text

from ml_intern.cli.quantities import UNKNOWN, count, duration, line, shown
from ml_intern.cli.summary import short
from ml_intern.messages import Usage
from ml_intern.money import MICRO_USD, dollars
from ml_intern.transcript.compactions import summed_up
from ml_intern.transcript.conversation import is_persons
from ml_intern.transcript.decoding import Record, seconds
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.line import (
    Answered,
    Block,
    Compacted,
    Noticed,
    Replied,
    Said,
    Thinking,
    ToolUse,
    TurnTook,
)
from ml_intern.transcript.line import Text as Words
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.waits import awaited, in_words, waiting_on

FOLDED_LINES = 4
"""Of a tool's output."""
FOLDED_CHARS = 400
_READ_CHARS = 8 * FOLDED_CHARS
"""Of what is folded; more than is shown, because some of them may have no place on a terminal."""
SPOKEN_CHARS = 20_000
"""Of words that are folded only where nobody reads them to their end: a person's, and answers."""
MOST_PROBLEMS = 10
"""So many are named; the others are counted."""
_LEVELS = {"info": "dim", "warning": "yellow", "error": "red"}


class Teller:
    """Knows which tool a result belongs to. Not thread-safe."""

    def __init__(self, *, full: bool) -> None:
        """`full`: nothing is folded."""
        self._full = full
        self._tools: dict[str, str] = {}
        """The open calls, by id."""

    def tell(self, turn: int, record: Record) -> Text | None:
        """What is shown of a record; None for one that says nothing to people."""
        match record.content:
            case Said() as said:
                return self._said(turn, said, record)
            case Replied() as replied:
                return self._replied(replied, record)
            case Answered() as answered:
                return self._answered(answered, record)
            case Noticed(text=text, level=level):
                words = in_words(text, waiting_on(record.extra))
                return _beside("·", line(words, FOLDED_CHARS), record, _LEVELS[level])
            case TurnTook(duration_ms=took):
                return _beside("·", f"turn done in {duration(took / 1000)}", record, "dim")
            case Compacted() if not record.extra.get("newChain"):
                return _beside("·", line(summed_up(record.extra)), record, "yellow")
            case _:
                return None

    def open_calls(self, digest: Digest) -> Iterator[Text]:
        """Those that have no result at the end, with what they wait for."""
        waits = f"waits for {awaited(digest.waits_on)}" if digest.waits_on else "has no result yet"
        for tool in self._tools.values():
            yield Text.assemble(("  … ", "yellow"), (line(tool), "bold"), f"  {waits}")

    def _said(self, turn: int, said: Said, record: Record) -> Text | None:
        if record.extra.get("newChain"):
            return None
        if is_persons(record):
            author = record.extra.get("author")
            who = f"{line(author)}, " if isinstance(author, str) else ""
            head = Text(f"\nturn {turn}  {who}{_clock(record)}\n", "bold cyan")
            return head.append(self._spoken(said.text), "default")
        about = "summary" if said.is_summary else "told the model"
        return Text.assemble((f"  {about}: ", "dim"), *self._folded(said.text, "dim"))

    def _replied(self, replied: Replied, record: Record) -> Text:
        used = ", ".join(_used(replied.usage, replied.cost_usd))
        head = f"{line(replied.model) or 'a model'}  {_clock(record)}  {used}".rstrip()
        text = Text(head, "dim")
        for block in replied.blocks:
            text.append("\n").append_text(self._block(block))
        return text

    def _block(self, block: Block) -> Text:
        match block:
            case Words(text=text):
                return Text(self._spoken(text))
            case Thinking(text=text):
                return Text.assemble(("  thinks: ", "dim"), *self._folded(text, "dim italic"))
            case ToolUse(name=name, input=arguments):
                self._tools[block.use_id] = name
                told = Text.assemble(("  ▸ ", "cyan"), (line(name), "bold"))
                return told.append_text(self._arguments(arguments))

    def _arguments(self, arguments: dict[str, Any]) -> Text:
        if self._full:
            text = json.dumps(arguments, ensure_ascii=False, indent=2)
            return Text(f"\n{_indented(shown(text), '      ')}", "dim")
        pairs = (f"{key}={_brief(value)}" for key, value in arguments.items())
        return Text(f"  {line(' '.join(pairs), 160)}", "dim")

    def _answered(self, answered: Answered, record: Record) -> Text:
        tool = self._tools.pop(answered.use_id, "a call that is not here")
        mark, style = ("✗", "red") if answered.is_error else ("✓", "green")
        details = answered.details if isinstance(answered.details, dict) else {}
        took = seconds(details)
        time = "" if took is None else f"  {duration(took)}"
        head = Text.assemble((f"  {mark} ", style), (line(tool), "bold"), (time, "dim"))
        folded = Text.assemble(*self._folded(answered.text, ""))
        gap = "" if folded.plain.startswith("\n") else "  "
        return head.append(gap).append_text(folded)

    def _spoken(self, text: str) -> str:
        text = text.strip()
        if self._full or len(text) <= SPOKEN_CHARS:
            return shown(text).strip()
        left = count(len(text) - SPOKEN_CHARS, "more character")
        return f"{shown(text[:SPOKEN_CHARS])}\n      … {left}"

    def _folded(self, text: str, style: str) -> Iterator[tuple[str, str]]:
        """The text, or its first lines and how much is folded."""
        text = text.strip()
        lines = shown(text if self._full else text[:_READ_CHARS]).strip().splitlines()
        if self._full or (len(lines) <= 1 and len(text) <= FOLDED_CHARS):
            yield _below(lines), style
            return
        kept, chars = list[str](), 0
        for one in lines[:FOLDED_LINES]:
            kept.append(one[: FOLDED_CHARS - chars])
            chars += len(one)
            if chars >= FOLDED_CHARS:
                break
        yield _below(kept), style
        left = len(text) - sum(map(len, kept)) - (len(kept) - 1)
        if left > 0:
            yield f"\n      … {count(left, 'more character')}", "dim"


class Headings:
    """Of a trace that is told in order: its days, and in a search the turns. Not thread-safe."""

    def __init__(self, *, turns: bool) -> None:
        """`turns`: whether what is told stands by itself, and must say of which turn it is."""
        self._turns = turns
        self._day: date | None = None
        self._turn: int | None = None

    def before(self, turn: int, record: Record) -> Iterator[Text]:
        """What stands above the record, where the day or the turn is another one than before."""
        day = record.at.astimezone().date() if record.at else self._day
        if day is not None and day != self._day:
            yield Text(f"\n── {day.isoformat()} ──", "bold magenta")
        if self._turns and turn != self._turn and not is_persons(record):
            yield Text(f"\nturn {turn}" if turn else "\nbefore the first turn", "bold cyan")
        self._day, self._turn = day, turn


def in_parts(path: Path, files: Sequence[Path]) -> Text | None:
    """That a session stands in several files, all of which are told; None where it does not."""
    if len(files) < 2:
        return None
    whole = f"It stands in {len(files)} files, which are read as one: "
    asked = f"{path.name} is one part of its session. " if path != files[0] else ""
    return Text(f"{asked}{whole}{', '.join(line(file.name) for file in files)}", "dim")


def ending(digest: Digest) -> Text:
    """What the records add up to."""
    waits = f"waits for {awaited(digest.waits_on)}" if digest.waits_on else ""
    fields = (
        line(digest.outcome) or waits or "no end is written",
        ", ".join(f"{line(model)} ({answers})" for model, answers in digest.models.items()),
        f"imported from {line(digest.source_id)}" if digest.source_id else "",
        f"goes on from {line(short(digest.forked_from))}" if digest.forked_from else "",
        count(digest.turns, "turn"),
        count(digest.answers, "answer"),
        f"{count(digest.call_count, 'tool call')}, {digest.errors} failed",
        *_used(digest.usage, None),
        f"cost {digest.cost}",
        duration(digest.seconds),
    )
    return Text.assemble("\n", (" · ".join(filter(None, fields)), "bold"))


def trouble(problems: Problems) -> Iterable[Text]:
    """What could not be read, by its line."""
    for problem in problems.found[:MOST_PROBLEMS]:
        yield Text(f"! {line(str(problem))}", "yellow")
    if (left := problems.count - MOST_PROBLEMS) > 0:
        yield Text(f"! {count(left, 'more problem')}; --json lists them", "yellow")


def _used(usage: Usage, cost_usd: float | None) -> Iterator[str]:
    cached = usage.cache_read_tokens
    if usage.input_tokens or cached or usage.cache_write_tokens:
        fresh = usage.input_tokens + usage.cache_write_tokens
        yield f"{fresh + cached:,} tokens in" + (f" ({cached:,} cached)" if cached else "")
    if usage.output_tokens:
        yield f"{usage.output_tokens:,} out"
    if cost_usd is not None:
        yield dollars(round(cost_usd * MICRO_USD))


def _clock(record: Record) -> str:
    return record.at.astimezone().strftime("%H:%M:%S") if record.at else UNKNOWN


def _beside(mark: str, text: str, record: Record, style: str) -> Text:
    return Text(f"  {mark} {_clock(record)} {text}".rstrip(), style)


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return line(text, 60)


def _below(lines: list[str]) -> str:
    """One line stays where it is; several stand below, indented."""
    text = "\n".join(lines)
    return "\n" + _indented(text, "      ") if len(lines) > 1 else text


def _indented(text: str, by: str) -> str:
    return "\n".join(by + one for one in text.splitlines())
