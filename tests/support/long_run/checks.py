"""What every request must hold, whoever reads it: looked at in the wire format, by the server."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ml_intern.context.counting import count_text

Wire = Mapping[str, Any]
AROUND = 7
"""Tokens that this server's template puts around each message and call."""


class Counter:
    """The server's own count of a request: `ratio` times that of o200k, and its template."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._known: dict[str, int] = {}

    def __call__(self, body: Wire) -> int:
        texts = [text for message in body["messages"] for text in _texts(message)]
        texts += [json.dumps(tool["function"]) for tool in body.get("tools", ())]
        return int(sum(AROUND + self._count(text) for text in texts) * self._ratio)

    def _count(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = count_text(text)
        return self._known[text]


def _texts(message: Wire) -> Iterator[str]:
    yield str(message.get("content") or "")
    yield str(message.get("reasoning_content") or "")
    for call in message.get("tool_calls") or ():
        yield call["function"]["name"]
        yield call["function"]["arguments"]


def malformed(messages: Sequence[Wire]) -> Iterator[str]:
    """What a strict provider would refuse; pairs of calls and answers the dialect looks at."""
    roles = [message["role"] for message in messages]
    if roles[:2] != ["system", "user"] or "system" in roles[1:]:
        yield f"it does not begin with one system prompt and the task: {roles[:3]}"
    if any(pair == ("user", "user") for pair in pairwise(roles)):
        yield "two messages of the user follow each other"
    if roles[-1] == "assistant":
        yield "it ends with an answer of the model"
    ids = [call["id"] for message in messages for call in message.get("tool_calls") or ()]
    if len(ids) != len(set(ids)):
        yield "two calls have one id"
    for message in messages:
        if not (message.get("content") or message.get("tool_calls")):
            yield f"a message of {message['role']} is empty"
        for call in message.get("tool_calls") or ():
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                yield f"the arguments of {call['id']} are no object"


def all_words(messages: Sequence[Wire]) -> str:
    """All that a model reads, with arguments as the strings that they hold."""
    parts: list[str] = []
    for message in messages:
        parts.append(str(message.get("content") or ""))
        for call in message.get("tool_calls") or ():
            parts += _strings(json.loads(call["function"]["arguments"]))
    return "\n".join(parts)


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _strings(each)
        case dict():
            for each in value.values():
                yield from _strings(each)
