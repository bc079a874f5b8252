"""Session files of huggingface/ml-intern, which was retired: `session_logs/session_….json`.

One JSON object: `session_id`, `session_title`, `session_start_time`, `session_end_time`,
`model_name`, `messages` in the form of OpenAI's chat completions, and `events`, of which those
named `llm_call` tell what an answer took. Rows of its dataset hold the same with `messages` and
`events` as JSON text.
Source: `Session.get_trajectory` in its `agent/core/session.py`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ml_intern.messages import Usage
from ml_intern.tracing.importing.source import Saying, Source
from ml_intern.transcript.decoding import MOST_COUNT, cost, moment
from ml_intern.transcript.line import (
    Answered,
    Block,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    ToolUse,
    plain,
    tool_input,
)
from ml_intern.transcript.problems import Problems

_REFUSED = ("error", "failed", "exception")


def is_session(fields: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a session of that project."""
    return "session_id" in fields and isinstance(_decoded(fields.get("messages")), list)


def source_of(fields: Mapping[str, Any], problems: Problems, line: int = 0) -> Source:
    """The session that the object holds. What cannot be read is added to `problems`."""
    messages = _decoded(fields.get("messages"))
    reading = _Reading(fields, problems, line)
    return Source(
        session_id=plain(str(fields.get("session_id"))),
        title=plain(str(fields.get("session_title") or "")),
        began=_time(fields.get("session_start_time")),
        ended=_time(fields.get("session_end_time")),
        sayings=tuple(reading.sayings(messages if isinstance(messages, list) else [])),
    )


class _Reading:
    def __init__(self, fields: Mapping[str, Any], problems: Problems, line: int) -> None:
        self._model = str(fields.get("model_name") or "unknown")
        self._problems = problems
        self._line = line
        events = _decoded(fields.get("events"))
        self._calls = _model_calls(events if isinstance(events, list) else [])
        self._asked: set[str] = set()

    def sayings(self, messages: Sequence[Any]) -> Iterator[Saying]:
        answers = sum(_role(message) == "assistant" for message in messages)
        # A retried call is among them, unless the numbers agree.
        took = iter(self._calls if len(self._calls) == answers else ())
        for number, message in enumerate(messages):
            saying = self._saying(number, message, took)
            if saying is not None:
                yield saying

    def _saying(
        self, number: int, message: Any, took: Iterator[Mapping[str, Any]]
    ) -> Saying | None:
        if not isinstance(message, dict):
            self._trouble(number, "is no object")
            return None
        at = _time(message.get("timestamp"))
        match _role(message):
            case "system":
                return None
            case "user":
                return Saying(body=_said(message), at=at)
            case "assistant":
                replied = self._replied(number, message)
                call = next(took, None)
                return self._with_usage(replied, call, at)
            case "tool":
                return self._answered(number, message, at)
            case role:
                self._trouble(number, f"has the unknown role {role!r}")
                return None

    def _replied(self, number: int, message: Mapping[str, Any]) -> Replied:
        thoughts = message.get("reasoning_content")
        blocks: list[Block] = []
        if isinstance(thoughts, str) and thoughts.strip():
            blocks.append(Thinking(text=thoughts))
        blocks.append(Text(text=_text(message.get("content"))))
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            use = self._use(number, call)
            if use is not None:
                blocks.append(use)
        has_calls = isinstance(blocks[-1], ToolUse)
        return Replied(
            message_id=f"msg_{number}",
            request_id=f"req_{number}",
            model=self._model,
            blocks=tuple(blocks),
            stop_reason="tool_use" if has_calls else "end_turn",
            usage=Usage(),
        )

    def _use(self, number: int, call: Any) -> ToolUse | None:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            self._trouble(number, "has a tool call without a function")
            return None
        arguments = function.get("arguments")
        given = arguments if isinstance(arguments, str) else json.dumps(arguments)
        use_id = str(call.get("id") or f"call_{number}_{len(self._asked)}")
        self._asked.add(use_id)
        return ToolUse(use_id=use_id, name=str(function.get("name")), input=tool_input(given))

    def _with_usage(
        self, replied: Replied, call: Mapping[str, Any] | None, at: datetime | None
    ) -> Saying:
        if call is None:
            return Saying(body=replied, at=at)
        data = call.get("data")
        took = data if isinstance(data, dict) else {}
        cached = _count(took, "cache_read_tokens")
        usage = Usage(
            input_tokens=max(0, _count(took, "prompt_tokens") - cached),
            output_tokens=_count(took, "completion_tokens"),
            cache_read_tokens=cached,
            cache_write_tokens=_count(took, "cache_creation_tokens"),
        )
        # A cost of 0 means there that the price was not known.
        known = cost(took.get("cost_usd")) or None
        body = replace(
            replied, usage=usage, cost_usd=known, model=str(took.get("model") or replied.model)
        )
        return Saying(body=body, at=at or _time(call.get("timestamp")))

    def _answered(
        self, number: int, message: Mapping[str, Any], at: datetime | None
    ) -> Saying | None:
        use_id = str(message.get("tool_call_id") or "")
        text = _text(message.get("content"))
        if use_id not in self._asked:
            self._trouble(number, f"answers the call {use_id!r} that nobody made")
            words = f"An answer to no call: {text}"
            return Saying(body=Noticed(text=words, level="warning"), at=at)
        self._asked.discard(use_id)
        details = {"tool": str(message.get("name") or "")}
        is_error = text.lower().startswith(_REFUSED)
        body = Answered(use_id=use_id, text=text, is_error=is_error, details=details, asked_in="")
        return Saying(body=body, at=at)

    def _trouble(self, number: int, what: str) -> None:
        self._problems.add(self._line, f"message {number + 1} {what}")


def _said(message: Mapping[str, Any]) -> Said:
    return Said(text=_text(message.get("content")))


def _role(message: Any) -> str:
    return str(message.get("role")) if isinstance(message, dict) else ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else json.dumps(content)
    return "\n".join(
        block["text"]
        if isinstance(block, dict) and isinstance(block.get("text"), str)
        else json.dumps(block)
        for block in content
    )


def _model_calls(events: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [event for event in events if isinstance(event, dict) and _is_answer(event)]


def _is_answer(event: Mapping[str, Any]) -> bool:
    """Not of a sub-agent, a summary or a probe; early versions counted nothing else."""
    data = event.get("data")
    kind = data.get("kind", "main") if isinstance(data, dict) else ""
    return event.get("event_type") == "llm_call" and kind == "main"


def _decoded(value: Any) -> Any:
    """A list, also where it stands as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _time(value: Any) -> datetime | None:
    return moment(value) if isinstance(value, str) else None


def _count(fields: Mapping[str, Any], key: str) -> int:
    value = fields.get(key)
    return int(value) if isinstance(value, int | float) and 0 < value < MOST_COUNT else 0
