"""The examples in `traces/examples`: what we write, byte for byte, and good for all readers."""

import json
from pathlib import Path

import pytest

from ml_intern.events import ModelReplied
from ml_intern.messages import AssistantMessage
from ml_intern.transcript import conversation, parts
from ml_intern.transcript.problems import Problems
from tests.tracing import golden
from tests.tracing.rules import broken_rules

FILES = golden.files()
SESSIONS = [name for name in FILES if "/" not in name]


def test_the_folder_holds_the_examples_and_nothing_else() -> None:
    found = (path for path in golden.EXAMPLES.rglob("*") if path.is_file())
    assert sorted(FILES) == sorted(str(path.relative_to(golden.EXAMPLES)) for path in found)


@pytest.mark.parametrize("name", FILES)
def test_an_example_is_what_we_write(name: str) -> None:
    """After a wanted change: `python -m tests.tracing.golden`."""
    assert FILES[name] == (golden.EXAMPLES / name).read_bytes()


@pytest.mark.parametrize("name", SESSIONS)
def test_an_example_keeps_the_rules(name: str) -> None:
    assert broken_rules(golden.EXAMPLES / name) == []


def test_no_example_names_a_home() -> None:
    for content in FILES.values():
        assert b"/home/ada" not in content


def test_the_rules_notice_what_readers_choke_on(tmp_path: Path) -> None:
    """The rules themselves: each of these changes to a good file is found."""
    name = f"{golden.digits().session_id}.jsonl"
    content = FILES[name]
    lines = content.splitlines(keepends=True)
    spoilt = {
        "torn": content[:-1],
        "blanks": content.replace(b'"usage":{', b'"usage": {', 1),
        "null": content.replace(b'"service_tier":"standard"', b'"speed":null', 1),
        "a result lost": b"".join(line for line in lines if b"tool_result" not in line),
        "a line twice": content + lines[-1],
        "a line lost": b"".join(lines[:3] + lines[4:]),
        "raw separator": content.replace(b"classifier", "class\u2028ifier".encode(), 1),
        "secret": content.replace(b"classifier", b"hf_" + b"a" * 30, 1),
    }
    for how, data in spoilt.items():
        assert data != content, how
        path = tmp_path / name
        path.write_bytes(data)
        assert broken_rules(path), how


def test_every_kind_of_line_occurs() -> None:
    lines = [json.loads(line) for name in SESSIONS for line in FILES[name].splitlines()]
    kinds = {line.get("subtype", line["type"]) for line in lines}
    system = {"informational", "turn_duration", "compact_boundary"}
    assert {"user", "assistant", "ai-title"} | system == kinds


def test_an_example_goes_on_in_parts() -> None:
    first = golden.EXAMPLES / f"{golden.sweep().session_id}.jsonl"
    assert len(parts.files(first)) == 3
    problems = Problems()
    said = conversation.messages(parts.read(first, problems))
    assert problems.found == []
    whole = sum(isinstance(one.event, ModelReplied) for one in golden.sweep().events)
    assert sum(isinstance(message, AssistantMessage) for message in said) == whole
