"""What redacting left is seen by a second look, with its place; what is no secret is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tracing.redaction.scan import Finding, findings

RANDOM = "aB3xY7kQ9wE2rT5zU8iO1p"

SECRETS: list[tuple[dict[str, Any], str, str]] = [
    ({"input": {"password": "hunter2"}}, "value of password", "input.password"),
    ({"env": [{"HF_TOKEN": "abcd-efgh"}]}, "value of HF_TOKEN", "env[0].HF_TOKEN"),
    ({"text": f"use hf_{RANDOM} here"}, "random word", "text"),
    ({"a": {"b": ["", "postgresql://u:pa@h/db"]}}, "password in an address", "a.b[1]"),
    ({"t": f"-----BEGIN RSA PRIVATE KEY-----\n{RANDOM}{RANDOM}"}, "private key", "t"),
    ({"t": f"\\nexport DB_PASSWORD={RANDOM}\n"}, "random word", "t"),
    ({f"hf_{RANDOM}": 1}, "random word", "a name in the line"),
]

CLEAN: list[dict[str, Any]] = [
    {"uuid": "550e8400-e29b-41d4-a716-446655440000", "id": f"toolu_{RANDOM}"},
    {"text": "password: [REDACTED:password]", "password": "[REDACTED:password]"},
    {"pad_token": "<|endoftext|>", "max_tokens": 4096, "token": "Paris"},
    {"text": "tokenizer.pad_token = tokenizer.eos_token; hf_hub_download_and_more_of_it()"},
    {"text": "if '-----BEGIN PRIVATE KEY-----' in text: raise ValueError"},
    {"text": "api_key: [REDACTED:key]\nsha256:" + "a1b2c3d4" * 8},
    {"text": "postgresql://user:{password}@localhost/db"},
    {"text": 'shared_key = "train-shards-v3"'},
    {"TOKEN": "SOME_CONSTANT", "shared_key": "train-shards-v3", "hashed_token": "key_id"},
]


def file_of(folder: Path, *lines: object) -> Path:
    path = folder / "trace.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(("line", "kind", "where"), SECRETS)
def test_what_is_left_is_named_by_its_place(
    tmp_path: Path, line: dict[str, Any], kind: str, where: str
) -> None:
    path = file_of(tmp_path, {"text": "nothing"}, line)
    assert findings(path) == [Finding(line=2, kind=kind, where=where)]


@pytest.mark.parametrize("line", CLEAN)
def test_what_is_no_secret_holds_nothing_back(tmp_path: Path, line: dict[str, Any]) -> None:
    assert findings(file_of(tmp_path, line)) == []


def test_a_line_that_cannot_be_read_cannot_be_vouched_for(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": \n{"c": "\xff"}\n')
    assert [str(found) for found in findings(path)] == [
        "line 2: cannot be read",
        "line 3: cannot be read",
    ]


def test_a_file_in_utf_16_is_looked_through(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"a": 1}\n{"password": "hunter2"}\n', encoding="utf-16")
    assert [str(found) for found in findings(path)] == ["line 2: value of password in password"]
