"""What was said in a session file: its turns, and the messages that a model would be given.

A turn begins with words of a person. Every call has its one answer directly behind it, as model
clients demand, whatever the order of the lines; a call without a result gets one that says so.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ml_intern.errors import InputError
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import (
    EMPTY_ANSWER,
    NEW_CHAIN,
    RAW,
    Answered,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    ToolUse,
)
from ml_intern.wording import with_gap

UNANSWERED = "Interrupted before the tool finished."
MOST_LINES = 1_000
"""Of one answer; what comes after them is an answer of its own."""
MOST_CHARS = 32_000_000
"""Of one conversation; several times what the largest models are given."""
_AROUND_CHARS = 100
"""What a message takes beside its words."""

Told = tuple[Message, str]
"""A message, and the model that gave it where it is an answer."""


class TooLong(InputError):
    """A conversation is longer than `MOST_CHARS`; whoever holds one in memory stops there."""


def joined(records: Iterable[Record]) -> Iterator[Record]:
    """Without the lines of sub-agents; neighbours that are blocks of one answer made one record.

    Some programs write a line for each block, each with the usage of the whole answer.
    """
    lines: list[Record] = []
    for record in records:
        if record.is_sidechain:
            continue
        if lines and not (_is_one_answer(lines[-1], record) and len(lines) < MOST_LINES):
            yield _joined(lines)
            lines = []
        lines.append(record)
    if lines:
        yield _joined(lines)


def is_persons(record: Record) -> bool:
    """Whether it is words that a person typed."""
    said = record.content
    return isinstance(said, Said) and not (said.is_meta or said.is_summary)


def numbered(records: Iterable[Record]) -> Iterator[tuple[int, Record]]:
    """Each with the number of its turn, from 1; 0 for what stands before a person's first words."""
    number = 0
    for record in records:
        number += is_persons(record)
        yield number, record


def messages(records: Iterable[Record]) -> list[Message]:
    """What a model would be given after these records, without a system prompt.

    A compaction leaves the task, its summary and the messages that were kept; words that were
    taken back are left out with all that followed them.
    """
    return [message for message, _ in told(records)]


