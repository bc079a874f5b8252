"""Session files of ours and of others, whole and broken."""

import io
import json
from itertools import chain, product
from pathlib import Path
from typing import Any

import pytest

from ml_intern.transcript import links, reading
from ml_intern.transcript.conversation import joined, messages, numbered
from ml_intern.transcript.decoding import Record, Unknown
from ml_intern.transcript.line import (
    Answered,
    Compacted,
    Noticed,
    Replied,
    Said,
    Text,
    Title,
    ToolUse,
    TurnTook,
)
from ml_intern.transcript.problems import Problems

EXAMPLES = sorted(Path("traces/examples").glob("*.jsonl"))


def read(data: bytes) -> tuple[list[Record], list[str]]:
    """The records, and the problems as people read them."""
    problems = Problems()
    records = list(reading.read_stream(io.BytesIO(data), problems))
    return records, [str(problem) for problem in problems.found]


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def user(text: str, **fields: Any) -> bytes:
    return line(type="user", message={"role": "user", "content": text}, **fields)


def calls(*blocks: dict[str, Any], message_id: str = "m1", **fields: Any) -> bytes:
    message = {"id": message_id, "role": "assistant", "model": "m", "content": list(blocks)}
    return line(type="assistant", message=message, **fields)


def result(use_id: str, text: str = "done", **fields: Any) -> bytes:
    block = {"type": "tool_result", "tool_use_id": use_id, "content": text}
    return line(type="user", message={"role": "user", "content": [block]}, **fields)


def use(use_id: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": use_id, "name": "bash", "input": arguments}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[:8])
def test_our_own_files_have_no_problem(path: Path) -> None:
    records, problems = read(path.read_bytes())
    assert problems == []
    assert {type(record.content) for record in records} >= {Said, Replied}


def test_every_kind_of_line_of_ours_is_read() -> None:
    records = [record for path in EXAMPLES for record in read(path.read_bytes())[0]]
    kinds = {type(record.content) for record in records}
    assert kinds == {Said, Replied, Answered, Noticed, Title, TurnTook, Compacted}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[:8])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_and_line_ends_are_read_alike(path: Path, encoding: str) -> None:
    data = path.read_bytes()
    expected, _ = read(data)
    records, _ = read(data.decode().replace("\n", "\r\n").encode(encoding))
    assert records == expected


def test_each_broken_line_is_named_and_costs_itself_alone() -> None:
    data = b"".join(
        (
            user("train it"),
            b"not json\n",
            b"[1, 2]\n",
            b"\n",
            b'{"type":"user","message":{"role":"user","content":"\xff\xfe"}}\n',
            line(type="invented"),
            line(kind="none"),
            user("and this", timestamp="yesterday"),
            b'{"type":"user","mess',
        )
    )
    records, problems = read(data)
    assert problems == [
        "line 2: no JSON (Expecting value, column 1)",
        "line 3: a JSON list, where an object belongs",
        "line 5: not UTF-8 at byte 51; such bytes are read as \ufffd",
        "line 6: an unknown type of line, 'invented'",
        "line 7: a line without a type",
        "line 8: a time that cannot be read: 'yesterday'",
        "line 9: no JSON (Unterminated string, column 16), and the file ends here: "
        "the line was cut off",
    ]
    assert [record.line for record in records if isinstance(record.content, Said)] == [1, 5, 8]
    assert [record.line for record in records if isinstance(record.content, Unknown)] == [6, 7]


def test_links_that_cannot_be_are_named() -> None:
    data = b"".join(
        (
            user("one", uuid="a" * 8, parentUuid=None),
            user("two", uuid="b" * 8, parentUuid="b" * 8),
            user("three", uuid="c" * 8, parentUuid="d" * 8),
            user("four", uuid="a" * 8, parentUuid="c" * 8),
            calls(use("t1"), use("t2")),
            result("t1"),
            result("t1"),
            result("t9"),
        )
    )
    _, problems = read(data)
    assert problems == [
        "line 2: hangs on itself (bbbbbbbb)",
        "line 3: hangs on no earlier line (dddddddd)",
        "line 4: has the uuid of an earlier line (aaaaaaaa)",
        "line 7: answers the call t1 a second time",
        "line 8: answers the call t9 that nobody made",
        "line 5: the call t2 has no result",
    ]


def test_of_a_file_with_more_ids_than_are_remembered_the_rest_is_read_unchecked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(links, "MOST_IDS", 3)
    many = [user(str(n), uuid=f"u{n}", parentUuid=f"u{n - 1}" if n else None) for n in range(6)]
    records, problems = read(b"".join(many) + calls(use("c1")))
    assert len(records) == 7
    assert problems == ["line 3: from here on, links, calls and results are not checked"]


def test_a_line_beyond_all_measure_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 1 << 20)
    records, problems = read(user("x" * (3 << 20)) + user("after"))
    assert problems == ["line 1: longer than 1 MiB, skipped"]
    assert [record.content for record in records] == [Said(text="after")]


