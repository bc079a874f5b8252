"""What was said in a session file: its turns, and the messages that a model would be given.

A turn begins with words of a person. Every call has its one answer directly behind it, as model
clients demand, whatever the order of the lines; a call without a result gets one that says so.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
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


def stretches(records: Iterable[Record]) -> Iterator[list[Told]]:
    """As `told`, once before each compaction and once at the end: all that a model was given.

    What a compaction kept stands in the stretch before it and in that after it, as the same object.
    Raises TooLong.
    """
    conversation = _Conversation()
    for record in joined(records):
        said = record.content
        if isinstance(said, Said) and said.is_summary and not record.extra.get(NEW_CHAIN):
            yield conversation.end()
        conversation.take(record)
    yield conversation.end()


class _Conversation:
    def __init__(self) -> None:
        self._told: list[Told] = []
        self._chars = 0
        """Of what was told since the last compaction, and of what that kept."""
        self._open: dict[CallId, str] = {}
        """The calls that have no answer yet, with the names of their tools."""
        self._held_back: list[UserMessage] = []

    def take(self, record: Record) -> None:
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
            self._close()
            kept = record.extra.get("kept")
            count = kept if isinstance(kept, int) else 0
            recent = self._told[1:][-count:] if count > 0 else []
            first, self._told, self._chars = self._told[:1], [], 0
            summary = UserMessage(text=said.text, injected=True, summary=True)
            for message, model in (*first, (summary, ""), *recent):
                self._tell(message, model)
            return
        message = UserMessage(text=said.text, injected=said.is_meta)
        if self._open:
            self._held_back.append(message)
        else:
            self._tell(message)

    def _tell(self, message: Message, model: str = "") -> None:
        self._chars += _chars(message)
        if self._chars > MOST_CHARS:
            raise TooLong(f"A conversation of over {MOST_CHARS:,} characters")
        self._told.append((message, model))

    def _reply(self, replied: Replied) -> None:
        calls = tuple(_call(block) for block in replied.blocks if isinstance(block, ToolUse))
        texts = [block.text for block in replied.blocks if isinstance(block, Text)]
        thoughts = [block.text for block in replied.blocks if isinstance(block, Thinking)]
        if not calls and not "".join(texts).strip():
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
        for message in self._held_back:
            self._tell(message)
        self._held_back = []

    def _take_back(self) -> None:
        self._close()
        for place in range(len(self._told) - 1, -1, -1):
            message, _ = self._told[place]
            if isinstance(message, UserMessage) and not message.injected:
                self._chars -= sum(_chars(gone) for gone, _ in self._told[place:])
                del self._told[place:]
                return


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
