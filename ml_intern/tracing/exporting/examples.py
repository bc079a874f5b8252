"""From the records of a session to training examples in TRL's conversational format.

An example holds what one model was given and what it answered: `messages`, and in `tools` the
schemas of the tools that it called. A session that was compacted, or in which results were cut for
the model, gives one for each stretch, as the model saw it: the task, the summary, what was kept.
Its answers stand whole, also where it saw less of them later (`seen_whole`). There are no ids: the
results of a call stand behind it, in the order of the calls.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ml_intern.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from ml_intern.tracing.exporting import schemas
from ml_intern.transcript.conversation import Told, stretches
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import PROGRAM, JsonObject, plain

THOUGHTS = "reasoning_content"
"""As most chat templates with thoughts call them; others pass it over."""
_Begun = SystemMessage | UserMessage | AssistantMessage
"""A message that is no result; results stand behind one."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One line of the export."""

    messages: list[JsonObject]
    tools: list[JsonObject]
    inferred: tuple[str, ...]
    """The tools whose schema is made of the calls that were seen."""
    seen_whole: bool = True
    """False: of some answers that stand here whole, the model saw less when it gave later ones."""

    def as_json(self) -> JsonObject:
        """The line."""
        return {"messages": self.messages, "tools": self.tools, "seen_whole": self.seen_whole}


def examples(
    records: Iterable[Record], known: Mapping[str, ToolSpec], thoughts: str = THOUGHTS
) -> Iterator[Example]:
    """One for each stretch in which a model answers; `known`: the tools whose schema we have.
    `thoughts`: the field of an answer that holds what the model thought; empty: it has none.

    Each ends with the last answer. Left out are words that no model said (those with which we
    end a turn that failed), and calls whose arguments were no JSON object, with their results.
    Holds two stretches in memory. Raises TooLong.
    """
    before: Sequence[Told] = ()
    origin = _Origin()
    for stretch in stretches(origin.noting(records)):
        # By identity, which holds as long as the stretch before is held.
        seen = {id(message) for message, _ in before}
        before = stretch.told
        if any(_is_models(*one) and id(one[0]) not in seen for one in before):
            example = _example(before, known if origin.is_ours else {}, thoughts)
            if example.messages:
                yield replace(example, seen_whole=not stretch.shortened)


class _Origin:
    """Whether tools of our names are our tools: not in sessions of other programs."""

    def __init__(self) -> None:
        self._first: Record | None = None
        """That names the program which wrote it."""

    def noting(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if self._first is None and record.program:
                self._first = record
            yield record

    @property
    def is_ours(self) -> bool:
        """By the records so far."""
        if self._first is None:
            return False
        is_imported = self._first.extra.get("imported")
        return (self._first.extra.get("program") if is_imported else self._first.program) == PROGRAM


def _is_models(message: Message, model: str) -> bool:
    return isinstance(message, AssistantMessage) and model != PROGRAM


def _example(
    stretch: Sequence[tuple[Message, str]], known: Mapping[str, ToolSpec], thoughts: str
) -> Example:
    messages: list[JsonObject] = []
    calls: dict[str, list[JsonObject]] = {}
    for message, answers in _exchanges(stretch):
        if isinstance(message, AssistantMessage):
            thought = {thoughts: message.thinking} if thoughts and message.thinking.strip() else {}
            messages += _answer(message, answers, calls, thought)
        else:
            messages.append({"role": message.role, "content": message.text})
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    return Example(
        messages=messages,
        tools=[_tool(name, seen, known.get(name)) for name, seen in sorted(calls.items())],
        inferred=tuple(sorted(calls.keys() - known.keys())),
    )


def _exchanges(
    stretch: Sequence[tuple[Message, str]],
) -> Iterator[tuple[_Begun, list[ToolMessage]]]:
    """Each message with the results that stand behind it; none of those that no model said."""
    found: list[tuple[_Begun, list[ToolMessage]]] = []
    for message, model in stretch:
        if not isinstance(message, ToolMessage):
            found.append((message, []))
        elif found:
            found[-1][1].append(message)
        if isinstance(message, AssistantMessage) and model == PROGRAM:
            found.pop()
    yield from found


def _answer(
    message: AssistantMessage,
    answers: Sequence[ToolMessage],
    calls: dict[str, list[JsonObject]],
    thought: JsonObject,
) -> Iterator[JsonObject]:
    """As TRL has it, with its results; the arguments are added to `calls`, by tool."""
    said = {"role": "assistant", "content": message.text, **thought}
    shown, results = [], []
    by_id = {answer.call_id: answer for answer in answers}
    for call in message.tool_calls:
        arguments = _arguments(call)
        if arguments is None or call.call_id not in by_id:
            continue
        calls.setdefault(call.name, []).append(arguments)
        shown.append({"type": "function", "function": {"name": call.name, "arguments": arguments}})
        results.append({"role": "tool", "name": call.name, "content": by_id[call.call_id].text})
    if shown:
        yield {**said, "tool_calls": shown}
        yield from results
    elif message.text.strip():
        yield said


def _arguments(call: ToolCall) -> JsonObject | None:
    """None: what the model wrote is no JSON object."""
    try:
        value = plain(json.loads(call.arguments))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _tool(name: str, calls: Sequence[JsonObject], spec: ToolSpec | None) -> JsonObject:
    function = {
        "name": name,
        "description": spec.description if spec else schemas.DESCRIPTION,
        "parameters": spec.parameters if spec else schemas.inferred(calls),
    }
    return {"type": "function", "function": function}
