"""Ollama's `/api/chat`: a JSON object per line, calls whole and without ids."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.model_server.dialect import Body, answers_in, first_words_of, pieces
from tests.support.model_server.script import Reply


class OllamaDialect:
    path = "/api/chat"
    content_type = "application/x-ndjson"

    def first_words(self, body: Body) -> str:
        return first_words_of(body["messages"])

    def place(self, body: Body) -> int:
        return answers_in(body["messages"])

    def problem(self, body: Body) -> str | None:
        """The real one accepts every order of messages, and only objects as arguments."""
        for message in body["messages"]:
            for call in message.get("tool_calls") or ():
                if not isinstance(call["function"]["arguments"], dict):
                    return "json: cannot unmarshal string into Go struct field .arguments"
        return None

    def frames(self, reply: Reply, body: Body) -> Iterator[bytes]:
        for message in _messages(reply):
            yield _line(body, message={"role": "assistant", "content": "", **message}, done=False)
        reason = {"length": "length"}.get(reply.finish_reason, "stop")
        counts = {"prompt_eval_count": reply.input_tokens, "eval_count": reply.output_tokens}
        yield _line(
            body,
            message={"role": "assistant", "content": ""},
            done=True,
            done_reason=reason,
            **(counts if reply.input_tokens is not None else {}),
        )

    def malformed(self) -> bytes:
        return b'{"model": "m", "message": {"role": "assi\n'

    def error(self, status: int, message: str, code: str) -> bytes:
        return json.dumps({"error": message}).encode()

    def error_event(self, message: str, code: str) -> bytes:
        return json.dumps({"error": message}).encode() + b"\n"


def _messages(reply: Reply) -> Iterator[Mapping[str, Any]]:
    for piece in pieces(reply.thinking, reply.pieces):
        yield {"thinking": piece}
    for piece in pieces(reply.text, reply.pieces):
        yield {"content": piece}
    for call in reply.calls:
        yield {"tool_calls": [{"function": {"name": call.name, "arguments": call.arguments}}]}


def _line(body: Body, **data: Any) -> bytes:
    stamp = {"model": body["model"], "created_at": "2026-01-31T12:00:00Z"}
    return json.dumps({**stamp, **data}).encode() + b"\n"
