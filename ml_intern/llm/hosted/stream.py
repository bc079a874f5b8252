"""An answer as it grows: from LiteLLM's pieces to one reply. Pure; belongs to one thread.

Pieces of a call are put together by their index. Servers are free with indices and ids, so a piece
also begins a new call when it brings another id, or a name after arguments that were complete.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_intern.llm.hosted.meaning import LARGEST_WINDOW
from ml_intern.messages import AssistantMessage, CallId, ToolCall, Usage

StopReason = Literal["end", "tool_calls", "length"]


@dataclass
class _GrowingCall:
    index: int
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)

    def continues(self, call_id: str, name: str) -> bool:
        """Whether a piece with the same index belongs to this call."""
        if call_id and self.call_id:
            return call_id == self.call_id
        return not (name and self.name and _is_complete(self.arguments))


class Answer:
    """What of an answer has arrived."""

    def __init__(self) -> None:
        self.usage = Usage()
        self.finish_reason: str | None = None
        """The provider's, as LiteLLM writes it; invented by LiteLLM when a stream just ends."""
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._signed: list[dict[str, Any]] = []
        self._calls: list[_GrowingCall] = []

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def has_begun(self) -> bool:
        """Something that the model made has arrived, not only the frame for it."""
        return bool(self._text or self._thinking or self._calls)

    def take(self, chunk: Any) -> str:
        """Take up a chunk (a `ModelResponseStream` of LiteLLM); its piece of text, often none."""
        if usage := getattr(chunk, "usage", None):
            self.usage = usage_of(usage)
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        delta = choice.delta
        for piece in delta.tool_calls or ():
            self._take_call(piece)
        if thought := getattr(delta, "reasoning_content", None):
            self._thinking.append(thought)
        for block in getattr(delta, "thinking_blocks", None) or ():
            self._take_thought(block)
        text: str = delta.content or ""
        if text:
            self._text.append(text)
        return text

    @property
    def stop_reason(self) -> StopReason:
        if self.finish_reason == "length":
            return "length"
        return "tool_calls" if self._calls else "end"

    def message(self) -> AssistantMessage:
        """The whole answer, every call with an id that no other call of it has."""
        return AssistantMessage(
            text=self.text,
            thinking="".join(self._thinking),
            tool_calls=tuple(self._finished()),
            signed=tuple(each for each in self._signed if each.get("signature") or "data" in each),
        )

    def _take_thought(self, block: Mapping[str, Any]) -> None:
        """A piece of a thought; the one with the signature ends it. Withheld ones come whole."""
        if block.get("type") != "thinking":
            self._signed.append(dict(block))
            return
        if not self._signed or "signature" in self._signed[-1] or "data" in self._signed[-1]:
            self._signed.append({"type": "thinking", "thinking": ""})
        thought = self._signed[-1]
        thought["thinking"] += block.get("thinking") or ""
        if signature := block.get("signature"):
            thought["signature"] = signature

    def _take_call(self, piece: Any) -> None:
        function = piece.function
        call_id, name = piece.id or "", (function.name if function else None) or ""
        call = self._call_at(piece.index or 0, call_id, name)
        call.call_id = call.call_id or call_id
        call.name = call.name or name
        if arguments := function.arguments if function else None:
            call.pieces.append(_text_of(arguments))

    def _call_at(self, index: int, call_id: str, name: str) -> _GrowingCall:
        for call in reversed(self._calls):
            if call.index == index:
                if call.continues(call_id, name):
                    return call
                break
        call = _GrowingCall(index)
        self._calls.append(call)
        return call

    def _finished(self) -> list[ToolCall]:
        used: set[str] = set()
        calls = []
        for number, call in enumerate(self._calls):
            call_id = call.call_id
            if not call_id or call_id in used:
                call_id = f"{call_id or 'call'}_{number}"
            used.add(call_id)
            calls.append(
                ToolCall(call_id=CallId(call_id), name=call.name, arguments=call.arguments)
            )
        return calls


def usage_of(usage: Any) -> Usage:
    """LiteLLM's count as ours: its `prompt_tokens` hold the cached ones, our input does not.

    Of a server that counts what nobody can have sent, nothing: such a number would make money.
    """
    details = getattr(usage, "prompt_tokens_details", None)
    read = _count(details, "cached_tokens") or _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens") or _count(
        details, "cache_creation_tokens"
    )
    sent, answered = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if max(sent, answered, read, written) > LARGEST_WINDOW:
        return Usage()
    return Usage(
        input_tokens=max(0, sent - read - written),
        output_tokens=answered,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _count(holder: Any, field: str) -> int:
    """A number of tokens; some servers say something else."""
    found = getattr(holder, field, None)
    return found if isinstance(found, int) and found > 0 else 0


def _text_of(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _is_complete(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True
