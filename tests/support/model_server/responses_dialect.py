"""OpenAI's `/v1/responses`, always streaming: what newer models of theirs call tools by."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.model_server.dialect import Body, first_words_of, pieces
from tests.support.model_server.script import Call, Reply

_numbers = itertools.count(1)


class ResponsesDialect:
    path = "/responses"
    content_type = "text/event-stream"

    def first_words(self, body: Body) -> str:
        return first_words_of(body["input"])

    def place(self, body: Body) -> int:
        """Words and calls of one answer are items of their own, one after the other."""
        ours = [_is_ours(each) for each in body["input"]]
        return sum(now and not before for before, now in itertools.pairwise([False, *ours]))

    def problem(self, body: Body) -> str | None:
        if not body.get("stream"):
            return "This server only streams; send 'stream': true."
        asked = _ids(body["input"], "function_call")
        answered = _ids(body["input"], "function_call_output")
        if left := [each for each in asked if each not in answered]:
            return f"No tool output found for function call {left[0]}."
        if odd := [each for each in answered if each not in asked]:
            return f"No tool call found for function call output with call_id {odd[0]}."
        return None

    def frames(self, reply: Reply, body: Body) -> Iterator[bytes]:
        response = {
            "id": f"resp_{next(_numbers)}",
            "object": "response",
            "created_at": 1_790_000_000,
            "model": body["model"],
            "status": "in_progress",
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        yield _event("response.created", response=response)
        output: list[dict[str, Any]] = []
        if reply.text:
            yield from _words(reply, output)
        for call in reply.calls:
            yield from _call(call, reply.pieces, output)
        ended = "incomplete" if reply.finish_reason == "length" else "completed"
        done = {**response, "status": ended, "output": output, "usage": _usage(reply)}
        if ended == "incomplete":
            done["incomplete_details"] = {"reason": "max_output_tokens"}
        yield _event(f"response.{ended}", response=done)

    def malformed(self) -> bytes:
        return b'event: response.output_text.delta\ndata: {"type": "response.output_te\n\n'

    def error(self, status: int, message: str, code: str) -> bytes:
        return json.dumps({"error": _error(message, code)}).encode()

    def error_event(self, message: str, code: str) -> bytes:
        return _event("error", **_error(message, code))


def _is_ours(item: Mapping[str, Any]) -> bool:
    return item.get("role") == "assistant" or item.get("type") == "function_call"


def _ids(items: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    return [item["call_id"] for item in items if item.get("type") == kind]


def _words(reply: Reply, output: list[dict[str, Any]]) -> Iterator[bytes]:
    at = {"output_index": len(output)}
    item = {"id": f"msg_{next(_numbers)}", "type": "message", "role": "assistant"}
    yield _event("response.output_item.added", item={**item, "content": []}, **at)
    for piece in pieces(reply.text, reply.pieces):
        place = {**at, "item_id": item["id"], "content_index": 0}
        yield _event("response.output_text.delta", delta=piece, **place)
    text = {"type": "output_text", "text": reply.text, "annotations": []}
    output.append({**item, "status": "completed", "content": [text]})
    yield _event("response.output_item.done", item=output[-1], **at)


def _call(call: Call, count: int, output: list[dict[str, Any]]) -> Iterator[bytes]:
    at = {"output_index": len(output)}
    number = next(_numbers)
    item = {
        "id": f"fc_{number}",
        "type": "function_call",
        "call_id": call.call_id or f"call_{number}",
        "name": call.name,
    }
    yield _event("response.output_item.added", item={**item, "arguments": ""}, **at)
    for piece in pieces(call.arguments_text, count):
        yield _event(
            "response.function_call_arguments.delta", delta=piece, item_id=item["id"], **at
        )
    done = {"arguments": call.arguments_text, "item_id": item["id"]}
    yield _event("response.function_call_arguments.done", **done, **at)
    output.append({**item, "arguments": call.arguments_text, "status": "completed"})
    yield _event("response.output_item.done", item=output[-1], **at)


def _usage(reply: Reply) -> dict[str, Any]:
    read = reply.input_tokens or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": reply.cache_read_tokens},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + reply.output_tokens,
    }


def _error(message: str, code: str) -> dict[str, Any]:
    return {"message": message, "type": "invalid_request_error", "code": code or None}


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()
