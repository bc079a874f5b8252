"""A model that answers from a script: for tests, demonstrations and rehearsals without any model.

The answers come from a list, one per request, or from a function of the request. The same script
gives the same answers; several threads may ask, each request takes the next answer. A script that
is over refuses, so that a loop that asks too often is seen and not served.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ml_intern.errors import ModelError, Refused
from ml_intern.llm.client import ModelReply, ignore_text, never
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolSpec, Usage

PREFIX = "scripted/"
Answer = ModelReply | AssistantMessage | str | ModelError
"""What a script may hold: a whole reply, a message, words, or the error to raise instead."""
Script = Callable[[Sequence[Message], Sequence[ToolSpec]], Answer]


class ScriptedModel:
    """A `ModelClient` whose answers are known before it is asked."""

    def __init__(
        self, name: str, replies: Iterable[Answer] | Script, *, worst_cost: int | None = 0
    ) -> None:
        """`worst_cost`: what it says that a request may cost, see `worst_cost_micro_usd`."""
        self.name = name
        self._worst_cost = worst_cost
        self._script: Script = replies if callable(replies) else _Lines(name, replies)

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """The next answer. Raises what the script says, and Refused when it is over."""
        answer = self._script(messages, tools)
        if isinstance(answer, ModelError):
            raise answer
        reply = self._as_reply(answer)
        if reply.message.text:
            on_text(reply.message.text)
        return reply

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """What it was told to say; nothing unless it was."""
        return self._worst_cost

    def _as_reply(self, answer: ModelReply | AssistantMessage | str) -> ModelReply:
        if isinstance(answer, ModelReply):
            return answer
        message = AssistantMessage(text=answer) if isinstance(answer, str) else answer
        return ModelReply(
            message=message,
            stop_reason="tool_calls" if message.tool_calls else "end",
            model=self.name,
            cost_micro_usd=0,
        )


class _Lines:
    """A list of answers as a script."""

    def __init__(self, name: str, replies: Iterable[Answer]) -> None:
        self._name = name
        self._lock = threading.Lock()  # protects both fields below
        self._replies: Iterator[Answer] = iter(replies)
        self._given = 0

    def __call__(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Answer:
        with self._lock:
            answer = next(self._replies, None)
            if answer is None:
                raise Refused(
                    f"The script of the model {self._name!r} is over after {self._given} answers; "
                    "give it more lines, or another model to the session."
                )
            self._given += 1
            return answer


def calling(text: str = "", /, **calls: dict[str, Any]) -> AssistantMessage:
    """A message that calls tools, one per name: `calling("look", read={"path": "a.txt"})`."""
    return AssistantMessage(
        text=text,
        tool_calls=tuple(
            ToolCall(
                call_id=CallId(f"{name}-{index}"),
                name=name,
                arguments=json.dumps(arguments, ensure_ascii=False),
            )
            for index, (name, arguments) in enumerate(calls.items())
        ),
    )
