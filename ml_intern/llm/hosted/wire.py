"""Our messages as OpenAI's chat format, which LiteLLM takes and turns into every other one.

Written for the strictest reader: no two messages of the user in a row, no empty texts, arguments
that are JSON objects, names of tools that match the providers' pattern. Pure.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)

Wire = dict[str, Any]

INJECTED = "[From ml-intern itself, not from a person]\n"
NOTHING = "(nothing)"
"""Stands for an empty text, which some providers refuse."""

LONGEST_ID = 40
"""Of a call, for OpenAI."""
_SIGNATURE = "__thought__"
"""Before the signature in an id that LiteLLM makes of Gemini's."""
_CACHE_MARK = {"type": "ephemeral"}
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")


def tools_on_the_wire(tools: Sequence[ToolSpec]) -> list[Wire]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]


def messages_on_the_wire(
    messages: Sequence[Message],
    *,
    takes_thinking: bool = False,
    marks_cache: bool = False,
    signer: str = "",
    signs_ids: bool = False,
) -> list[Wire]:
    """`takes_thinking`: thoughts of the run of calls under way go back to the model.

    `signer`: the model that gets back those of them that it has signed; `signs_ids`: those whose
    signature LiteLLM keeps in the id of a call, as it does for Gemini.
    `marks_cache`: say where a prompt cache may end, as Anthropic's models want to be told.
    """
    last_word = _last_word_of_a_person(messages)
    run = run_of_calls(messages)
    wire: list[Wire] = []
    for index, message in enumerate(messages):
        match message:
            case UserMessage():
                _append_user(wire, message)
            case AssistantMessage():
                wire.append(_assistant(message, takes_thinking and index > last_word, signs_ids))
                if signer == message.model and index >= run and message.signed:
                    wire[-1]["thinking_blocks"] = [dict(block) for block in message.signed]
            case ToolMessage():
                wire.append(_tool_answer(message, signs_ids))
            case SystemMessage():
                wire.append({"role": "system", "content": _said(message.text)})
    if marks_cache:
        _mark_cache(wire)
    return wire


def _append_user(wire: list[Wire], message: UserMessage) -> None:
    """Consecutive ones become one: many a server's template wants the roles to alternate."""
    text = (INJECTED if message.injected else "") + _said(message.text)
    if wire and wire[-1]["role"] == "user":
        wire[-1]["content"] += f"\n\n{text}"
    else:
        wire.append({"role": "user", "content": text})


def _assistant(message: AssistantMessage, with_thinking: bool, signs_ids: bool) -> Wire:
    said = _valid(message.text) if message.text.strip() else None
    wire: Wire = {"role": "assistant", "content": said}
    if message.tool_calls:
        wire["tool_calls"] = [_call(call, signs_ids) for call in message.tool_calls]
    elif wire["content"] is None:
        wire["content"] = NOTHING
    if with_thinking and message.thinking:
        wire["reasoning_content"] = _valid(message.thinking)
    return wire


def _call(call: ToolCall, signs_ids: bool) -> Wire:
    function = {"name": _name(call.name), "arguments": _object(call.arguments)}
    return {"id": _id(call.call_id, signs_ids), "type": "function", "function": function}


def _id(call_id: CallId, signs_ids: bool) -> str:
    """One model's id may be no id for the next in a chain: too long, or not of its letters."""
    if signs_ids:
        return call_id
    bare = call_id.partition(_SIGNATURE)[0]
    if len(bare) <= LONGEST_ID and not _NOT_IN_A_NAME.search(bare):
        return bare
    return f"call_{hashlib.sha256(bare.encode('utf-8', 'replace')).hexdigest()[:24]}"


def _tool_answer(message: ToolMessage, signs_ids: bool) -> Wire:
    return {
        "role": "tool",
        "tool_call_id": _id(message.call_id, signs_ids),
        "name": _name(message.name),
        "content": _said(message.text),
    }


def _said(text: str) -> str:
    return _valid(text) if text.strip() else NOTHING


def _valid(text: str) -> str:
    """Half surrogates, which a model may write and no UTF-8 can hold, become `?`."""
    return text.encode("utf-8", "replace").decode()


def _name(name: str) -> str:
    """A model may call a tool that nobody has, by a name that no provider takes back."""
    return _NOT_IN_A_NAME.sub("_", name)[:64] or "unnamed"


def _object(text: str) -> str:
    """The arguments as they were, or, where they are no JSON object, as a field of one."""
    arguments = _valid(text)
    try:
        if isinstance(json.loads(arguments or "{}"), Mapping):
            return arguments or "{}"
    except (ValueError, RecursionError):
        pass
    return json.dumps({"malformed_arguments": arguments}, ensure_ascii=False)


def run_of_calls(messages: Sequence[Message]) -> int:
    """Where the run of calls under way begins: after the last answer that called nothing.

    Words of a person within it do not end it; a provider sees them beside the answers to calls.
    """
    ends = [
        index
        for index, each in enumerate(messages)
        if isinstance(each, AssistantMessage) and not each.tool_calls
    ]
    return ends[-1] + 1 if ends else 0


def lacks_thought(messages: Sequence[Message], model: str) -> bool:
    """Whether the last answer of the run under way has no thought that `model` has signed."""
    run = messages[run_of_calls(messages) :]
    answers = [each for each in run if isinstance(each, AssistantMessage)]
    return bool(answers) and (not answers[-1].signed or answers[-1].model != model)


def _last_word_of_a_person(messages: Sequence[Message]) -> int:
    return max(
        (index for index, each in enumerate(messages) if isinstance(each, UserMessage)), default=-1
    )


def _mark_cache(wire: list[Wire]) -> None:
    """After the system prompt, and after this request and the one before it.

    The mark of the request before makes sure that its entry is found: Anthropic looks back over
    twenty blocks only, and one turn may add hundreds.
    """
    answers = [index for index, each in enumerate(wire) if each["role"] == "assistant"]
    before = answers[-1] - 1 if answers else -1
    for index in {0, before, len(wire) - 1}:
        if index >= 0:
            _mark(wire[index])


def _mark(message: Wire) -> None:
    if message["role"] == "tool":
        message["cache_control"] = _CACHE_MARK
    elif isinstance(message["content"], str):
        block = {"type": "text", "text": message["content"], "cache_control": _CACHE_MARK}
        message["content"] = [block]
