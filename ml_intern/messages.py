"""What a model reads and writes: the one form that every model client translates to and from.

Plain data. Tool arguments stay the raw text that the model wrote; the router parses and judges it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NewType

SessionId = NewType("SessionId", str)
"""A UUID; also the name of the session's trace file."""
CallId = NewType("CallId", str)
"""One tool call; unique within its session."""
ApprovalId = NewType("ApprovalId", str)
NOT_FINISHED = "Not finished: "
"""Begins the answer to a call that was ended before it was done or decided, and then says why."""
Choice = Literal["retry", "done", "skip"]
"""What a person says of a call whose effect nobody can look up: start it again, it took effect, or
let it be.
"""
JobId = NewType("JobId", str)
"""A long job; the id of the call that launched it, so that a crash cannot lose it."""


def short_request(call_id: CallId) -> str:
    """By what a model names a call of its own that waits."""
    return call_id[:13]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One call that a model asks for."""

    call_id: CallId
    name: str
    arguments: str
    """JSON text as the model wrote it; it may be malformed."""


@dataclass(frozen=True, kw_only=True)
class SystemMessage:
    """How to work, and what is true for this session."""

    text: str
    role: Literal["system"] = "system"


@dataclass(frozen=True, kw_only=True)
class UserMessage:
    """Words of a person, or of the harness in a person's place (`injected`)."""

    text: str
    injected: bool = False
    summary: bool = False
    """It stands for what was said before it, and is also `injected`."""
    outcome_of: CallId | None = None
    """The parked call whose outcome it tells; it is also `injected`."""
    recalled: bool = False
    """It was said in another session, which this one goes on from."""
    role: Literal["user"] = "user"


@dataclass(frozen=True, kw_only=True)
class AssistantMessage:
    """One answer of the model: words, calls, or both."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    signed: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    """Its thoughts with the provider's signature. They go back only to the model that had them, and
    only within the run of calls under way.
    """
    model: str = ""
    """That gave it; empty: from a version that did not say, or another session."""
    role: Literal["assistant"] = "assistant"


@dataclass(frozen=True, kw_only=True)
class ToolMessage:
    """The one answer to one call."""

    call_id: CallId
    name: str
    text: str
    is_error: bool = False
    role: Literal["tool"] = "tool"


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one model call. `input_tokens` does not contain the cached ones."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
