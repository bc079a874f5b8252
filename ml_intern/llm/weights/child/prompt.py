"""A conversation as the tokens that a model was trained to read: its own chat template.

Templates differ in what they take, and many drop in silence what they do not. So each is tried out
when the model is loaded, and what it does not take is said in another way: tools and calls as text,
outcomes in the user's words, the system message at the head of the first one of the user.

What people, files and web pages say never becomes a role: a control token in such a text is read as
its letters.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from .channel import Failed

Wire = dict[str, Any]

BREAK = "\uf8ff"
"""Of the private area: where a text is cut before it is turned into tokens."""
THINKS = ("<think>", "[THINK]")
RESPONSE = "<tool_response>"
HOW_TO_CALL = """\
# Tools

You may call one or more functions to assist with the task. Their signatures, as JSON:
<tools>
{tools}
</tools>

For each call write a JSON object with its name and arguments within tags, and nothing after them:
<tool_call>
{{"name": "NAME", "arguments": {{...}}}}
</tool_call>

The outcomes come back within <tool_response></tool_response>."""

_TROUBLE = (jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError)
"""What a template, or the code around it, raises for what it does not take."""
_WORDS, _TOOL, _ARGUMENT, _OUTCOME = "probe1words", "probe2tool", "probe3argument", "probe4outcome"
_SAID = "probe5said"
_HELLO: Wire = {"role": "user", "content": "probe6hello"}


@dataclass(frozen=True)
class Form:
    """What a template takes as it is."""

    system: bool
    tools: bool
    calls: bool
    """Also the calls of the model, and their outcomes."""
    parallel: bool
    """Several calls in one message."""
    words: bool
    """Words beside a call."""

    @property
    def stops(self) -> list[str]:
        """Where an answer ends although the model would go on, and invent an outcome."""
        return [] if self.calls else [RESPONSE]


class Prompter:
    """Writes prompts for one tokenizer. Raises Failed for one without a template."""

    def __init__(self, tokenizer: Any) -> None:
        if not tokenizer.chat_template:
            raise Failed(
                "format", "it has no chat template: choose a model that was tuned to follow orders."
            )
        self._tokenizer = tokenizer
        self._control = _control_tokens(tokenizer)
        self._in_parts = False
        """Content is a list of texts and images, as of models that see."""
        self._in_parts = not self._shows([_HELLO], [], _HELLO["content"])
        if self._in_parts and not self._shows([_HELLO], [], _HELLO["content"]):
            raise Failed("format", "its chat template shows nothing of what is said.")
        self.form = self._tried()

    def tokens(self, messages: Sequence[Wire], tools: Sequence[Wire]) -> tuple[list[int], str]:
        """The ids, and what the template lets the answer begin with: a thought, or nothing."""
        told = _fitting(self._safe(list(messages)), self._safe(list(tools)), self.form)
        try:
            text = self._render(told, self._safe(list(tools)) if self.form.tools else [])
        except _TROUBLE as exc:
            raise Failed("format", f"its chat template refuses the conversation: {exc}") from exc
        ids: list[int] = []
        for piece in text.split(BREAK):
            ids += self._tokenizer(piece, add_special_tokens=False)["input_ids"]
        return ids, next((mark for mark in THINKS if text.rstrip().endswith(mark)), "")

    def _render(self, messages: list[Wire], tools: list[Wire]) -> str:
        if self._in_parts:
            messages = [
                {**message, "content": [{"type": "text", "text": message["content"]}]}
                for message in messages
            ]
        return str(
            self._tokenizer.apply_chat_template(
                messages, tools=tools or None, add_generation_prompt=True, tokenize=False
            )
        )

    def _tried(self) -> Form:
        system: Wire = {"role": "system", "content": _WORDS}
        takes_tools = self._shows([_HELLO], [_TOOL_SPEC], _TOOL)

        def takes(count: int, *sentinels: str) -> bool:
            return takes_tools and self._shows(_asked(count), [_TOOL_SPEC], *sentinels)

        return Form(
            system=self._shows([system, _HELLO], [], _WORDS),
            tools=takes_tools,
            calls=takes(1, f"{_ARGUMENT}1", f"{_OUTCOME}1"),
            parallel=all(takes(2, f"{_ARGUMENT}{n}", f"{_OUTCOME}{n}") for n in (1, 2)),
            words=takes(1, _SAID, f"{_OUTCOME}1"),
        )

    def _shows(self, messages: list[Wire], tools: list[Wire], *sentinels: str) -> bool:
        """Whether a template says these, in this order."""
        try:
            text = self._render(messages, tools)
        except _TROUBLE:
            return False
        places = [text.find(sentinel) for sentinel in sentinels]
        return -1 not in places and places == sorted(places)

    def _safe(self, value: Any) -> Any:
        """With a break inside each control token of each text."""
        if isinstance(value, str):
            return self._control.sub(
                lambda found: found[0][0] + BREAK + found[0][1:], value.replace(BREAK, "\ufffd")
            )
        if isinstance(value, dict):
            return {self._safe(key): self._safe(item) for key, item in value.items()}
        return [self._safe(item) for item in value] if isinstance(value, list) else value


def _control_tokens(tokenizer: Any) -> "re.Pattern[str]":
    """All special tokens, and others that the template or we write, but for mere space."""
    template = f"{tokenizer.chat_template}{HOW_TO_CALL}"
    tokens = {
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if token.special or (token.content in template and not token.content.isspace())
    }
    longest_first = sorted((token for token in tokens if len(token) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


_TOOL_SPEC: Wire = {
    "type": "function",
    "function": {
        "name": _TOOL,
        "description": "A probe.",
        "parameters": {"type": "object", "properties": {"key": {"type": "string"}}},
    },
}


def _probe_call(number: int) -> Wire:
    function = {"name": _TOOL, "arguments": {"key": f"{_ARGUMENT}{number}"}}
    return {"id": _call_id(number), "type": "function", "function": function}


def _asked(count: int) -> list[Wire]:
    calls = [_probe_call(number) for number in range(1, count + 1)]
    outcomes = [
        _tool_message(call["id"], _TOOL, f"{_OUTCOME}{number}")
        for number, call in enumerate(calls, 1)
    ]
    return [_HELLO, {"role": "assistant", "content": _SAID, "tool_calls": calls}, *outcomes]


def _tool_message(call_id: str, name: str, content: str) -> Wire:
    return {"role": "tool", "tool_call_id": call_id, "name": name, "content": content}


def _call_id(number: int) -> str:
    """Nine letters and digits, as the strictest templates (Mistral's) want them."""
    return f"call{number:05d}"


def _fitting(messages: list[Wire], tools: list[Wire], form: Form) -> list[Wire]:
    """The conversation, said as the template takes it."""
    told = [_plain(message) for message in _renumbered(messages)]
    if not form.calls:
        told = [_in_words(message) for message in told]
    else:
        told = told if form.parallel else _one_by_one(told)
        told = told if form.words else list(_words_apart(told))
    if tools and not form.tools:
        told = _with_system(told, _instructions(tools))
    if not form.system:
        told = _without_system(told)
    return list(_merged(told))


def _plain(message: Wire) -> Wire:
    """Arguments as objects, which templates write out themselves; no content is an empty one."""
    plain = {**message, "content": message.get("content") or ""}
    if calls := message.get("tool_calls"):
        plain["tool_calls"] = [_with_object(call) for call in calls]
    return plain


def _with_object(call: Wire) -> Wire:
    function = call["function"]
    return {**call, "function": {**function, "arguments": json.loads(function["arguments"])}}


def _renumbered(messages: list[Wire]) -> Iterator[Wire]:
    ids: dict[str, str] = {}
    for message in messages:
        if message["role"] == "tool":
            given = message["tool_call_id"]
            yield {**message, "tool_call_id": ids.get(given, _call_id(0))}
        elif calls := message.get("tool_calls"):
            for call in calls:
                ids[call["id"]] = _call_id(len(ids) + 1)
            yield {**message, "tool_calls": [{**call, "id": ids[call["id"]]} for call in calls]}
        else:
            yield message


def _in_words(message: Wire) -> Wire:
    """Calls and outcomes as text."""
    if message["role"] == "tool":
        text = f"{RESPONSE}\n{message['content']}\n</tool_response>"
        return {"role": "user", "content": text}
    if calls := message.get("tool_calls"):
        written = [json.dumps(call["function"], ensure_ascii=False) for call in calls]
        tagged = [f"<tool_call>\n{each}\n</tool_call>" for each in written]
        said = [message["content"]] if message["content"] else []
        return {"role": "assistant", "content": "\n".join((*said, *tagged))}
    return message


def _one_by_one(messages: list[Wire]) -> list[Wire]:
    """Each call in a message of its own, with its outcome after it."""
    outcomes = {each["tool_call_id"]: each for each in messages if each["role"] == "tool"}
    told: list[Wire] = []
    for message in messages:
        calls = message.get("tool_calls", [])
        if len(calls) < 2 and message["role"] != "tool":
            told.append(message)
        elif len(calls) >= 2:
            for number, call in enumerate(calls):
                first = message if number == 0 else {"role": "assistant", "content": ""}
                told += [{**first, "tool_calls": [call]}, outcomes.pop(call["id"])]
        elif message["tool_call_id"] in outcomes:
            told.append(message)
    return told


def _words_apart(messages: list[Wire]) -> Iterator[Wire]:
    """What is said beside a call stands before it."""
    for message in messages:
        if message.get("tool_calls") and message["content"]:
            yield {"role": "assistant", "content": message["content"]}
            message = {**message, "content": ""}
        yield message


def _instructions(tools: list[Wire]) -> str:
    lines = [json.dumps(tool, ensure_ascii=False) for tool in tools]
    return HOW_TO_CALL.format(tools="\n".join(lines))


def _with_system(messages: list[Wire], text: str) -> list[Wire]:
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _without_system(messages: list[Wire]) -> list[Wire]:
    """What the system says becomes words of the user, before the first ones."""
    return [
        {**message, "role": "user"} if message["role"] == "system" else message
        for message in messages
    ]


def _merged(messages: list[Wire]) -> Iterator[Wire]:
    """Words of the user that follow each other as one message: many templates want turns."""
    pending: Wire | None = None
    for message in messages:
        if pending is not None and message["role"] == "user":
            pending = {**pending, "content": f"{pending['content']}\n\n{message['content']}"}
            continue
        if pending is not None:
            yield pending
        pending = message if message["role"] == "user" else None
        if pending is None:
            yield message
    if pending is not None:
        yield pending
