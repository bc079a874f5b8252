"""Lines as bytes: what readers choke on never reaches them, and everything else comes through."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.clock import parse_stamp
from ml_intern.messages import Usage
from ml_intern.transcript.line import (
    MAX_DEPTH,
    NULL_KILLERS,
    Answered,
    Body,
    Compacted,
    Line,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    Title,
    ToolUse,
    TurnTook,
    encode,
    line_uuid,
    plain,
    three_numbers,
    tool_input,
)

SESSION = "0c8e4a52-7d3f-4b7e-9a55-2f1f6f6f0a11"
HOSTILE_TEXTS = {
    "line separators": "a\u2028b\u2029c\u0085d\x0b\x0c\x1c\x1d\x1e",
    "newlines": "a\nb\r\nc\r",
    "quotes": '"\\"\\u0000"}\n{"type":"user"}',
    "emoji": "🤗 déjà vu 汉字",
    "byte order mark": "\ufeffx",
    "null in text": '"id":null',
}


def line(body: Body, **changes: Any) -> Line:
    given: dict[str, Any] = {
        "session_id": SESSION,
        "uuid": line_uuid(SESSION, "1.0"),
        "parent": None,
        "at": parse_stamp("2026-01-31T23:59:59.123Z"),
        "version": "0.1.0",
        "body": body,
    }
    return Line(**(given | changes))


def replied(*blocks: Any, **changes: Any) -> Replied:
    given: dict[str, Any] = {
        "message_id": "msg_1",
        "request_id": "req_1",
        "model": "autopilot",
        "blocks": blocks,
        "stop_reason": "end_turn",
        "usage": Usage(input_tokens=7, output_tokens=2, cache_read_tokens=5),
    }
    return Replied(**(given | changes))


def fields(body: Body, **changes: Any) -> dict[str, Any]:
    return json.loads(encode(line(body, **changes)))


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_any_text_stays_on_one_ascii_line_and_comes_back(text: str) -> None:
    data = encode(line(Said(text=text)))
    assert data.isascii()
    assert data.decode().splitlines(keepends=True) == [data.decode()]
    assert json.loads(data)["message"]["content"] == text


@pytest.mark.parametrize("text", ["a\ud83d", "\udc00b", "x\udfff\ud800y"])
def test_half_surrogates_are_replaced(text: str) -> None:
    content = fields(Said(text=text))["message"]["content"]
    assert "\ufffd" in content
    assert content.encode()


def test_whole_surrogate_pairs_become_their_character() -> None:
    assert fields(Said(text="\ud83e\udd17"))["message"]["content"] == "🤗"


def test_nul_is_replaced() -> None:
    assert fields(Said(text="a\0b"))["message"]["content"] == "a\ufffdb"


def test_there_are_no_blanks_between_tokens() -> None:
    assert b'"usage":{"input_tokens":7,' in encode(line(replied(Text(text="x"))))


def test_a_line_carries_the_whole_envelope() -> None:
    assert {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/workspace",
        "sessionId": SESSION,
        "version": "0.1.0",
        "entrypoint": "ml-intern",
        "type": "user",
        "uuid": line_uuid(SESSION, "1.0"),
        "timestamp": "2026-01-31T23:59:59.123Z",
        "mlIntern": {"seq": 4},
        "message": {"role": "user", "content": "hello"},
    } == fields(Said(text="hello"), extra={"seq": 4})


def test_a_reply_keeps_thinking_words_and_calls_in_order() -> None:
    call = ToolUse(use_id="call_1", name="bash", input={"command": "ls"})
    written = fields(replied(Thinking(text="hm"), Text(text="I look."), call, cost_usd=0.5))
    assert written["message"]["content"] == [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "bash", "input": {"command": "ls"}},
    ]
    assert written["message"]["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 5,
        "output_tokens": 2,
        "service_tier": "standard",
    }
    assert (written["requestId"], written["costUSD"]) == ("req_1", 0.5)


def test_an_unknown_cost_is_left_out() -> None:
    assert "costUSD" not in fields(replied(Text(text="x")))


def test_blank_blocks_are_left_out_but_never_all_of_them() -> None:
    one = fields(replied(Thinking(text=" \n"), Text(text="x")))["message"]["content"]
    none = fields(replied(Thinking(text=""), Text(text="")))["message"]["content"]
    assert one == [{"type": "text", "text": "x"}]
    assert none == [{"type": "text", "text": "(empty answer)"}]


def test_an_empty_result_says_so() -> None:
    answer = Answered(use_id="call_1", text=" ", is_error=False, details={}, asked_in="u")
    assert fields(answer)["message"]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": "(no output)",
            "is_error": False,
        }
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            Noticed(text="x", level="warning"),
            {"subtype": "informational", "content": "x", "level": "warning"},
        ),
        (TurnTook(duration_ms=9), {"subtype": "turn_duration", "durationMs": 9}),
        (
            Compacted(after="u", before_tokens=3),
            {
                "subtype": "compact_boundary",
                "content": "Conversation compacted",
                "level": "info",
                "logicalParentUuid": "u",
                "compactMetadata": {"trigger": "auto", "preTokens": 3},
            },
        ),
    ],
)
def test_system_lines_have_subtypes_that_readers_know(body: Body, expected: dict[str, Any]) -> None:
    written = fields(body)
    assert written["type"] == "system"
    assert expected == {key: written[key] for key in expected}


def test_a_title_stands_outside_the_chain() -> None:
    written = json.loads(encode(Title(session_id=SESSION, title="Digits", extra={"seq": 3})))
    assert written == {
        "type": "ai-title",
        "aiTitle": "Digits",
        "sessionId": SESSION,
        "mlIntern": {"seq": 3},
    }


@pytest.mark.parametrize("key", sorted(NULL_KILLERS))
def test_nulls_that_lose_the_usage_are_left_out_wherever_they_stand(key: str) -> None:
    given = {"deep": [{key: None, "other": None}], key: None}
    call = ToolUse(use_id="c", name="x", input=given)
    data = encode(line(replied(call)))
    assert f'"{key}":null' not in data.decode()
    assert json.loads(data)["message"]["content"][0]["input"] == {"deep": [{"other": None}]}


def test_nulls_stay_where_they_harm_nobody() -> None:
    answer = Answered(use_id="c", text="x", is_error=False, details={"id": None}, asked_in="u")
    assert fields(answer)["toolUseResult"] == {"id": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-float("inf"), "-inf"),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, str(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        pytest.param(10**5000, hex(10**5000), id="longer than Python writes"),
        (True, True),
        ((1, None), [1, None]),
        ({1: b"x"}, {"1": "b'x'"}),
        ({"a\0": "\ud800"}, {"a\ufffd": "\ufffd"}),
    ],
)
def test_values_that_readers_refuse_become_text(value: Any, expected: Any) -> None:
    assert expected == plain(value)


def test_values_nested_too_deep_are_refused() -> None:
    deep: Any = None
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(ValueError, match="nested more than"):
        plain(deep)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": NaN, "b": -Infinity}', {"a": "nan", "b": "-inf"}),
        (f'{{"a": {2**70}}}', {"a": str(2**70)}),
        ('{"a": "\\ud800"}', {"a": "\ufffd"}),
        ("[1]", {"_raw": "[1]"}),
        ("null", {"_raw": "null"}),
        ('{"a": ', {"_raw": '{"a": '}),
        ("", {"_raw": ""}),
        ("\0\ud800", {"_raw": "\ufffd\ufffd"}),
    ],
)
def test_arguments_are_always_an_object(arguments: str, expected: dict[str, Any]) -> None:
    assert expected == tool_input(arguments)


@pytest.mark.parametrize("depth", [MAX_DEPTH, 100_000], ids=["deep", "deeper than the parser"])
def test_arguments_that_are_nested_too_deep_are_kept_as_text(depth: int) -> None:
    arguments = '{"a":' * depth + "1" + "}" * depth
    assert tool_input(arguments) == {"_raw": arguments}


def test_a_number_of_ten_thousand_digits_is_kept_as_text() -> None:
    arguments = '{"a": ' + "9" * 10_000 + "}"
    assert tool_input(arguments) == {"_raw": arguments}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.2.0", "0.2.0"),
        ("v0.2.0.dev1", "0.2.0"),
        ("dev", "0.0.0"),
        ("0.3", "0.0.0"),
        ("", "0.0.0"),
    ],
)
def test_versions_are_three_numbers(version: str, expected: str) -> None:
    assert expected == three_numbers(version)


def test_uuids_are_stable_and_differ_by_session_and_place() -> None:
    other = "11111111-1111-4111-8111-111111111111"
    assert line_uuid(SESSION, "1.0") == "28bcf28c-21cb-5d50-a589-9e4570d1b645"
    assert len({line_uuid(SESSION, "1.0"), line_uuid(SESSION, "1.1"), line_uuid(other, "1.0")}) == 3


def test_a_uuid_needs_a_session_that_is_one() -> None:
    with pytest.raises(ValueError, match="badly formed"):
        line_uuid("aaaa-1", "1.0")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=ANY_JSON, text=st.text(st.characters(codec=None)))
def test_whatever_is_put_in_is_one_strict_json_line(value: Any, text: str) -> None:
    call = ToolUse(use_id="c", name="x", input={"value": value})
    data = encode(line(replied(Text(text=text), call), extra={"value": value}))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    back = json.loads(data, parse_constant=refuse)
    again = json.dumps(back, separators=(",", ":"), allow_nan=False)
    assert again.encode("ascii") + b"\n" == data
    assert json.dumps(back, ensure_ascii=False).encode()