def test_deep_nesting_is_named() -> None:
    records, problems = read(b'{"type":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n" + user("after"))
    assert problems == ["line 1: no JSON (nested too deep)"]
    assert len(records) == 1


def test_half_surrogates_can_be_printed() -> None:
    records, problems = read(b'{"type":"user","message":{"content":"a\\ud83db"}}\n')
    assert problems == []
    assert isinstance(records[0].content, Said)
    assert records[0].content.text.encode() == "a\ufffdb".encode()


def test_numbers_and_nulls_where_words_belong_break_nothing() -> None:
    odd = line(type="user", message=7, uuid=3, sessionId=None, toolUseResult=[1])
    usage = {"input_tokens": None, "output_tokens": "9", "cache_read_input_tokens": 1e400}
    reply = line(type="assistant", message={"content": None, "usage": usage}, costUSD="1")
    records, problems = read(odd + reply + line(type="system", content=None))
    assert problems == ["line 1: a user's line without content"]
    assert isinstance(records[0].content, Replied)
    assert records[0].content.blocks == ()


def test_an_answer_of_several_lines_is_one() -> None:
    thinks = {"type": "thinking", "thinking": "hm"}
    data = b"".join(
        (user("go"), calls(thinks), calls(use("t1", command="ls")), calls(use("t2")), result("t2"))
    )
    records, _ = read(data)
    replies = [one.content for one in joined(records) if isinstance(one.content, Replied)]
    assert [len(reply.blocks) for reply in replies] == [3]


def test_a_file_reads_as_what_was_encoded() -> None:
    (path,) = (example for example in EXAMPLES if example.stem.startswith("c9f0"))
    records, _ = read(path.read_bytes())
    assert all(record.uuid for record in records if not isinstance(record.content, Title))
    replied = next(one for one in records if isinstance(one.content, Replied))
    assert isinstance(replied.content, Replied)
    assert replied.content.usage.cache_read_tokens == 1900
    assert isinstance(replied.content.blocks[0], Text | ToolUse)


def test_turns_begin_with_words_of_a_person() -> None:
    data = b"".join(
        (
            user("hint", isMeta=True),
            user("first"),
            calls({"type": "text", "text": "yes"}),
            user("second"),
        )
    )
    records, _ = read(data)
    assert [number for number, _ in numbered(records)] == [0, 1, 1, 2]


def test_messages_pair_calls_and_answers_whatever_the_order_of_lines() -> None:
    data = b"".join(
        (
            user("go"),
            calls(use("t1"), use("t2")),
            result("t2"),
            user("wait, also this"),
            calls({"type": "text", "text": "done"}, message_id="m2"),
        )
    )
    found = messages(read(data)[0])
    assert [(message.role, message.text) for message in found] == [
        ("user", "go"),
        ("assistant", ""),
        ("tool", "done"),
        ("tool", "Interrupted before the tool finished."),
        ("user", "wait, also this"),
        ("assistant", "done"),
    ]


def test_what_was_summed_up_or_taken_back_is_not_before_a_model() -> None:
    data = b"".join(
        (
            user("task"),
            calls({"type": "text", "text": "one"}),
            user("chain", isCompactSummary=True, mlIntern={"newChain": True}),
            user("more"),
            calls({"type": "text", "text": "two"}, message_id="m2"),
            user("summary", isCompactSummary=True, mlIntern={"kept": 2}),
            user("wrong"),
            calls({"type": "text", "text": "three"}, message_id="m3"),
            line(type="system", subtype="informational", content="x", mlIntern={"undone": "wrong"}),
        )
    )
    found = messages(read(data)[0])
    assert [message.text for message in found] == ["task", "summary", "more", "two"]


def test_a_call_that_waits_is_no_problem_but_one_that_was_left_behind_is() -> None:
    asked = calls(use("t1")) + calls(use("t2"), use("t3"), message_id="m2") + result("t2")
    waits = line(type="system", mlIntern={"waitingOn": ["approval:a1"]})
    decided = line(type="system", content="ada approved bash.")
    assert read(asked + waits + decided)[1] == ["line 1: the call t1 has no result"]
    assert "line 2: the call t3 has no result" in read(asked + waits + user("go on"))[1]


def test_a_half_surrogate_is_seen_wherever_it_stands() -> None:
    r"""Whole pairs and texts like `\\ud83d` around it must not hide it."""
    units = (r"\ud83d", r"\uDc00", r"\uDBFF", "\\\\", r"\\ud83d", r"\\udc00", "a", r"\n")
    for written in map("".join, chain(*(product(units, repeat=many) for many in range(1, 5)))):
        (record,), _ = read(b'{"type":"user","message":{"content":"x%s"}}' % written.encode())
        assert isinstance(record.content, Said)
        record.content.text.encode()
