"""What is cut is shorter, still whole in its form, and says where the rest is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.context.cutting import LATER, cut_message, cut_text, level, superseded, to_size
from ml_intern.events import Cut
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)


def cut(**given: object) -> Cut:
    return Cut(**{"place": 0, "part": "text", "head": 10, "tail": 5, "note": "[cut]", **given})


def shown(call_id: str, text: str = "y" * 1_000, *, is_error: bool = False) -> ToolMessage:
    return ToolMessage(call_id=CallId(call_id), name="read", text=text, is_error=is_error)


@given(text=st.text(), head=st.integers(0, 30), tail=st.integers(0, 30))
def test_a_text_gets_no_longer(text: str, head: int, tail: int) -> None:
    shorter = cut_text(text, cut(head=head, tail=tail))
    assert len(shorter) <= len(text) + 2  # the line ends around the note
    if shorter != text:
        assert shorter.startswith(text[:head])
        assert shorter.endswith(text[len(text) - tail :])
        assert "[cut]" in shorter


def test_arguments_stay_an_object_with_their_short_fields() -> None:
    call = ToolCall(
        call_id=CallId("c"),
        name="write",
        arguments=json.dumps({"path": "a.py", "content": "z" * 5_000, "lines": ["é" * 90]}),
    )
    message = cut_message(AssistantMessage(tool_calls=(call,)), cut(part="arguments", head=200))
    assert isinstance(message, AssistantMessage)
    arguments = json.loads(message.tool_calls[0].arguments)
    assert arguments["path"] == "a.py"
    assert arguments["content"] == f"{'z' * 200}\n[cut]\nzzzzz"


@given(strings=st.lists(st.text(min_size=20, max_size=30), min_size=50, max_size=80))
def test_many_short_strings_are_cut_as_a_whole(strings: list[str]) -> None:
    call = ToolCall(call_id=CallId("c"), name="write", arguments=json.dumps({"lines": strings}))
    message = cut_message(AssistantMessage(tool_calls=(call,)), cut(part="arguments", head=200))
    assert isinstance(message, AssistantMessage)
    arguments = message.tool_calls[0].arguments
    assert isinstance(json.loads(arguments), dict)
    assert len(arguments) < len(call.arguments) / 2


def test_malformed_arguments_are_cut_as_text() -> None:
    call = ToolCall(call_id=CallId("c"), name="write", arguments='{"content": "' + "z" * 5_000)
    message = cut_message(AssistantMessage(tool_calls=(call,)), cut(part="arguments"))
    assert isinstance(message, AssistantMessage)
    assert len(message.tool_calls[0].arguments) < 100


def test_a_thought_that_is_cut_is_signed_no_more() -> None:
    message = AssistantMessage(thinking="hm " * 100, signed=({"signature": "s"},))
    shorter = cut_message(message, cut(part="thinking"))
    assert isinstance(shorter, AssistantMessage)
    assert shorter.signed == ()
    assert len(shorter.thinking) < 100


def test_only_what_is_shown_again_later_and_well_is_left_out() -> None:
    shows = {CallId(name): "file:a.py" for name in ("1", "2", "failed")} | {
        CallId("b"): "file:b.py"
    }
    messages: list[Message] = [
        SystemMessage(text="s"),
        shown("1"),
        shown("b"),
        shown("unknown"),
        shown("2"),
        shown("failed", is_error=True),
    ]
    cuts = superseded(messages, shows, len(messages))
    assert [(each.place, each.note) for each in cuts] == [(1, LATER)]
    assert cut_message(messages[1], cuts[0]) == shown("1", LATER)
    assert superseded([shown("1", "short"), shown("2")], shows, 2) == []
    assert superseded(messages, shows, 1) == [], "what is kept as it is"


@given(sizes=st.lists(st.integers(0, 1_000), max_size=30), most=st.integers(0, 20_000))
def test_all_are_cut_to_the_highest_level_that_fits(sizes: list[int], most: int) -> None:
    found = level(sizes, most)
    assert sum(min(size, found) for size in sizes) <= most or found == 0
    if sizes and found < max(sizes):
        assert sum(min(size, found + 1) for size in sizes) > most


@given(
    lengths=st.lists(st.integers(0, 60_000), min_size=1, max_size=8),
    most=st.integers(3_000, 40_000),
)
def test_long_parts_are_brought_down_to_what_fits(lengths: list[int], most: int) -> None:
    messages: list[Message] = [shown(str(n), "w " * (size // 2)) for n, size in enumerate(lengths)]
    messages.append(UserMessage(text="short"))
    cuts = to_size(messages, range(len(messages)), len, most, lambda _: "[in x.txt]")
    for each in cuts:
        messages[each.place] = cut_message(messages[each.place], each)
    assert sum(len(message.text) for message in messages) <= most + 400 * len(messages)
    assert messages[-1] == UserMessage(text="short")


@pytest.mark.parametrize("most", [600, 2_000, 9_999])
def test_what_was_cut_to_a_size_has_it_and_is_not_cut_again(most: int) -> None:
    note = "[... left out here; the whole is in /a/rather/long/path/of/a/file.txt ...]"
    messages: list[Message] = [shown("c", "w " * 5_000)]
    (once,) = to_size(messages, [0], len, most, lambda _: note)
    messages[0] = cut_message(messages[0], once)
    assert most - 10 < len(messages[0].text) <= most + 2  # the line ends around the note
    assert to_size(messages, [0], len, most + 2, lambda _: note) == []
