"""One line of a session file in the format of Claude Code: from values to bytes.

Many programs read such files, each with narrow spots of its own; `encode` writes what all of them
take: one ASCII JSON object without blanks between tokens and with a newline at its end, no NaN, no
integer over 64 bits, no half surrogate, no NUL, no null under a name that token counters stumble
over, and nothing empty where a reader expects words. Redacting, shortening and linking lines is
not done here: see `ml_intern/tracing/`.
"""

import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, assert_never

from ml_intern.clock import stamp
from ml_intern.messages import Usage

Level = Literal["info", "warning", "error"]
JsonObject = dict[str, Any]

CWD = "/workspace"
"""The one working directory that lines name: the true one would be published with them."""
PROGRAM = "ml-intern"
EXTRA = "mlIntern"
"""The key of everything that only we read."""
NEW_CHAIN = "newChain"
"""Key of our extra on a compaction that is none: only the chain of lines begins anew there."""
UNTIMED = "untimed"
"""Key of our extra on a line whose time nobody knows; the one that readers demand is made up."""
IMPORTED_FROM = "importedFrom"
"""Key of our extra on the first line of an imported session: what its source says of all of it,
`sessionId` and, where they stand there, `beganAt` and `endedAt`.
"""
EMPTY_ANSWER = "(empty answer)"
"""Stands where a model said and called nothing."""
RAW = "_raw"
"""The one field of arguments that were no JSON object: what the model wrote instead."""
MAX_DEPTH = 64
"""Nesting of the JSON of a line; readers walk it recursively."""
ENVELOPE_DEPTH = 8
"""As many levels of it may be ours, around a value of somebody else's."""
NULL_KILLERS = frozenset(
    (
        *("id", "cwd", "model", "speed", "costUSD", "version", "sessionId", "requestId"),
        *("isApiErrorMessage", "cache_read_input_tokens", "cache_creation_input_tokens"),
    )
)
"""A null under one of these, anywhere on a line, makes a token counter drop the line's usage."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_THREE_NUMBERS = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words of the model."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """What the model thought before it spoke."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """A call, as the model asked for it."""

    use_id: str
    name: str
    input: JsonObject = field(hash=False)


Block = Text | Thinking | ToolUse


@dataclass(frozen=True, kw_only=True)
class Said:
    """Words before the model: of a person, of the harness (`is_meta`), or a summary of what went
    before.
    """

    text: str
    is_meta: bool = False
    is_summary: bool = False


@dataclass(frozen=True, kw_only=True)
class Replied:
    """One whole answer of the model."""

    message_id: str
    request_id: str
    model: str
    blocks: tuple[Block, ...]
    stop_reason: str
    usage: Usage
    cost_usd: float | None = None
    """None: unknown."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The one answer to one call. `details` is for programs: an object, or words on a refusal."""

    use_id: str
    text: str
    is_error: bool
    details: JsonObject | str = field(hash=False)
    asked_in: str
    """`uuid` of the line that holds the call."""


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """Something that happened beside the conversation."""

    text: str
    level: Level = "info"


@dataclass(frozen=True, kw_only=True)
class TurnTook:
    """A turn came to its end."""

    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """From here on the model sees a summary, which is the next line, instead of the lines above."""

    after: str
    """`uuid` of the last line above; the line's own parent may be None."""
    before_tokens: int
    text: str = "Conversation compacted"
    trigger: Literal["auto", "manual"] = "auto"


Body = Said | Replied | Answered | Noticed | TurnTook | Compacted


@dataclass(frozen=True, kw_only=True)
class Line:
    """One link of the chain of lines. `extra` is JSON that only we read."""

    session_id: str
    uuid: str
    parent: str | None
    at: datetime
    version: str
    """Of the program that wrote it; three numbers."""
    body: Body
    extra: JsonObject = field(default_factory=dict, hash=False)
    agent_id: str = ""
    """Hexadecimal, of the sub-agent in whose own file the line stands; `session_id` is that of the
    session which asked for it.
    """


@dataclass(frozen=True, kw_only=True)
class Title:
    """The session's title: a line outside the chain."""

    session_id: str
    title: str
    extra: JsonObject = field(default_factory=dict, hash=False)


def line_uuid(session_id: str, index: str) -> str:
    """The uuid of a line, from its session and its place there: writing a session again gives the
    same.

    Raises ValueError when `session_id` is not a UUID.
    """
    return str(uuid.uuid5(uuid.UUID(session_id), index))


def three_numbers(version: str) -> str:
    """`version` in the only form that every reader takes, e.g. `0.2.0` for `v0.2.0.dev1`."""
    found = _THREE_NUMBERS.search(version)
    return found.group() if found else "0.0.0"


