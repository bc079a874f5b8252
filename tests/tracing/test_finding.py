"""What people type for a trace."""

import re
from pathlib import Path

import pytest

from ml_intern.errors import InputError
from ml_intern.tracing.finding import HubFile, find, on_hub

FIRST = "c9f02920-881f-5462-872c-5b98acb62df8"
SECOND = "c9f02921-1416-5d86-8c4a-bae706edcd42"


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    for folder, name in (("sessions/2026-11-20", FIRST), ("imported/2026-11-21", SECOND)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{name}.jsonl").write_text("{}\n")
    return tmp_path


def test_a_path_is_itself(traces: Path, tmp_path: Path) -> None:
    other = tmp_path / "some file.jsonl"
    other.write_text('{"type": "user", "message": {"content": "Do it."}}\n')
    assert find(str(other), traces) == other


@pytest.mark.parametrize("name", [FIRST, SECOND])
def test_the_beginning_of_an_id_is_enough(traces: Path, name: str) -> None:
    assert find(name[:8].upper(), traces).stem == name


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("c9f0292", f"Several traces begin with 'c9f0292': {FIRST}, {SECOND}"),
        ("ffff", "There is no trace 'ffff'"),
        ("", "Name a trace"),
        ("no/such/file.jsonl", "There is no trace"),
        ("~nosuchuser/x.jsonl", "There is no trace '~nosuchuser/x.jsonl': it is no file"),
        ("/dev/zero", "There is no trace '/dev/zero': it is no plain file"),
        ("/proc/self/mem", "/proc/self/mem cannot be read: Input/output error."),
    ],
)
def test_what_names_no_one_trace_is_refused(traces: Path, typed: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        find(typed, traces)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    traces = tmp_path / "traces"
    traces.write_text("x")
    with pytest.raises(InputError, match=f"{traces} is no folder"):
        find("ffff", traces)


def test_a_folder_is_no_trace(traces: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        find(str(traces / "sessions"), traces)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", ""),
        (b"just words\n", " (line 1: no JSON (Expecting value, column 1))"),
        (b'{"messages": [], "tools": []}\n', " (line 1: a line without a type)"),
        (b"\x7fELF\x02\xff\xfe\n" * 9, " (line 1: not UTF-8 at byte 5"),
    ],
)
def test_a_file_without_a_conversation_is_no_trace(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    words = f"{path} is no trace: no line of it belongs to a conversation{why}"
    with pytest.raises(InputError, match=re.escape(words)):
        find(str(path), tmp_path)


HUB = "https://hub.example"
FILE = HubFile(repo_id="ada/logs", path="sessions/2026-11-20/a.jsonl")


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("ada/logs/sessions/2026-11-20/a.jsonl", FILE),
        ("datasets/ada/logs/sessions/2026-11-20/a.jsonl", FILE),
        ("ada/logs@v1/a.jsonl", HubFile(repo_id="ada/logs", path="a.jsonl", revision="v1")),
        (f"{HUB}/datasets/ada/logs/blob/main/sessions/2026-11-20/a.jsonl", FILE),
        (f"{HUB}/datasets/ada/logs/resolve/main/sessions/2026-11-20/a.jsonl?download=1", FILE),
        (
            f"{HUB}/datasets/ada/logs/raw/v1/a%20b.jsonl",
            HubFile(repo_id="ada/logs", path="a b.jsonl", revision="v1"),
        ),
        ("c9f02920", None),
        ("logs/a.jsonl", None),
        ("../up/a/b.jsonl", None),
        ("ada/logs/a.json", None),
    ],
)
def test_a_file_on_the_hub_is_named_by_its_page_or_in_short(typed, named) -> None:
    assert on_hub(typed, HUB) == named


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("https://hub.example.evil/datasets/a/b/blob/main/c.jsonl", "is not on https://hub"),
        (f"http{HUB[5:]}/datasets/a/b/blob/main/c.jsonl", "is not on https://hub"),
        ("https://ada@hub.example/datasets/a/b/blob/main/c.jsonl", "is not on https://hub"),
        (f"{HUB}/ada/model/blob/main/c.jsonl", "no .jsonl file of a dataset"),
        (f"{HUB}/datasets/ada/logs", "no .jsonl file of a dataset"),
    ],
)
def test_our_token_goes_nowhere_else(typed, words) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        on_hub(typed, HUB)