def told(records: Iterable[Record]) -> list[Told]:
    """As `messages`, each answer with the model that gave it; other messages with none.

    Raises TooLong.
    """
    conversation = _Conversation()
    for record in joined(records):
        conversation.take(record)
    return conversation.end()


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What a model was given, until something that was before it was summed up or cut."""

    told: Sequence[Told]
    """Results and words as it saw them; answers, of which it may have seen less, whole."""
    shortened: frozenset[int]
    """The places of the answers that it saw less of."""


def stretches(records: Iterable[Record]) -> Iterator[Stretch]:
    """As `told`, once before each compaction and each cut, and once at the end.

    An answer that stands in one stretch and in the next is the same object. Raises TooLong.
    """
    conversation = _Conversation()
    for record in joined(records):
        if conversation.begins_anew(record):
            yield conversation.stretch()
        conversation.take(record)
        if isinstance(record.content, Noticed):
            conversation.cut(record)
    conversation.end()
    yield conversation.stretch()


class _Conversation:
    def __init__(self) -> None:
        self._told: list[Told] = []
        self._lines: list[str] = []
        """The uuid of the line of each."""
        self._shortened: set[str] = set()
        """The lines of the answers that the model sees less of than they have."""
        self._line = ""
        self._chars = 0
        """Of what was told since the last compaction, and of what that kept."""
        self._open: dict[CallId, str] = {}
        """The calls that have no answer yet, with the names of their tools."""
        self._held_back: list[tuple[UserMessage, str]] = []

    def begins_anew(self, record: Record) -> bool:
        """Whether the model sees other messages behind this record than before."""
        said = record.content
        if isinstance(said, Said):
            return said.is_summary and not record.extra.get(NEW_CHAIN)
        return bool(_cuts(record))

    def stretch(self) -> Stretch:
        places = (place for place, line in enumerate(self._lines) if line in self._shortened)
        return Stretch(told=list(self._told), shortened=frozenset(places))

    def cut(self, record: Record) -> None:
        """Show less of messages, as the model saw less of them from this record on."""
        places = {line: place for place, line in enumerate(self._lines)}
        for cut in _cuts(record):
            if (place := places.get(cut.line)) is None:
                continue
            message, model = self._told[place]
            if isinstance(message, AssistantMessage):
                self._shortened.add(cut.line)
            else:
                text = with_gap(message.text, cut.head, cut.note, cut.tail)
                self._told[place] = replace(message, text=text), model

    def take(self, record: Record) -> None:
        self._line = record.uuid
        match record.content:
            case Said() as said if not record.extra.get(NEW_CHAIN):
                self._say(said, record)
            case Replied() as replied:
                self._close()
                self._reply(replied)
            case Answered() as answered:
                self._answer(answered)
            case Noticed() if "undone" in record.extra:
                self._take_back()
            case _:
                pass

    def end(self) -> list[Told]:
        self._close()
        return list(self._told)

    def _say(self, said: Said, record: Record) -> None:
        if said.is_summary:
            self._sum_up(said.text, self._kept_from(record))
            return
        message = UserMessage(text=said.text, injected=said.is_meta)
        if self._open:
            self._held_back.append((message, self._line))
        else:
            self._tell(message)

    def _sum_up(self, text: str, start: int) -> None:
        self._close()
        summary = UserMessage(text=text, injected=True, summary=True)
        stood = list(zip(self._told, self._lines, strict=True))
        self._told, self._lines, self._chars = [], [], 0
        for (message, model), line in (*stood[:1], ((summary, ""), self._line), *stood[start:]):
            self._tell(message, model, line)

    def _kept_from(self, record: Record) -> int:
        """The place of the first message that a compaction let stand; never that of a result."""
        line, kept = record.extra.get("keptFrom"), record.extra.get("kept")
        end = len(self._told)
        if isinstance(line, str) and line in self._lines:
            start = self._lines.index(line)
        else:  # an older version, which counted
            start = end - kept if isinstance(kept, int) and kept > 0 else end
        start = max(1, start)
        while start < end and isinstance(self._told[start][0], ToolMessage):
            start += 1
        return start

    def _tell(self, message: Message, model: str = "", line: str | None = None) -> None:
        self._chars += _chars(message)
        if self._chars > MOST_CHARS:
            raise TooLong(f"A conversation of over {MOST_CHARS:,} characters")
        self._told.append((message, model))
        self._lines.append(self._line if line is None else line)

    def _reply(self, replied: Replied) -> None:
        calls = tuple(_call(block) for block in replied.blocks if isinstance(block, ToolUse))
        texts = [block.text for block in replied.blocks if isinstance(block, Text)]
        thoughts = [block.text for block in replied.blocks if isinstance(block, Thinking)]
        if not calls and "".join(texts).strip() in ("", EMPTY_ANSWER):
            return
        message = AssistantMessage(
            text="\n".join(texts), thinking="\n".join(thoughts), tool_calls=calls
        )
        self._tell(message, replied.model)
        self._open = {call.call_id: call.name for call in calls}

    def _answer(self, answered: Answered) -> None:
        call_id = CallId(answered.use_id)
        if (name := self._open.pop(call_id, None)) is None:
            return
        self._tell(
            ToolMessage(call_id=call_id, name=name, text=answered.text, is_error=answered.is_error)
        )
        if not self._open:
            self._close()

    def _close(self) -> None:
        for call_id, name in self._open.items():
            self._tell(ToolMessage(call_id=call_id, name=name, text=UNANSWERED, is_error=True))
        self._open = {}
        for message, line in self._held_back:
            self._tell(message, line=line)
        self._held_back = []

    def _take_back(self) -> None:
        self._close()
        for place in range(len(self._told) - 1, -1, -1):
            message, _ = self._told[place]
            if isinstance(message, UserMessage) and not message.injected:
                self._chars -= sum(_chars(gone) for gone, _ in self._told[place:])
                del self._told[place:], self._lines[place:]
                return


@dataclass(frozen=True, kw_only=True)
class _Cut:
    """What the model sees of the message on a line; see `events.Cut`."""

    line: str
    head: int
    tail: int
    note: str


def _cuts(record: Record) -> list[_Cut]:
    """Those that a notice tells of; anybody may have written it."""
    about = record.extra.get("shortened") if isinstance(record.content, Noticed) else None
    cuts = about.get("cuts") if isinstance(about, dict) else None
    found = []
    for each in cuts if isinstance(cuts, list) else ():
        match each:
            case {"line": str(line), "head": int(head), "tail": int(tail), "note": str(note)}:
                if line and head >= 0 and tail >= 0:
                    found.append(_Cut(line=line, head=head, tail=tail, note=note))
            case _:
                pass
    return found


def _chars(message: Message) -> int:
    chars = len(message.text) + _AROUND_CHARS
    if isinstance(message, AssistantMessage):
        chars += len(message.thinking) + sum(len(call.arguments) for call in message.tool_calls)
    return chars


def _call(use: ToolUse) -> ToolCall:
    raw = use.input.get(RAW)
    written = isinstance(raw, str) and len(use.input) == 1
    arguments = raw if written else json.dumps(use.input, ensure_ascii=False)
    return ToolCall(call_id=CallId(use.use_id), name=use.name, arguments=str(arguments))


def _is_one_answer(first: Record, second: Record) -> bool:
    a, b = first.content, second.content
    return isinstance(a, Replied) and isinstance(b, Replied) and a.message_id == b.message_id


def _joined(lines: Sequence[Record]) -> Record:
    last = lines[-1].content
    if len(lines) == 1 or not isinstance(last, Replied):
        return lines[0]
    blocks = [line.content.blocks for line in lines if isinstance(line.content, Replied)]
    return replace(lines[0], content=replace(last, blocks=tuple(chain.from_iterable(blocks))))
