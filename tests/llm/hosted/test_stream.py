"""From pieces to one reply, whatever a server does with indices and ids."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

from ml_intern.llm.hosted.stream import Answer
from ml_intern.messages import Usage


def chunk(
    text: str | None = None,
    *calls: SimpleNamespace,
    thinking: str | None = None,
    finish: str | None = None,
) -> SimpleNamespace:
    delta = SimpleNamespace(content=text, tool_calls=list(calls) or None)
    if thinking is not None:
        delta.reasoning_content = thinking
    return SimpleNamespace(choices=[SimpleNamespace(delta=delta, finish_reason=finish)])


def piece(
    index: int | None, call_id: str | None = None, name: str | None = None, arguments: Any = ""
) -> SimpleNamespace:
    function = SimpleNamespace(name=name, arguments=arguments)
    return SimpleNamespace(index=index, id=call_id, function=function)


def answer_of(*chunks: SimpleNamespace) -> Answer:
    answer = Answer()
    for each in chunks:
        answer.take(each)
    return answer


def calls_of(*chunks: SimpleNamespace) -> list[tuple[str, str, str]]:
    calls = answer_of(*chunks).message().tool_calls
    return [(call.call_id, call.name, call.arguments) for call in calls]


def test_text_and_thoughts_are_put_together_apart() -> None:
    answer = Answer()
    pieces = [
        answer.take(each)
        for each in (chunk(""), chunk(thinking="hm "), chunk(thinking="hm"), chunk("a"), chunk("b"))
    ]
    assert pieces == ["", "", "", "a", "b"]
    message = answer.message()
    assert (message.text, message.thinking, answer.text) == ("ab", "hm hm", "ab")


def thought(*blocks: dict[str, str]) -> SimpleNamespace:
    delta = SimpleNamespace(content=None, tool_calls=None, thinking_blocks=list(blocks))
    return SimpleNamespace(choices=[SimpleNamespace(delta=delta, finish_reason=None)])


def test_a_thought_is_put_together_up_to_its_signature() -> None:
    withheld = {"type": "redacted_thinking", "data": "c2VjcmV0"}
    answer = answer_of(
        thought({"type": "thinking", "thinking": "hm ", "signature": ""}),
        thought({"type": "thinking", "thinking": "hm"}),
        thought({"type": "thinking", "thinking": "", "signature": "b25l"}),
        thought(withheld),
        thought({"type": "thinking", "thinking": "so"}),
        thought({"type": "thinking", "thinking": "", "signature": "dHdv"}),
        thought({"type": "thinking", "thinking": "never signed"}),
    )
    assert answer.message().signed == (
        {"type": "thinking", "thinking": "hm hm", "signature": "b25l"},
        withheld,
        {"type": "thinking", "thinking": "so", "signature": "dHdv"},
    )


def test_parallel_calls_whose_pieces_are_mixed() -> None:
    assert calls_of(
        chunk(None, piece(0, "a", "bash"), piece(1, "b", "read")),
        chunk(None, piece(1, arguments='{"p"')),
        chunk(None, piece(0, arguments='{"c": ')),
        chunk(None, piece(1, arguments=": 2}"), piece(0, arguments="1}")),
    ) == [("a", "bash", '{"c": 1}'), ("b", "read", '{"p": 2}')]


def test_whole_calls_that_all_have_index_zero() -> None:
    """As Ollama's, some of them without an id."""
    assert calls_of(
        chunk(None, piece(0, "a", "bash", '{"x": 1}')),
        chunk(None, piece(0, None, "look", "{}")),
        chunk(None, piece(0, None, "look", "{}")),
        chunk(None, piece(0, "b", "read", "{}")),
    ) == [
        ("a", "bash", '{"x": 1}'),
        ("call_1", "look", "{}"),
        ("call_2", "look", "{}"),
        ("b", "read", "{}"),
    ]


def test_id_and_name_may_be_repeated_with_every_piece() -> None:
    assert calls_of(
        chunk(None, piece(0, "a", "bash", '{"x"')),
        chunk(None, piece(0, "a", "bash", ": 1}")),
    ) == [("a", "bash", '{"x": 1}')]
    assert calls_of(
        chunk(None, piece(0, None, "bash", '{"x"')),
        chunk(None, piece(0, None, "bash", ": 1}")),
    ) == [("call_0", "bash", '{"x": 1}')]


def test_an_index_may_be_missing_and_arguments_an_object() -> None:
    assert calls_of(chunk(None, piece(None, "a", "bash", {"x": 1}))) == [("a", "bash", '{"x": 1}')]


def test_ids_are_unique_in_a_message() -> None:
    ids = [
        call_id
        for call_id, _, _ in calls_of(
            chunk(None, piece(0, "same", "bash", "{}")), chunk(None, piece(1, "same", "bash", "{}"))
        )
    ]
    assert ids == ["same", "same_1"]


def test_three_hundred_calls_in_pieces_of_any_size_come_out_whole() -> None:
    chance = random.Random(7)
    whole = [
        (f"id{i}", "bash", '{"command": "' + "x" * chance.randrange(40) + '"}') for i in range(300)
    ]
    chunks = []
    for index, (call_id, name, arguments) in enumerate(whole):
        chunks.append(chunk(None, piece(index, call_id, name)))
        while arguments:
            cut = chance.randrange(1, 12)
            chunks.append(chunk(None, piece(index, arguments=arguments[:cut])))
            arguments = arguments[cut:]
    assert calls_of(*chunks) == whole


@pytest.mark.parametrize(
    ("finish", "has_calls", "reason"),
    [
        ("stop", False, "end"),
        ("stop", True, "tool_calls"),
        ("tool_calls", True, "tool_calls"),
        ("tool_calls", False, "end"),
        ("length", False, "length"),
        ("length", True, "length"),
    ],
)
def test_why_it_stopped(finish: str, has_calls: bool, reason: str) -> None:
    calls = [piece(0, "a", "bash", "{}")] if has_calls else []
    assert answer_of(chunk(None, *calls), chunk(finish=finish)).stop_reason == reason


def test_a_frame_without_content_begins_nothing() -> None:
    assert not answer_of(chunk(""), SimpleNamespace(choices=[])).has_begun
    assert answer_of(chunk(thinking="hm")).has_begun
    assert answer_of(chunk(None, piece(0, "a", "bash"))).has_begun


@pytest.mark.parametrize(
    ("counted", "usage"),
    [
        (
            {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": None},
            Usage(input_tokens=100, output_tokens=10),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 10,
                "prompt_tokens_details": SimpleNamespace(cached_tokens=60),
            },
            Usage(input_tokens=40, output_tokens=10, cache_read_tokens=60),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 10,
                "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 5,
                "prompt_tokens_details": SimpleNamespace(cached_tokens=30, cache_creation_tokens=5),
            },
            Usage(input_tokens=65, output_tokens=10, cache_read_tokens=30, cache_write_tokens=5),
        ),
        ({"prompt_tokens": None, "completion_tokens": None}, Usage()),
        (
            {"prompt_tokens": 100, "completion_tokens": -4000, "cache_read_input_tokens": -9},
            Usage(input_tokens=100),
        ),
        ({"prompt_tokens": 10**400, "completion_tokens": 1.5}, Usage()),
        ({"prompt_tokens": 10**9, "completion_tokens": 10}, Usage()),
    ],
)
def test_input_tokens_do_not_hold_the_cached_ones(counted: dict[str, Any], usage: Usage) -> None:
    last = SimpleNamespace(choices=[], usage=SimpleNamespace(**counted))
    assert answer_of(chunk("a"), last).usage == usage
