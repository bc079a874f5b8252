"""Anthropic's `/v1/messages`, always streaming."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.model_server.dialect import Body, answers_in, first_words_of, pieces
from tests.support.model_server.script import Call, Reply

_numbers = itertools.count(1)
_STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


class AnthropicDialect:
    path = "/v1/messages"
    content_type = "text/event-stream"

    def first_words(self, body: Body) -> str:
        return first_words_of(body["messages"])

    def place(self, body: Body) -> int:
        return answers_in(body["messages"])

    def problem(self, body: Body) -> str | None:
        if not body.get("stream"):
            return "This server only streams; send 'stream': true."
        if "max_tokens" not in body:
            return "max_tokens: Field required"
        return unpaired(body["messages"])

    def frames(self, reply: Reply, body: Body) -> Iterator[bytes]:
        yield _event("message_start", message=_message(reply, body["model"]))
        for index, (start, deltas) in enumerate(_blocks(reply)):
            yield _event("content_block_start", index=index, content_block=start)
            for delta in deltas:
                yield _event("content_block_delta", index=index, delta=delta)
            yield _event("content_block_stop", index=index)
        stop = {"stop_reason": _STOP_REASONS[reply.finish_reason], "stop_sequence": None}
        yield _event("message_delta", delta=stop, usage={"output_tokens": reply.output_tokens})
        yield _event("message_stop")

    def malformed(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'

    def error(self, status: int, message: str, code: str) -> bytes:
        return json.dumps({"type": "error", "error": _error(message, code)}).encode()

    def error_event(self, message: str, code: str) -> bytes:
        return _event("error", error=_error(message, code or "overloaded_error"))


def unpaired(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """What Anthropic says when calls and their answers do not match; None when they do."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        answered = _ids(message, "tool_result", "tool_use_id")
        for position, call_id in enumerate(answered):
            if call_id not in open_calls:
                return (
                    f"messages.{index}.content.{position}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {call_id}. Each `tool_result` block must have a "
                    "corresponding `tool_use` block in the previous message."
                )
            if answered.count(call_id) > 1:
                return (
                    f"messages.{index}.content.{position}: each tool_use must have a single "
                    f"result. Found multiple `tool_result` blocks with id: {call_id}"
                )
        if left := [each for each in open_calls if each not in answered]:
            return _unanswered(index - 1, left)
        open_calls = _ids(message, "tool_use", "id")
        if len(set(open_calls)) < len(open_calls):
            return "messages: `tool_use` ids must be unique"
    return _unanswered(len(messages) - 1, open_calls) if open_calls else None


def _unanswered(index: int, call_ids: Sequence[str]) -> str:
    return (
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
        f"after: {', '.join(call_ids)}. Each `tool_use` block must have a corresponding "
        "`tool_result` block in the next message."
    )


def _ids(message: Mapping[str, Any], kind: str, field: str) -> list[str]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [block[field] for block in blocks if block.get("type") == kind]


def _message(reply: Reply, model: str) -> dict[str, Any]:
    usage = {
        "input_tokens": (reply.input_tokens or 0)
        - reply.cache_read_tokens
        - reply.cache_write_tokens,
        "cache_read_input_tokens": reply.cache_read_tokens,
        "cache_creation_input_tokens": reply.cache_write_tokens,
        "output_tokens": 1,
    }
    return {
        "id": f"msg_{next(_numbers)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _blocks(reply: Reply) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    if reply.thinking:
        thoughts = pieces(reply.thinking, reply.pieces)
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in thoughts]
        sealed = {"type": "signature_delta", "signature": "c2lnbmVk"}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, sealed]
    if reply.text:
        said = pieces(reply.text, reply.pieces)
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": each} for each in said]
    for call in reply.calls:
        yield _tool_use(call), _arguments(call, reply.pieces)


def _tool_use(call: Call) -> dict[str, Any]:
    call_id = call.call_id or f"toolu_{next(_numbers)}"
    return {"type": "tool_use", "id": call_id, "name": call.name, "input": {}}


def _arguments(call: Call, count: int) -> list[dict[str, Any]]:
    return [
        {"type": "input_json_delta", "partial_json": piece}
        for piece in ("", *pieces(call.arguments_text, count))
    ]


def _error(message: str, code: str) -> dict[str, Any]:
    return {"type": code or "invalid_request_error", "message": message}


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()
