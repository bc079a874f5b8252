"""One object of a session file as the values of `line.py`: the inverse of `line.encode`, lenient.

What other programs write otherwise is read where it can mean one thing only; the rest is named.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any

from ml_intern.messages import Usage
from ml_intern.transcript.line import (
    EXTRA,
    RAW,
    UNTIMED,
    Answered,
    Block,
    Compacted,
    JsonObject,
    Level,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    Title,
    ToolUse,
    TurnTook,
)
from ml_intern.transcript.links import blocks_of
from ml_intern.transcript.problems import Problems

BESIDE = frozenset(
    (
        *("file-history-snapshot", "queue-operation", "permission-mode", "mode", "last-prompt"),
        *("attachment", "progress", "summary", "result", "agent-name", "pr-link", "worktree-state"),
    )
)
"""Types of lines that Claude Code writes beside the conversation; they are passed over."""

MOST_USD = 1e9
"""Of one answer."""
MOST_COUNT = 2**53
"""Of tokens, or milliseconds: what every reader of JSON can hold."""

_LEVELS: Mapping[str, Level] = {"info": "info", "warning": "warning", "error": "error"}
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """A line of a kind that belongs to no conversation we know."""

    type: str


Content = Said | Replied | Answered | Noticed | TurnTook | Compacted | Title | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One thing that a file says. A line with several tool results makes several records."""

    line: int
    """From 1."""
    content: Content
    uuid: str = ""
    parent: str | None = None
    session_id: str = ""
    at: datetime | None = None
    """None: the line has no time that can be read, or one that was made up."""
    version: str = ""
    program: str = ""
    """What wrote it: `ml-intern`, `cli` of Claude Code, empty."""
    cwd: str = ""
    is_sidechain: bool = False
    """It belongs to a sub-agent whose lines stand in the same file."""
    extra: JsonObject = field(default_factory=dict, hash=False)
    """What only we write, see `traces/README.md`."""


def records(number: int, fields: JsonObject, problems: Problems) -> Iterator[Record]:
    """What the object of line `number` says; nothing where it stands beside the conversation.

    What cannot be read is added to `problems`. Raises RecursionError.
    """
    type_ = _str(fields, "type")
    if type_ in BESIDE:
        return
    extra = _dict(fields, EXTRA)
    for content in _contents(number, type_, fields, problems):
        yield Record(
            line=number,
            content=content,
            uuid=_str(fields, "uuid"),
            parent=_str(fields, "parentUuid") or None,
            session_id=_str(fields, "sessionId"),
            at=None if extra.get(UNTIMED) is True else _at(number, fields, problems),
            version=_str(fields, "version"),
            program=_str(fields, "entrypoint"),
            cwd=_str(fields, "cwd"),
            is_sidechain=fields.get("isSidechain") is True,
            extra=extra,
        )


def _contents(number: int, type_: str, fields: JsonObject, problems: Problems) -> Iterator[Content]:
    match type_:
        case "user":
            yield from _user(number, fields, problems)
        case "assistant":
            yield _replied(number, fields, problems)
        case "system":
            yield _system(fields)
        case "ai-title" | "custom-title":
            title = _str(fields, "aiTitle") or _str(fields, "customTitle")
            yield Title(session_id=_str(fields, "sessionId"), title=title)
        case _:
            named = f"an unknown type of line, {type_!r}" if type_ else "a line without a type"
            problems.add(number, named)
            yield Unknown(type=type_)


def _user(number: int, fields: JsonObject, problems: Problems) -> Iterator[Content]:
    message = _dict(fields, "message")
    content = message.get("content")
    if not isinstance(content, str | list):
        problems.add(number, "a user's line without content")
        return
    for block in blocks_of(fields):
        if block.get("type") == "tool_result":
            yield _answered(fields, block)
    text = _plain_text(content)
    if text.strip():
        yield Said(
            text=text,
            is_meta=fields.get("isMeta") is True,
            is_summary=fields.get("isCompactSummary") is True,
        )


def _answered(fields: JsonObject, block: JsonObject) -> Answered:
    details = fields.get("toolUseResult")
    return Answered(
        use_id=_str(block, "tool_use_id"),
        text=_plain_text(block.get("content")),
        is_error=block.get("is_error") is True,
        details=details if isinstance(details, dict | str) else {},
        asked_in=_str(fields, "sourceToolAssistantUUID"),
    )


