"""How JSON Lines and JSON arrays are read."""

import json
import threading
from pathlib import Path

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.data.jsonl import MAX_DEPTH, JsonTable
from ml_intern.tools.data.table import Row
from ml_intern.tools.data.text_file import examine


def rows(path: Path, content: str) -> list[Row]:
    path.write_text(content, encoding="utf-8")
    return list(JsonTable(examine(path, threading.Event())).rows())


def test_each_line_is_a_row_and_blank_lines_are_none(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.jsonl", '{"text": "a"}\n\n{"text": "b", "n": 1}\n')
    assert [(row.line, row.cells) for row in found] == [
        (1, {"text": "a"}),
        (3, {"text": "b", "n": 1}),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"text": "a"', "Expecting ',' delimiter at character 13"),
        ("[1, 2]", "a list instead of an object"),
        ('"text"', "a string instead of an object"),
        ('{"a": ' * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_says_what_is_wrong_with_it(tmp_path: Path, line: str, what: str) -> None:
    found = rows(tmp_path / "a.jsonl", f'{{"text": "a"}}\n{line}\n{{"text": "b"}}\n')
    assert [bool(row.fault) for row in found] == [False, True, False]
    assert found[1].line == 2
    assert what in found[1].fault


def test_half_a_surrogate_pair_does_not_stay_in_a_text(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.jsonl", '{"text": "caf\\u00e9 \\ud800 end"}\n')
    assert found[0].cells == {"text": "café ? end"}


def test_fields_inside_objects_are_columns(tmp_path: Path) -> None:
    record = {
        "id": 1,
        "body": {"text": "a", "by": {"name": "b"}, "tags": ["c"]},
        "body.text": "its own",
        "none": {},
    }
    assert rows(tmp_path / "a.jsonl", json.dumps(record))[0].cells == {
        "id": 1,
        "body.by.name": "b",
        "body.tags": ["c"],
        "body.text": "its own",
        "none": {},
    }


def test_objects_that_are_nested_too_deep_stay_one_cell(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.jsonl", '{"a": ' * 9 + "1" + "}" * 9)
    assert list(found[0].cells) == [".".join("a" * MAX_DEPTH)]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_read_element_by_element(tmp_path: Path, indent: int | None) -> None:
    records = [{"text": f"text {n} ]}}," + "x" * (n % 700), "label": n} for n in range(3000)]
    found = rows(tmp_path / "a.json", json.dumps(records, indent=indent))
    assert [row.cells for row in found] == records


def test_elements_of_an_array_know_their_line(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.json", '[\n {"a": 1},\n\n {"a": 2},\n 7\n]\n')
    assert [row.line for row in found] == [2, 4, 5]
    assert "a number instead of an object" in found[2].fault


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('[{"a": 1},\n{"a": 2}\n', "line 3 on: the array is never closed"),
        ('[{"a": 1},\n{"a" 2}]', "line 2 on: Expecting ':' delimiter"),
    ],
)
def test_a_broken_array_names_the_line(tmp_path: Path, content: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        rows(tmp_path / "a.json", content)


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.json", " [ ] ") == []
