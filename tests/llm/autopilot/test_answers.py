"""A tool's answer: JSON where it is JSON, and never an exception."""

from typing import Any

import pytest

from ml_intern.llm.autopilot.answers import (
    Answer,
    mapping,
    number,
    objects,
    parse_object,
    strings,
    text,
    whole,
)
from ml_intern.messages import CallId, ToolCall, ToolMessage
from ml_intern.tools.untrusted import marked


def answer(output: str, *, arguments: str = "{}", is_error: bool = False) -> Answer:
    call = ToolCall(call_id=CallId("1"), name="tool", arguments=arguments)
    return Answer(
        call, ToolMessage(call_id=call.call_id, name="tool", text=output, is_error=is_error)
    )


@pytest.mark.parametrize(
    "source",
    ["", " ", "words", "[1]", "null", '"text"', "{", '{"a": 1} and more', '{"a":' * 100_000],
)
def test_what_is_no_json_object_is_an_empty_one(source: str) -> None:
    assert parse_object(source) == {}


def test_an_object_may_have_blanks_around_it_and_numbers_that_are_none() -> None:
    found = parse_object(' \n{"a": NaN, "b": 1e999, "c": 2}\n')
    assert number(found, "a") is None
    assert number(found, "b") is None
    assert whole(found, "c") == 2


def test_arguments_that_a_person_edited_are_those_that_ran() -> None:
    note = '[ada edited the arguments; this ran: {"name": "b"}]'
    edited = answer(f'{note}\n{{"ok": 1}}', arguments='{"name": "a"}')
    assert (edited.arguments, edited.data) == ({"name": "b"}, {"ok": 1})


def test_an_answer_is_read_behind_the_note_that_arguments_were_repaired() -> None:
    found = answer('[arguments repaired: a code fence was taken off]\n{"ok": 1}', arguments="{}")
    assert (found.arguments, found.data) == ({}, {"ok": 1})


def test_a_failure_is_told_in_the_tools_words_and_not_at_any_length() -> None:
    assert answer('{"error": "no disk"}', is_error=True).error() == "no disk"
    assert answer("plain words", is_error=True).error() == "plain words"
    assert answer("", is_error=True).error() == "tool gave an empty answer"
    assert len(answer("x" * 5000, is_error=True).error()) < 700


def test_it_worked_only_with_the_keys_that_are_needed() -> None:
    assert answer('{"path": "a"}').worked("path")
    assert not answer('{"path": null}').worked("path")
    assert not answer('{"path": "a"}', is_error=True).worked("path")
    assert not answer("done").worked("path")


@pytest.mark.parametrize("value", [None, True, [], {}, "1", float("nan"), 10**400])
def test_a_number_is_a_finite_number(value: Any) -> None:
    assert number({"key": value}, "key") is None


def test_other_types_are_told_apart() -> None:
    data = {"m": {"a": 1}, "l": [1, "a", {"b": 2}], "t": "x", "n": 2.5}
    assert mapping(data, "m") == {"a": 1}
    assert mapping(data, "l") == {}
    assert strings(data, "l") == ["a"]
    assert objects(data, "l") == [{"b": 2}]
    assert text(data, "t") == "x"
    assert text(data, "n") == ""
    assert whole(data, "n") is None


def test_marks_around_text_from_outside_are_none_of_it() -> None:
    said = marked('{"title": "[1]"}', ["https://a.example"])
    assert answer(said).data == {"title": "[1]"}
    assert answer(f'[a note; this ran: {{"paper": "b"}}]\n{said}').data == {"title": "[1]"}
