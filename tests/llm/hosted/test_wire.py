"""Our messages as the strictest provider wants them."""

import json
import re

from ml_intern.llm.hosted.wire import (
    INJECTED,
    LONGEST_ID,
    NOTHING,
    lacks_thought,
    messages_on_the_wire,
    tools_on_the_wire,
)
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


def call(call_id: str, arguments: str = "{}", name: str = "bash") -> ToolCall:
    return ToolCall(call_id=CallId(call_id), name=name, arguments=arguments)


def answer(call_id: str, text: str = "fine", name: str = "bash") -> ToolMessage:
    return ToolMessage(call_id=CallId(call_id), name=name, text=text)


def test_a_turn_with_two_calls() -> None:
    wire = messages_on_the_wire(
        [
            SystemMessage(text="s"),
            UserMessage(text="u"),
            AssistantMessage(text="a", tool_calls=(call("1", '{"x": 1}'), call("2"))),
            answer("1", "one"),
            answer("2", "two"),
        ]
    )
    assert wire == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {
            "role": "assistant",
            "content": "a",
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "bash", "arguments": '{"x": 1}'},
                },
                {"id": "2", "type": "function", "function": {"name": "bash", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "name": "bash", "content": "one"},
        {"role": "tool", "tool_call_id": "2", "name": "bash", "content": "two"},
    ]


def test_what_is_said_in_a_row_is_one_message_and_the_harness_is_told_from_the_person() -> None:
    said: list[Message] = [
        UserMessage(text="Train it."),
        UserMessage(text="The plan is open.", injected=True),
        UserMessage(text="And hurry."),
    ]
    assert messages_on_the_wire(said) == [
        {
            "role": "user",
            "content": f"Train it.\n\n{INJECTED}The plan is open.\n\nAnd hurry.",
        }
    ]


def test_no_text_is_empty() -> None:
    wire = messages_on_the_wire(
        [
            SystemMessage(text=""),
            UserMessage(text=" \n"),
            AssistantMessage(),
            UserMessage(text="go on"),
            AssistantMessage(text="  ", tool_calls=(call("1"),)),
            answer("1", ""),
        ]
    )
    assert [each["content"] for each in wire] == [NOTHING, NOTHING, NOTHING, "go on", None, NOTHING]


def test_arguments_are_always_an_object() -> None:
    written = ['{"a": 1}', "", "{broken", "[1]", '"text"', "null"]
    wire = messages_on_the_wire(
        [AssistantMessage(tool_calls=tuple(call(str(i), each) for i, each in enumerate(written)))]
    )
    sent = [json.loads(each["function"]["arguments"]) for each in wire[0]["tool_calls"]]
    assert sent[:2] == [{"a": 1}, {}]
    assert sent[2:] == [{"malformed_arguments": each} for each in written[2:]]


def test_a_name_that_no_provider_takes_is_written_differently_on_both_sides() -> None:
    name = "functions.bash:0 " + "x" * 80
    wire = messages_on_the_wire(
        [AssistantMessage(tool_calls=(call("1", name=name),)), answer("1", name=name)]
    )
    sent = wire[0]["tool_calls"][0]["function"]["name"]
    assert sent == wire[1]["name"] == ("functions_bash_0_" + "x" * 80)[:64]
    assert messages_on_the_wire([answer("1", name="")])[0]["name"] == "unnamed"


def test_an_id_of_one_model_is_an_id_for_every_other() -> None:
    """OpenAI takes forty letters; Gemini's hold a signature that only Gemini reads."""
    ids = ["call_1", f"call_2__thought__{'c2ln' * 200}", "x" * 100, "functions.bash:0", ""]
    said: list[Message] = [
        AssistantMessage(tool_calls=tuple(call(each) for each in ids)),
        *(answer(each) for each in ids),
    ]
    wire = messages_on_the_wire(said)
    sent = [each["id"] for each in wire[0]["tool_calls"]]
    assert sent == [each["tool_call_id"] for each in wire[1:]]
    assert sent[:2] == ["call_1", "call_2"]
    assert all(len(each) <= LONGEST_ID and re.fullmatch(r"[\w-]*", each) for each in sent)
    assert len(set(sent)) == len(ids)
    kept = messages_on_the_wire(said, signs_ids=True)
    assert [each["id"] for each in kept[0]["tool_calls"]] == ids
    assert [each["tool_call_id"] for each in kept[1:]] == ids


def test_signed_thoughts_go_back_only_to_their_signer() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "s"}
    said: list[Message] = [
        UserMessage(text="u"),
        AssistantMessage(tool_calls=(call("1"),), signed=(block,), model="a"),
        answer("1"),
        AssistantMessage(text="done", signed=(block,), model="a"),
        UserMessage(text="again"),
        AssistantMessage(tool_calls=(call("2"),), signed=(block,), model="a"),
        answer("2"),
        UserMessage(text="hurry"),
        AssistantMessage(tool_calls=(call("3"),), signed=(block,), model="b"),
        answer("3"),
    ]

    def signed(signer: str) -> list[int]:
        wire = messages_on_the_wire(said, signer=signer)
        return [at for at, each in enumerate(wire) if "thinking_blocks" in each]

    assert (signed("a"), signed("b"), signed(""), signed("c")) == ([5], [8], [], [])
    assert lacks_thought(said, "a")
    assert not lacks_thought(said, "b")
    assert not lacks_thought(said[:5], "a")


def test_thoughts_go_back_only_within_the_run_of_calls_under_way() -> None:
    said: list[Message] = [
        UserMessage(text="u"),
        AssistantMessage(text="old", thinking="long ago"),
        UserMessage(text="again"),
        AssistantMessage(thinking="just now", tool_calls=(call("1"),)),
        answer("1"),
    ]
    wire = messages_on_the_wire(said, takes_thinking=True)
    assert [each.get("reasoning_content") for each in wire] == [None, None, None, "just now", None]
    assert not any("reasoning_content" in each for each in messages_on_the_wire(said))


def test_the_cache_is_marked_after_system_prompt_last_request_and_this_one() -> None:
    said: list[Message] = [
        SystemMessage(text="s"),
        UserMessage(text="u"),
        AssistantMessage(tool_calls=(call("1"),)),
        answer("1"),
        AssistantMessage(tool_calls=(call("2"), call("3"))),
        answer("2"),
        answer("3"),
    ]
    mark = {"type": "ephemeral"}
    wire = messages_on_the_wire(said, marks_cache=True)
    assert wire[0]["content"] == [{"type": "text", "text": "s", "cache_control": mark}]
    assert ["cache_control" in each for each in wire[1:]] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    first = messages_on_the_wire(said[:2], marks_cache=True)
    assert [each["content"][0]["cache_control"] for each in first] == [mark, mark]


def test_a_tool_is_a_function_with_its_schema() -> None:
    tool = ToolSpec(name="look", description="Looks.", parameters={"type": "object"})
    assert tools_on_the_wire([tool]) == [
        {
            "type": "function",
            "function": {
                "name": "look",
                "description": "Looks.",
                "parameters": {"type": "object"},
            },
        }
    ]
