"""What a model wrote as plain text, read as words, thoughts and tool calls.

A server does this for its clients; a model that runs from its weights writes its calls into the
text, each family in a form of its own:

    <tool_call>{"name": ..., "arguments": {...}}</tool_call>                  Hermes, Qwen
    <function=NAME><parameter=KEY>VALUE</parameter></function>                Qwen3-Coder
    <|python_tag|>{"name": ..., "parameters": {...}}                          Llama 3
    [TOOL_CALLS][{"name": ..., "arguments": {...}}], [TOOL_CALLS]NAME[ARGS]{...}     Mistral
    {"name": ..., "parameters": {...}}, also in a code fence                  Llama 3, and others

What is shown while it streams is text for certain: it ends where a call may begin. A call whose
JSON is broken is still one, with the text as it stands: the router mends it or says what is wrong.
A call that is quoted, shown in a code block, or followed by more words where nothing but JSON marks
it, is text. Pure.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ml_intern.messages import AssistantMessage, CallId, ToolCall, ToolSpec

UNNAMED = "unnamed"
"""The tool of a call that names none."""

_THOUGHTS = {"<think>": "</think>", "[THINK]": "[/THINK]"}
_FENCE = "```"
_MARKS = ("<tool_call>", "<function=", "<|python_tag|>", "[TOOL_CALLS]", _FENCE)
_QUOTABLE = ("<tool_call>", "<function=")
"""Text that one can also talk about; the others are tokens of their own."""
_MARK = re.compile("|".join(map(re.escape, _MARKS)))
_BEGINS_CALL = re.compile(r"\s*(?:\{|<function=)")
_FENCE_HEAD = re.compile(r"```[^\n`]*\n\s*(?P<first>\S)")
_JSON_FENCE = re.compile(r"```(?:json|tool_calls?)?[ \t]*\n\s*(?=[{\[])")
_NAME = re.compile(r"""["'](?:name|function)["']\s*:\s*["'](?P<name>[^"']+)["']""")
_ARGUMENTS = re.compile(r"""["'](?:arguments|parameters)["']\s*:\s*""")
_MISTRAL_NAME = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[CALL_ID\][\w-]*)?(?:\[ARGS\])?\s*(?=\{)")
_FUNCTION = re.compile(
    r"<function=(?P<name>[^>\n]*)>(?P<body>.*?)(?:</function>|(?=<function=)|(?=</?tool_call>)|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"<parameter=(?P<name>[^>\n]+)>\n?(?P<value>.*?)\n?"
    r"(?:</parameter>(?=\s*(?:<parameter=|\Z))|(?=<parameter=)|\Z)",
    re.DOTALL,
)
_BETWEEN = re.compile(r"[\s;,]*")


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A stretch of the text that holds calls, or words if there are none."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    is_sure: bool = True
    """Else it is a call only if no words follow."""


class CallReader:
    """Reads one answer, piece by piece. `tools`: those that were offered; without them no calls."""

    def __init__(self, tools: Sequence[ToolSpec] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._rest = ""
        """Not yet known to be words or thoughts."""
        self._said: list[str] = []
        self._thoughts: list[str] = []
        self._closes = ""
        """What ends the thought that is under way."""
        self._has_begun = False
        """Words have been said: what follows is no thought, and JSON alone is no call."""
        self._in_fence = False
        self._holds = False
        """A call may have begun: the rest is read when all of it is there."""
        self._held: list[str] = []
        """What came since then."""

    def feed(self, piece: str) -> str:
        """What can be shown now."""
        if self._holds:
            self._held.append(piece)
            return ""
        self._rest += piece
        said = len(self._said)
        while not self._holds and self._step():
            pass
        return "".join(self._said[said:])

    def finish(self) -> tuple[str, AssistantMessage]:
        """What can be shown at the end, and the whole answer."""
        self._rest += "".join(self._held)
        words = ""
        calls: list[ToolCall] = []
        if self._closes:
            self._thoughts.append(self._rest)
        elif self._tools:
            words, calls = self._read_rest()
        else:
            words = self._rest
        message = AssistantMessage(
            text="".join((*self._said, words)).strip(),
            thinking="".join(self._thoughts).strip(),
            tool_calls=tuple(_numbered(calls)),
        )
        return words, message

    def _step(self) -> bool:
        """Settle some of the rest; false when more has to come first."""
        if self._closes:
            return self._think()
        if not self._has_begun:
            return self._begin()
        return self._speak()

    def _think(self) -> bool:
        thought, closed, after = self._rest.partition(self._closes)
        if closed:
            self._thoughts.append(thought)
            self._rest, self._closes = after, ""
            return True
        kept = _begun(self._rest, (self._closes,))
        self._thoughts.append(self._rest[: len(self._rest) - kept])
        self._rest = self._rest[len(self._rest) - kept :]
        return False

    def _begin(self) -> bool:
        first = self._rest.lstrip()
        if not first or any(mark.startswith(first) for mark in (*_THOUGHTS, *_MARKS)):
            return False
        for opens, closes in _THOUGHTS.items():
            if first.startswith(opens):
                self._rest, self._closes = first.removeprefix(opens), closes
                return True
        if self._tools and first[0] in "{[":
            self._holds = True
            return False
        self._has_begun = True
        return True

    def _speak(self) -> bool:
        if not self._tools:
            self._say(len(self._rest))
            return False
        found = _MARK.search(self._rest)
        if found is None:
            self._say(len(self._rest) - _begun(self._rest, _MARKS))
            return False
        self._say(found.start())
        return self._meet(found[0])

    def _meet(self, mark: str) -> bool:
        """Decide on the mark that the rest begins with."""
        if mark == _FENCE:
            return self._meet_fence()
        if mark not in _QUOTABLE or mark == "<function=":
            self._holds = not self._is_quoted(mark)
        else:
            after = self._rest[len(mark) :]
            if not self._is_quoted(mark) and "<function=".startswith(after.strip()):
                return False  # also where nothing has come yet
            self._holds = not self._is_quoted(mark) and bool(_BEGINS_CALL.match(after))
        if self._holds:
            return False
        self._say(len(mark))
        return True

    def _meet_fence(self) -> bool:
        if not self._in_fence:
            head = _FENCE_HEAD.match(self._rest)
            if head is None and "`" not in self._rest[len(_FENCE) :]:
                return False
            if head is not None and head["first"] in "{[":
                self._holds = True
                return False
        self._in_fence = not self._in_fence
        self._say(len(_FENCE))
        return True

    def _is_quoted(self, mark: str) -> bool:
        before = self._said[-1] if self._said else ""
        return mark in _QUOTABLE and (self._in_fence or before.endswith(("`", '"', "'")))

    def _say(self, size: int) -> None:
        if size:
            self._said.append(self._rest[:size])
            self._rest = self._rest[size:]

    def _read_rest(self) -> tuple[str, list[ToolCall]]:
        """The words and the calls of what was held back."""
        if not self._holds:
            return self._rest.removesuffix("<tool_call>"), []
        words: list[str] = []
        calls: list[ToolCall] = []
        for part in reversed(list(self._parts(self._rest))):
            if part.calls and (part.is_sure or not "".join(words).strip()):
                calls[:0] = part.calls
            else:
                words.insert(0, part.text)
        return "".join(words), calls

    def _parts(self, text: str) -> Iterator[_Part]:
        at = 0
        if not self._has_begun and not _MARK.match(text.lstrip()):
            part, at = self._bare(text)
            yield part
        while found := _MARK.search(text, at):
            yield _Part(text=text[at : found.start()])
            part, at = self._forms()[found[0]](text, found.start())
            yield part
        yield _Part(text=text[at:])

    def _forms(self) -> dict[str, Callable[[str, int], tuple[_Part, int]]]:
        """How each mark is read: the part that begins at a place, and where it ends."""
        return {
            "<tool_call>": self._hermes,
            "<function=": self._function,
            "<|python_tag|>": self._llama,
            "[TOOL_CALLS]": self._mistral,
            _FENCE: self._fenced,
        }

    def _hermes(self, text: str, start: int) -> tuple[_Part, int]:
        inside = start + len("<tool_call>")
        begins = _BEGINS_CALL.match(text, inside)
        if begins is None:
            return _Part(text=text[start:inside]), inside
        if begins[0].endswith("="):
            return self._function(text, begins.end() - len("<function="))
        calls, end = self._objects(text, inside, ("</tool_call>", "<tool_call>"))
        end = _after(text, end, "</tool_call>")
        return _Part(text=text[start:end], calls=calls), end

    def _function(self, text: str, start: int) -> tuple[_Part, int]:
        found = _FUNCTION.match(text, start)
        if found is None:
            end = start + len("<function=")
            return _Part(text=text[start:end]), end
        name, body = found["name"].strip(), found["body"].strip()
        arguments = body if body.startswith("{") else self._typed(name, body)
        call = ToolCall(call_id=CallId(""), name=name or UNNAMED, arguments=arguments)
        end = _after(text, found.end(), "</tool_call>")  # some never open what they close
        return _Part(text=text[start:end], calls=(call,)), end

    def _typed(self, name: str, body: str) -> str:
        tool = self._tools.get(name)
        schemas = tool.parameters.get("properties", {}) if tool else {}
        given = {
            found["name"].strip(): _value(found["value"], schemas.get(found["name"].strip()))
            for found in _PARAMETER.finditer(body)
        }
        return json.dumps(given, ensure_ascii=False)

    def _llama(self, text: str, start: int) -> tuple[_Part, int]:
        inside = start + len("<|python_tag|>")
        if not text.startswith(("{", "["), _past_space(text, inside)):
            return _Part(text=text[inside:]), len(text)
        calls, end = self._objects(text, inside, ("<|python_tag|>",))
        return _Part(text=text[start:end], calls=calls), end

    def _mistral(self, text: str, start: int) -> tuple[_Part, int]:
        inside = start + len("[TOOL_CALLS]")
        named = _MISTRAL_NAME.match(text, inside)
        if named is not None:
            raw, end = _json_text(text, named.end(), ("[TOOL_CALLS]",))
            call = ToolCall(call_id=CallId(""), name=named["name"], arguments=raw)
            return _Part(text=text[start:end], calls=(call,)), end
        calls, end = self._objects(text, inside, ("[TOOL_CALLS]",))
        return _Part(text=text[start:end], calls=calls), end

    def _fenced(self, text: str, start: int) -> tuple[_Part, int]:
        if head := _JSON_FENCE.match(text, start):
            calls, end = self._objects(text, head.end(), (_FENCE,))
            is_all = text[end:].lstrip().startswith(_FENCE) or not text[end:].strip()
            if is_all and self._are_known(calls):
                end = _after(text, end, _FENCE)
                return _Part(text=text[start:end], calls=calls, is_sure=False), end
        end = _after(text, text.find(_FENCE, start + len(_FENCE)), _FENCE)
        return _Part(text=text[start:end]), end

    def _bare(self, text: str) -> tuple[_Part, int]:
        """JSON that the answer begins with, up to a mark or the end."""
        found = _MARK.search(text)
        calls, end = self._objects(text, 0, _MARKS)
        if self._are_known(calls):
            return _Part(text=text[:end], calls=calls, is_sure=False), end
        end = found.start() if found else len(text)
        return _Part(text=text[:end]), end

    def _are_known(self, calls: Sequence[ToolCall]) -> bool:
        """Whether JSON that nothing marks as calls may be some: all are of tools that there are."""
        return all(call.name in self._tools for call in calls)

    def _objects(
        self, text: str, start: int, ends: tuple[str, ...]
    ) -> tuple[tuple[ToolCall, ...], int]:
        """Calls as JSON, one after another or in a list; the last may be broken."""
        calls: list[ToolCall] = []
        end = start
        while True:
            at = end + len(_separator(text, end))
            if text[at : at + 1] not in ("{", "[") or any(text.startswith(m, at) for m in _MARKS):
                return tuple(calls), end
            raw, end = _json_text(text, at, ends)
            calls.extend(_called(raw))


def _separator(text: str, at: int) -> str:
    found = _BETWEEN.match(text, at)
    return found[0] if found else ""


def _begun(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a mark."""
    longest = max(map(len, marks)) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(mark.startswith(text[-size:]) for mark in marks):
            return size
    return 0


def _after(text: str, at: int, mark: str) -> int:
    """The place behind `mark`, if it stands at `at` (but for space before it); the end for -1."""
    if at < 0:
        return len(text)
    place = _past_space(text, at)
    return place + len(mark) if text.startswith(mark, place) else at


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _json_text(text: str, start: int, ends: tuple[str, ...]) -> tuple[str, int]:
    """The JSON value at `start` as it was written, and where it ends; broken: up to a mark."""
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        found = [at for mark in ends if (at := text.find(mark, start)) >= 0]
        end = min(found, default=len(text))
    return text[start:end].strip(), end


def _called(raw: str) -> Iterator[ToolCall]:
    """The calls that a JSON text is; one that is broken, or names no tool, with its raw text."""
    try:
        value = json.loads(raw, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        yield _broken(raw)
        return
    for each in value if isinstance(value, list) else [value]:
        yield _call_of(each)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def _call_of(value: Any) -> ToolCall:
    call = value.get("function") if isinstance(value, dict) else None
    call = call if isinstance(call, dict) else value
    name = call.get("name") if isinstance(call, dict) else None
    if not isinstance(name, str) or not name:
        text = json.dumps(value, ensure_ascii=False)
        return ToolCall(call_id=CallId(""), name=UNNAMED, arguments=text)
    given = call.get("arguments", call.get("parameters"))
    arguments = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)
    return ToolCall(call_id=CallId(""), name=name, arguments=arguments)


def _broken(raw: str) -> ToolCall:
    """A call whose JSON cannot be read, with its arguments as they stand."""
    named, given = _NAME.search(raw), _ARGUMENTS.search(raw)
    name = named["name"] if named else UNNAMED
    arguments = raw if given is None else raw[given.end() :]
    if given is not None:
        arguments, end = _json_text(arguments, 0, ())
        if end == len(raw) - given.end() and arguments.count("}") > arguments.count("{"):
            arguments = arguments.removesuffix("}").rstrip()
    return ToolCall(call_id=CallId(""), name=name, arguments=arguments)


def _value(text: str, schema: Any) -> Any:
    """A parameter that was written without quotes, by the type that its schema gives it."""
    if "string" in _types(schema):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _types(schema: Any) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    given = schema.get("type", ())
    types = {given} if isinstance(given, str) else set(given)
    for way in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types |= _types(way)
    return types


def _numbered(calls: Sequence[ToolCall]) -> Iterator[ToolCall]:
    for number, call in enumerate(calls):
        yield ToolCall(call_id=CallId(f"call_{number}"), name=call.name, arguments=call.arguments)