def tool_input(arguments: str) -> JsonObject:
    """What a model wrote as arguments, as the object that readers demand.

    Text that is not a JSON object comes back whole under `RAW`.
    """
    try:
        value = json.loads(arguments)
        if isinstance(value, dict):
            return plain(value, ENVELOPE_DEPTH)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        pass
    return {RAW: _clean(arguments)}


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON that every reader takes; numbers that they do not take become text.

    Raises ValueError when it is nested more than `MAX_DEPTH` deep; `depth` levels are around it
    already.
    """
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else _long_number(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        return {_clean(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return _clean(str(value))


def encode(line: Line | Title) -> bytes:
    """The line with its newline. Raises ValueError for values that are nested too deep."""
    fields = _title(line) if isinstance(line, Title) else _envelope(line) | _body(line.body)
    if line.extra:
        fields[EXTRA] = line.extra
    fields = plain(fields)
    if isinstance(line, Line) and isinstance(line.body, Replied):
        fields = _without_killers(fields)
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def _clean(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    if _SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def _long_number(value: int) -> str:
    # Python refuses to write very long numbers in decimal.
    return str(value) if value.bit_length() < 10_000 else hex(value)


def _without_killers(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_killers(item)
            for key, item in value.items()
            if not (item is None and key in NULL_KILLERS)
        }
    if isinstance(value, list):
        return [_without_killers(item) for item in value]
    return value


def _words(text: str, otherwise: str) -> str:
    return text if text.strip() else otherwise


def _title(line: Title) -> JsonObject:
    title = _words(line.title, "Untitled")
    return {"type": "ai-title", "aiTitle": title, "sessionId": line.session_id}


def _envelope(line: Line) -> JsonObject:
    return {
        "parentUuid": line.parent,
        "isSidechain": bool(line.agent_id),
        **({"agentId": line.agent_id} if line.agent_id else {}),
        "userType": "external",
        "cwd": CWD,
        "sessionId": line.session_id,
        "version": three_numbers(line.version),
        "entrypoint": PROGRAM,
        "type": _type(line.body),
        "uuid": line.uuid,
        "timestamp": stamp(line.at),
    }


def _type(body: Body) -> str:
    match body:
        case Said() | Answered():
            return "user"
        case Replied():
            return "assistant"
        case Noticed() | TurnTook() | Compacted():
            return "system"
        case _:
            assert_never(body)


def _body(body: Body) -> JsonObject:
    match body:
        case Said():
            return _said(body)
        case Replied():
            return _replied(body)
        case Answered():
            return _answered(body)
        case Noticed():
            content = _words(body.text, "(no words)")
            return {"subtype": "informational", "content": content, "level": body.level}
        case TurnTook():
            return {"subtype": "turn_duration", "durationMs": body.duration_ms}
        case Compacted():
            return _compacted(body)
        case _:
            assert_never(body)


def _said(body: Said) -> JsonObject:
    marks: JsonObject = {"isMeta": True} if body.is_meta else {}
    if body.is_summary:
        marks |= {"isCompactSummary": True, "isVisibleInTranscriptOnly": True}
    content = _words(body.text, "(no words)")
    return {**marks, "message": {"role": "user", "content": content}}


def _replied(body: Replied) -> JsonObject:
    blocks = [_block(block) for block in body.blocks if not _is_blank(block)]
    message = {
        "id": body.message_id,
        "type": "message",
        "role": "assistant",
        "model": _words(body.model, "unknown"),
        "content": blocks or [_block(Text(text=EMPTY_ANSWER))],
        "stop_reason": body.stop_reason,
        "stop_sequence": None,
        "usage": _usage(body.usage),
    }
    cost = {} if body.cost_usd is None else {"costUSD": body.cost_usd}
    return {"message": message, "requestId": body.request_id, **cost}


def _is_blank(block: Block) -> bool:
    return isinstance(block, Text | Thinking) and not block.text.strip()


def _block(block: Block) -> JsonObject:
    match block:
        case Text():
            return {"type": "text", "text": block.text}
        case Thinking():
            return {"type": "thinking", "thinking": block.text}
        case ToolUse():
            name = _words(block.name, "unnamed")
            return {"type": "tool_use", "id": block.use_id, "name": name, "input": block.input}
        case _:
            assert_never(block)


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
    }


def _answered(body: Answered) -> JsonObject:
    result = {
        "type": "tool_result",
        "tool_use_id": body.use_id,
        "content": _words(body.text, "(no output)"),
        "is_error": body.is_error,
    }
    return {
        "message": {"role": "user", "content": [result]},
        "toolUseResult": body.details,
        "sourceToolAssistantUUID": body.asked_in,
    }


def _compacted(body: Compacted) -> JsonObject:
    return {
        "subtype": "compact_boundary",
        "content": _words(body.text, "Conversation compacted"),
        "level": "info",
        "logicalParentUuid": body.after,
        "compactMetadata": {"trigger": body.trigger, "preTokens": body.before_tokens},
    }
