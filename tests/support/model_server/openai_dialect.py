"""OpenAI's `/v1/chat/completions`, always streaming."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.model_server.dialect import Body, answers_in, first_words_of, pieces
from tests.support.model_server.script import Reply

_numbers = itertools.count(1)

UNANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: "
)
UNASKED = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
    "'tool_calls'."
)


class OpenAIDialect:
    path = "/chat/completions"
    content_type = "text/event-stream"

    def first_words(self, body: Body) -> str:
        return first_words_of(body["messages"])

    def place(self, body: Body) -> int:
        return answers_in(body["messages"])

    def problem(self, body: Body) -> str | None:
        if not body.get("stream"):
            return "This server only streams; send 'stream': true."
        return unpaired(body["messages"])

    def frames(self, reply: Reply, body: Body) -> Iterator[bytes]:
        base = {
            "id": f"chatcmpl-{next(_numbers)}",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": body["model"],
        }
        for delta in _deltas(reply):
            yield _event(base | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        last = {"index": 0, "delta": {}, "finish_reason": reply.finish_reason}
        yield _event(base | {"choices": [last]})
        wanted = (body.get("stream_options") or {}).get("include_usage")
        if wanted and reply.input_tokens is not None:
            yield _event(base | {"choices": [], "usage": _usage(reply, reply.input_tokens)})
        yield b"data: [DONE]\n\n"

    def malformed(self) -> bytes:
        return b'data: {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"conte\n\n'

    def error(self, status: int, message: str, code: str) -> bytes:
        return json.dumps({"error": _error(message, code)}).encode()

    def error_event(self, message: str, code: str) -> bytes:
        return _event({"error": _error(message, code)})


def unpaired(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """What OpenAI says when calls and their answers do not match; None when they do."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                return UNASKED
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            return UNANSWERED + ", ".join(open_calls)
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
        if twice := {each for each in open_calls if open_calls.count(each) > 1}:
            return f"Duplicate value for 'tool_call_id' of '{twice.pop()}' in message[{index}]"
    return UNANSWERED + ", ".join(open_calls) if open_calls else None


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in pieces(reply.thinking, reply.pieces):
        yield {"reasoning_content": piece}
    for piece in pieces(reply.text, reply.pieces):
        yield {"content": piece}
    for index, call in enumerate(reply.calls):
        function = {"name": call.name, "arguments": ""}
        call_id = call.call_id or f"call_{next(_numbers)}"
        start = {"index": index, "id": call_id, "type": "function", "function": function}
        yield {"tool_calls": [start]}
        for piece in pieces(call.arguments_text, reply.pieces):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _usage(reply: Reply, input_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": input_tokens + reply.output_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cache_read_tokens},
    }


def _error(message: str, code: str) -> dict[str, Any]:
    return {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": code or None,
    }


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