def _plain_text(content: Any) -> str:
    """The words of a content; what is no text is only named."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(filter(None, map(_words, content)))


def _words(block: Any) -> str:
    if isinstance(block, str):
        return block
    if not isinstance(block, dict) or block.get("type") == "tool_result":
        return ""
    if block.get("type") == "text":
        return _str(block, "text")
    return f"[{_str(block, 'type') or 'something'}]"


def _replied(number: int, fields: JsonObject, problems: Problems) -> Replied:
    message = _dict(fields, "message")
    content = message.get("content")
    if not isinstance(content, list):
        content = [{"type": "text", "text": content}] if isinstance(content, str) else []
    blocks = (_block(number, block, problems) for block in content)
    return Replied(
        message_id=_str(message, "id") or _str(fields, "uuid"),
        request_id=_str(fields, "requestId"),
        model=_str(message, "model"),
        blocks=tuple(block for block in blocks if block is not None),
        stop_reason=_str(message, "stop_reason"),
        usage=_usage(_dict(message, "usage")),
        cost_usd=cost(fields.get("costUSD")),
    )


def _block(number: int, block: Any, problems: Problems) -> Block | None:
    match block:
        case {"type": "text", "text": str(text)}:
            return Text(text=text)
        case {"type": "thinking", "thinking": str(text)}:
            return Thinking(text=text)
        case {"type": "redacted_thinking"}:
            return Thinking(text="[redacted thinking]")
        case {"type": "tool_use", "name": str(name)}:
            return _tool_use(number, block, name, problems)
        case _:
            kind = block.get("type") if isinstance(block, dict) else type(block).__name__
            problems.add(number, f"a block of an unknown type, {kind!r}")
            return None


def _tool_use(number: int, block: JsonObject, name: str, problems: Problems) -> ToolUse:
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        problems.add(number, f"the arguments of {name} are no object")
        arguments = {RAW: arguments if isinstance(arguments, str) else json.dumps(arguments)}
    return ToolUse(use_id=_str(block, "id"), name=name, input=arguments)


def cost(value: Any) -> float | None:
    """None for what is no sum of money: no finite number, or one that nobody pays."""
    is_sum = isinstance(value, int | float) and 0 <= value <= MOST_USD
    return float(value) if is_sum else None


def _usage(usage: JsonObject) -> Usage:
    return Usage(
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cache_read_tokens=_count(usage, "cache_read_input_tokens"),
        cache_write_tokens=_count(usage, "cache_creation_input_tokens"),
    )


def _system(fields: JsonObject) -> Content:
    text = _plain_text(fields.get("content"))
    match _str(fields, "subtype"):
        case "turn_duration":
            return TurnTook(duration_ms=_count(fields, "durationMs"))
        case "compact_boundary":
            about = _dict(fields, "compactMetadata")
            return Compacted(
                after=_str(fields, "logicalParentUuid"),
                before_tokens=_count(about, "preTokens"),
                text=text,
                trigger="manual" if about.get("trigger") == "manual" else "auto",
            )
        case _:
            level = _LEVELS.get(_str(fields, "level"), "info")
            return Noticed(text=text, level=level)


def _at(number: int, fields: JsonObject, problems: Problems) -> datetime | None:
    text = fields.get("timestamp")
    if text is None:
        return None
    at = moment(str(text))
    if at is None:
        problems.add(number, f"a time that cannot be read: {text!r:.60}")
    return at


def moment(text: str) -> datetime | None:
    """A time as it is written; in UTC where it names no zone.

    None: it is none, or at an edge of the calendar that other zones lie beyond.
    """
    try:
        at = datetime.fromisoformat(_FRACTION.sub(_microseconds, text))
    except ValueError:
        return None
    if not MINYEAR < at.year < MAXYEAR:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def seconds(about: Mapping[str, Any]) -> float | None:
    """How long it took, by its `durationMs`; None where that is no duration."""
    took = about.get("durationMs")
    return took / 1000 if isinstance(took, int | float) and 0 <= took < MOST_COUNT else None


def _str(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _dict(fields: Mapping[str, Any], key: str) -> JsonObject:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _count(fields: Mapping[str, Any], key: str) -> int:
    """0 for what is no number of tokens or milliseconds."""
    value = fields.get(key)
    return int(value) if isinstance(value, int | float) and 0 < value < MOST_COUNT else 0


def _microseconds(fraction: re.Match[str]) -> str:
    return f".{fraction[1]:0<6}"
