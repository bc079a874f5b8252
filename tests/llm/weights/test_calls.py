"""What each family of models writes, as calls; and what is none."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.llm.weights.calls import CallReader
from ml_intern.messages import ToolSpec

READ = ToolSpec(
    name="read",
    description="Read a file.",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "lines": {"type": "integer"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    },
)
WRITE = ToolSpec(name="write", description="Write a file.", parameters={"type": "object"})
TOOLS = (READ, WRITE)


def read(text, tools=TOOLS, size=None):
    """The message, and all that was shown of it, read in pieces of `size` characters."""
    reader = CallReader(tools)
    size = size or max(1, len(text))
    shown = [reader.feed(text[at : at + size]) for at in range(0, len(text), size)]
    rest, message = reader.finish()
    return message, "".join((*shown, rest))


def called(text, tools=TOOLS):
    message, _ = read(text, tools)
    return [(call.name, call.arguments) for call in message.tool_calls]


ONE = '{"path": "a.txt", "lines": 3}'
CALL = '{"name": "read", "arguments": ' + ONE + "}"
LLAMA = '{"name": "read", "parameters": ' + ONE + "}"
XML = (
    "<function=read>\n<parameter=path>\na.txt\n</parameter>\n"
    "<parameter=lines>\n3\n</parameter>\n</function>"
)

FORMS = {
    "hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "hermes, never closed": f"<tool_call>{CALL}",
    "qwen coder": f"<tool_call>\n{XML}\n</tool_call>",
    "qwen coder, without its opening": f"{XML}\n</tool_call>",
    "llama's function": f"<function=read>{ONE}</function>",
    "llama": f"<|python_tag|>{LLAMA}",
    "plain": LLAMA,
    "plain, in a list": f"[{CALL}]",
    "openai": '{"type": "function", "function": ' + CALL + "}",
    "fenced": f"```json\n{CALL}\n```",
    "fenced, never closed": f"```\n{CALL}",
    "mistral": f"[TOOL_CALLS][{CALL}]",
    "mistral, new": f"[TOOL_CALLS]read[ARGS]{ONE}",
    "mistral, with an id": f"[TOOL_CALLS]read[CALL_ID]abc123def[ARGS]{ONE}",
    "arguments as text": json.dumps({"name": "read", "arguments": ONE}),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_family_is_understood(form):
    message, shown = read(FORMS[form])
    (call,) = message.tool_calls
    assert ("read", json.loads(ONE)) == (call.name, json.loads(call.arguments))
    assert (message.text, shown.strip()) == ("", "")


SEVERAL = {
    "hermes": f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>",
    "hermes, in one tag": f"<tool_call>{CALL}\n{CALL}</tool_call>",
    "qwen coder": f"<tool_call>\n{XML}\n</tool_call>\n<tool_call>\n{XML}\n</tool_call>",
    "llama": f"<|python_tag|>{LLAMA}; {LLAMA}",
    "plain": f"{LLAMA}; {LLAMA}",
    "plain, in a list": f"[{LLAMA}, {LLAMA}]",
    "fenced": f"```json\n[{CALL}, {CALL}]\n```",
    "fenced, one each": f"```json\n{CALL}\n```\n```json\n{CALL}\n```",
    "mistral": f"[TOOL_CALLS][{CALL}, {CALL}]",
    "mistral, new": f"[TOOL_CALLS]read[ARGS]{ONE}[TOOL_CALLS]read[ARGS]{ONE}",
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_calls_keep_their_order_and_have_ids_of_their_own(form):
    message, _ = read(f"{SEVERAL[form]}")
    assert [(call.call_id, call.name) for call in message.tool_calls] == [
        ("call_0", "read"),
        ("call_1", "read"),
    ]
    assert [json.loads(ONE)] * 2 == [json.loads(call.arguments) for call in message.tool_calls]


MARKED = [form for form in FORMS if not form.startswith(("plain", "openai", "arguments"))]
"""JSON that nothing marks is a call only at the beginning."""


@pytest.mark.parametrize("form", MARKED)
def test_words_before_a_call_are_shown_and_the_call_is_not(form):
    message, shown = read(f"I look at it.\n{FORMS[form]}", size=3)
    assert (message.text, len(message.tool_calls)) == ("I look at it.", 1)
    assert shown.strip() == "I look at it."


TEXTS = {
    "about tags": "Write <tool_call> and </tool_call> around it.",
    "quoted": f"A call looks so: `<tool_call>{CALL}</tool_call>`.",
    "in a block": f"So:\n```xml\n<tool_call>\n{CALL}\n</tool_call>\n```\nIs that clear?",
    "an example": f"```json\n{CALL}\n```\nThis is how you would call it.",
    "plain, and then words": f"{CALL}\nis how you would call it.",
    "of no tool": '{"name": "Ada", "arguments": {}}',
    "data": '{"rows": 3}',
    "broken data": '{"rows":',
    "a list": "[1] says that it works.",
    "code": "```python\nd = {'name': 'read'}\n```",
    "a fence at the end": "Look:\n```",
    "half a mark": "a < b and <too",
    "thoughts, later": "Between <think> and </think> it thinks.",
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_that_only_talks_about_calls_stays_text(text):
    message, shown = read(TEXTS[text])
    assert ((), TEXTS[text]) == (message.tool_calls, message.text)
    assert TEXTS[text] == shown.strip()


def test_without_tools_nothing_is_a_call():
    text = f"<tool_call>{CALL}</tool_call>"
    message, _ = read(text, ())
    assert ((), text) == (message.tool_calls, message.text)


BROKEN = {
    f"<tool_call>{CALL[:-2]},}}}}</tool_call>": ("read", '{"path": "a.txt", "lines": 3,}'),
    "<tool_call>{'name': 'read', 'arguments': {'path': 'a'}}</tool_call>": (
        "read",
        "{'path': 'a'}",
    ),
    '<tool_call>{"name": "read", "arguments": {"path": "a': ("read", '{"path": "a'),
    '<tool_call>{"name": "read", "arguments": {"path": "a"}</tool_call>': (
        "read",
        '{"path": "a"}',
    ),
    '<tool_call>{"name": "read", "arguments": {"path": "a", "path": "b"}}</tool_call>': (
        "read",
        '{"path": "a", "path": "b"}',
    ),
    '<tool_call>{"path": "a"}</tool_call>': ("unnamed", '{"path": "a"}'),
    '[TOOL_CALLS]read[ARGS]{"path": ': ("read", '{"path":'),
    f"<tool_call>{'[' * 50_000}</tool_call>": None,
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_call_keeps_the_text_that_was_written(text):
    calls = called(text)
    assert BROKEN[text] is None or calls == [BROKEN[text]]


def test_parameters_without_quotes_have_the_types_of_the_schema():
    text = "<function=read>" + "".join(
        f"<parameter={name}>\n{value}\n</parameter>\n"
        for name, value in {"path": "12", "lines": "12", "note": "null", "else": "[1]"}.items()
    )
    assert called(text) == [("read", '{"path": "12", "lines": 12, "note": "null", "else": [1]}')]


def test_a_file_with_marks_in_it_is_an_argument():
    content = "```\n</tool_call> [TOOL_CALLS] <think>\n```"
    call = json.dumps({"name": "write", "arguments": {"content": content}})
    for text in (f"<tool_call>{call}</tool_call>", f"```json\n{call}\n```", call):
        ((name, arguments),) = called(text)
        assert ("write", {"content": content}) == (name, json.loads(arguments))


def test_a_long_call_takes_time_by_its_length():
    """A megabyte in pieces of three characters, as a model writes a file."""
    call = json.dumps({"name": "write", "arguments": {"content": "x = 1\n" * 170_000}})
    began = time.process_time()
    message, _ = read(f"I write it.\n<tool_call>{call}</tool_call>", size=3)
    assert len(json.loads(message.tool_calls[0].arguments)["content"]) == 1_020_000
    assert time.process_time() - began < 3.0


def test_thoughts_stand_apart_and_are_not_shown():
    message, shown = read(f"<think>\n<tool_call>{CALL}</tool_call>?\n</think>\n\nNo.", size=2)
    assert (f"<tool_call>{CALL}</tool_call>?", "No.", ()) == (
        message.thinking,
        message.text,
        message.tool_calls,
    )
    assert shown.strip() == "No."


def test_a_thought_that_is_cut_off_is_all_thought():
    message, shown = read("<think>I wonder", size=1)
    assert (message.thinking, message.text, shown) == ("I wonder", "", "")


def test_a_call_after_a_thought_needs_no_mark():
    assert called(f"<think>Hm.</think>\n{LLAMA}") == [("read", ONE)]


PIECES = st.sampled_from(
    (*FORMS.values(), *TEXTS.values(), *BROKEN, "```", "`", "\n", " ", "<", "think>", "</think>")
).filter(lambda text: len(text) < 1_000)
MIXED = st.lists(PIECES | st.text(max_size=20), max_size=6).map("".join)


@given(text=MIXED, size=st.integers(1, 9))
def test_how_the_text_is_cut_into_pieces_changes_nothing(text, size):
    whole, shown = read(text)
    in_pieces, shown_in_pieces = read(text, size=size)
    assert (whole, shown) == (in_pieces, shown_in_pieces)
    assert whole.text == shown.strip()


ARGUMENTS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)


@given(arguments=ARGUMENTS, size=st.integers(1, 9))
@pytest.mark.parametrize(
    "form",
    [
        "<tool_call>\n%s\n</tool_call>",
        "<|python_tag|>%s",
        "[TOOL_CALLS][%s]",
        "```json\n%s\n```",
        "%s",
    ],
)
def test_arguments_arrive_as_they_were_written(form, arguments, size):
    call = json.dumps({"name": "write", "arguments": arguments}, ensure_ascii=False)
    message, shown = read(form.replace("%s", call), size=size)
    (found,) = message.tool_calls
    assert ("write", arguments, "") == (found.name, json.loads(found.arguments), shown.strip())
