"""Scripts in files: which line is next, and what is said of wrong ones."""

import json
from pathlib import Path

import pytest

from ml_intern.errors import ConfigError
from ml_intern.llm.script_file import MOST_PROBLEMS, Answer, ScriptFile, read


def written(folder: Path, *lines: object) -> Path:
    """A script of these lines; text stands as it is."""
    path = folder / "script.jsonl"
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def lines(script: ScriptFile, *so_far: tuple[int, int]) -> list[int | None]:
    """Which is next after so many answers and failures; None: it is over."""
    found = (script.next(*each) for each in so_far)
    return [step.line if step else None for step in found]


A, F = {"text": "a"}, {"error": "away"}


def test_the_next_line_is_that_after_the_answers_so_far(tmp_path):
    script = read(written(tmp_path, A, "", A, A))
    assert script.answers == 3
    assert lines(script, (0, 0), (1, 0), (2, 0), (3, 0), (9, 0)) == [1, 3, 4, None, None]


def test_failures_stand_between_answers_and_come_each_once(tmp_path):
    script = read(written(tmp_path, F, F, A, F, A, F))
    assert lines(script, (0, 0), (0, 1), (0, 2)) == [1, 2, 3]
    assert lines(script, (1, 0), (1, 1)) == [4, 5]
    assert lines(script, (2, 0), (2, 1)) == [6, None]


def test_failures_beyond_those_that_stand_there_skip_no_answer(tmp_path):
    """As after a script was changed."""
    script = read(written(tmp_path, F, A, F, A))
    assert lines(script, (0, 5), (1, 5)) == [2, 4]


def test_a_loop_begins_again(tmp_path):
    script = read(written(tmp_path, {"loop": True}, F, A, A, F))
    assert lines(script, (0, 0), (0, 1), (1, 0)) == [2, 3, 4]
    # The failure after the last answer, that before the first one, and the first one.
    assert lines(script, (2, 0), (2, 1), (2, 2), (3, 0), (4, 0)) == [5, 2, 3, 4, 5]
    assert lines(script, (200, 2), (201, 0)) == [3, 4]


def test_a_loop_of_failures_never_ends(tmp_path):
    script = read(written(tmp_path, {"loop": True}, F, {"error": "rate"}))
    assert lines(script, (0, 0), (0, 1), (0, 2), (7, 3)) == [2, 3, 2, 3]
    once = read(written(tmp_path, F, F))
    assert lines(once, (0, 1), (0, 2), (1, 0)) == [2, None, None]


def test_each_summary_answers_one_request_to_sum_up(tmp_path):
    one, two = {"summary": "first"}, {"summary": "second"}
    script = read(written(tmp_path, A, one, A, two))
    assert [script.summary(number) for number in range(3)] == ["first", "second", ""]
    assert lines(script, (0, 0), (1, 0), (2, 0)) == [1, 3, None]
    looped = read(written(tmp_path, {"loop": True}, A, one, two))
    assert [looped.summary(number) for number in range(3)] == ["first", "second", "first"]
    assert read(written(tmp_path, {"loop": True}, A)).summary(0) == ""


def test_the_first_line_may_say_what_holds_for_all(tmp_path):
    assert read(written(tmp_path, {"window": 8192}, A)).window == 8192
    assert read(written(tmp_path, A)).window is None


def test_a_line_of_text_that_holds_odd_line_ends_is_one_line(tmp_path):
    odd = json.dumps({"text": "a\u2028b\x85c"}, ensure_ascii=False)
    step = read(written(tmp_path, odd, A)).next(0, 0)
    assert step is not None
    assert isinstance(step.says, Answer)
    assert step.says.text == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2: it is no JSON (Expecting property name"),
        ("[1]", "line 2: it is no JSON object"),
        ("[" * 100_000, "line 2: it is no JSON ("),
        ({}, "line 2: give text, tool_calls, error or summary"),
        ({"delay_s": 1}, "line 2: give text, tool_calls, error or summary"),
        ({"txet": "a"}, "line 2: txet: Extra inputs are not permitted"),
        ({"text": 1}, "line 2: text: Input should be a valid string"),
        ({"text": "a", "delay_s": -1}, "line 2: delay_s: Input should be greater than or equal"),
        ('{"text": "a", "delay_s": NaN}', "line 2: delay_s: Input should be a finite number"),
        ({"text": "a", "usage": {"tokens": 1}}, "line 2: usage.tokens: Extra inputs"),
        ({"tool_calls": [{"name": "bash"}, {"arguments": {}}]}, "line 2: tool_calls.1.name: Field"),
        ({"tool_calls": [{"name": "x", "arguments": 1}]}, "line 2: tool_calls.0.arguments: "),
        ({"error": "tired"}, "line 2: error: Input should be 'away', 'rate',"),
        ({"error": "model", "retry_after_s": 1}, "line 2: retry_after_s is for the errors away"),
        ({"error": "rate", "window": 1}, "line 2: window is for the error context"),
        ({"error": "rate", "tool_calls": []}, "line 2: tool_calls: Extra inputs"),
        ({"summary": ""}, "line 2: summary: String should have at least 1 character"),
        ({"window": 8192}, "line 2: window and loop are for the first line"),
    ],
)
def test_a_line_that_is_wrong_is_told_with_its_number(tmp_path, line, words):
    path = written(tmp_path, A, line)
    with pytest.raises(ConfigError) as raised:
        read(path)
    assert f"{path} is no script: {words}" in str(raised.value)


def test_a_window_that_holds_no_task_is_wrong(tmp_path):
    with pytest.raises(ConfigError, match="line 1: window: Input should be greater"):
        read(written(tmp_path, {"window": 100}, A))


def test_of_many_wrong_lines_the_first_are_told(tmp_path):
    with pytest.raises(ConfigError, match=f"line {MOST_PROBLEMS}: .*; and 3 more") as raised:
        read(written(tmp_path, *["{"] * (MOST_PROBLEMS + 3)))
    assert f"line {MOST_PROBLEMS + 1}" not in str(raised.value)


@pytest.mark.parametrize("given", [(), ({"window": 8192},), ({"summary": "s"},)])
def test_a_script_without_an_answer_is_none(tmp_path, given):
    with pytest.raises(ConfigError, match="holds no answer"):
        read(written(tmp_path, *given))


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "script.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        read(path)
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)
