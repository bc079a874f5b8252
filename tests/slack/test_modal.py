"""The window in which arguments are edited: what can be edited, and what counts as an edit."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ml_intern.messages import ApprovalId, CallId
from ml_intern.queue.rows import ApprovalRow
from ml_intern.slack.modal import (
    approval_of,
    deny_view,
    edit_view,
    edited,
    noted_view,
    under_fields,
    was_noted,
)
from tests.queue.given import S
from tests.support.slack.blocks import IN_VIEW, check_blocks
from tests.support.slack.shapes import Problems

SCHEMA = {"properties": {"script": {"type": "string"}, "seed": {"type": "integer"}}}
ARGUMENTS = {
    "script": "a\nb\n",
    "epochs": 8,
    "public": False,
    "extra": {"lr": 0.1},
    "empty": "",
}


def row(arguments: dict[str, Any] = ARGUMENTS) -> ApprovalRow:
    return ApprovalRow(
        approval_id=ApprovalId("a1"),
        session_id=S,
        call_id=CallId("c1"),
        tool="publish",
        arguments=arguments,
        arguments_sha256="sha",
        reason="<it leaves>",
        state="pending",
        requested_at=datetime(2026, 1, 31, tzinfo=UTC),
        decided_by=None,
        decided_at=None,
    )


def filled(arguments: dict[str, Any] = ARGUMENTS, **typed: str | None) -> dict[str, Any]:
    """The window as Slack gives it back; what was not typed stands as it did."""
    view = edit_view(row(arguments), arguments, SCHEMA)
    values = {
        block["block_id"]: {"value": {"value": block["element"].get("initial_value")}}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    values |= {f"arg:{name}": {"value": {"value": value}} for name, value in typed.items()}
    return {**view, "state": {"values": values}}


def names(view: dict[str, Any]) -> list[str]:
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


@pytest.mark.parametrize(
    "arguments",
    [
        ARGUMENTS,
        {},
        {f"x{n}": n for n in range(200)},
        {"x" * 500: 1, "long": "y" * 3001, "just": "z" * 3000},
    ],
)
def test_slack_takes_the_window(arguments: dict[str, Any]) -> None:
    for view in (edit_view(row(arguments), arguments, SCHEMA), deny_view(row(arguments))):
        problems = Problems(lambda _file: True)
        check_blocks(problems, "/view/blocks", view["blocks"], IN_VIEW)
        assert problems.messages == []
        assert approval_of(view) == ("a1", "sha")


def test_what_does_not_fit_or_is_secret_stays_as_it_is() -> None:
    arguments = {"long": "y" * 3001, "token": "hf_secret", "short": "x"}
    view = edit_view(row(arguments), {**arguments, "token": "[REDACTED]"}, {})
    assert names(view) == ["arg:short"]
    assert "hf_secret" not in str(view)
    assert "long, token" in str(view["blocks"][-1])


def test_nothing_that_was_left_alone_is_an_edit() -> None:
    assert edited(row(), filled(), SCHEMA).arguments == ARGUMENTS
    again = filled(script="a\r\nb", epochs=" 8 ", extra='{"lr":0.1}')
    assert edited(row(), again, SCHEMA).arguments == ARGUMENTS


@pytest.mark.parametrize("typed", ["  a\nb\n", "a\nb\n\n", "a\nb ", "\na\nb\n"])
def test_blanks_around_a_text_are_part_of_the_edit(typed: str) -> None:
    assert edited(row(), filled(script=typed), SCHEMA).arguments["script"] == typed


def test_a_text_of_blanks_is_an_edit() -> None:
    assert edited(row(), filled(empty="  "), SCHEMA).arguments["empty"] == "  "


def test_text_stays_text_and_the_rest_is_json() -> None:
    view = filled(script="42", epochs="2", public="true", extra='{"lr": 1}', seed="7")
    assert edited(row(), view, SCHEMA).arguments == {
        "script": "42",
        "epochs": 2,
        "public": True,
        "extra": {"lr": 1},
        "empty": "",
        "seed": 7,
    }


def test_a_field_that_was_emptied() -> None:
    found = edited(row(), filled(script=None, epochs=None), SCHEMA).arguments
    assert found["script"] == ""
    assert "epochs" not in found


@pytest.mark.parametrize("words", ["two", "NaN", "-Infinity", "1e999", "[" * 3000, "true", "[1]"])
def test_what_is_no_number_is_said_under_its_field(words: str) -> None:
    found = edited(row(), filled(epochs=words), SCHEMA)
    assert found.errors == {"arg:epochs": "Write a number, such as 0.5."}


@pytest.mark.parametrize(
    ("field", "words", "error"),
    [
        ("public", "yes", "Write true or false."),
        ("public", "1", "Write true or false."),
        ("seed", "1.5", "Write a whole number, such as 8."),
        ("seed", "true", "Write a whole number, such as 8."),
        ("extra", "{", "This is no JSON. Text stands in quotes, a list is"),
        ("extra", "[NaN]", "This is no JSON. Text stands in quotes, a list is"),
    ],
)
def test_each_kind_of_field_says_what_to_write(field: str, words: str, error: str) -> None:
    found = edited(row(), filled(**{field: words}), SCHEMA)
    assert found.errors[f"arg:{field}"].startswith(error)


def test_true_and_false_may_be_capitalised() -> None:
    assert edited(row(), filled(public=" True "), SCHEMA).arguments["public"] is True


def test_labels_say_what_is_to_be_written() -> None:
    view = edit_view(row(), ARGUMENTS, SCHEMA)
    fields = [one for one in view["blocks"] if one["type"] == "input"]
    assert [one["label"]["text"] for one in fields] == [
        *("script", "epochs (a number)", "public (true or false)", "extra (JSON)", "empty"),
        "seed (a whole number)",
    ]
    assert ["hint" in one for one in fields] == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    ("of", "label"),
    [
        ({"type": "boolean"}, "x (true or false)"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x (JSON)"),
        ({"type": "string"}, "x"),
        ({}, "x (JSON)"),
    ],
)
def test_an_argument_that_was_not_given_is_of_the_kind_that_the_tool_says(
    of: dict[str, Any], label: str
) -> None:
    view = edit_view(row({}), {}, {"properties": {"x": of}})
    assert view["blocks"][-1]["label"]["text"] == label


def test_lines_that_slack_ends_otherwise_are_no_edit() -> None:
    arguments = {"script": "a\r\nb\r\n"}
    found = edited(row(arguments), filled(arguments, script="a\nb\n"), SCHEMA)
    assert found.arguments == arguments


def test_problems_stand_under_the_fields_that_they_are_about() -> None:
    problems = {"epochs": "too many", "extra.lr": "too much", "": "not allowed", "x": "unknown"}
    found = under_fields(problems, filled())
    assert found["arg:epochs"] == "too many"
    assert found["arg:extra"] == "too much"
    assert found["arg:script"] == "not allowed; x: unknown"


def test_what_should_be_known_is_shown_once_and_what_was_typed_stays() -> None:
    notes = ["It may cost $9.00 now."]
    view = filled(epochs="2", script=None)
    assert not was_noted(view, notes)
    again = noted_view(view, notes)
    assert was_noted(again, notes)
    assert not was_noted(again, ["It may cost $10.00 now."])
    assert approval_of(again) == ("a1", "sha")
    problems = Problems(lambda _file: True)
    check_blocks(problems, "/view/blocks", again["blocks"], IN_VIEW)
    assert problems.messages == []
    elements = {one["block_id"]: one["element"] for one in again["blocks"] if "element" in one}
    assert elements["arg:epochs"]["initial_value"] == "2"
    assert "initial_value" not in elements["arg:script"]


def test_a_window_of_another_app_is_about_nothing() -> None:
    assert approval_of({"private_metadata": "[1]"}) == ("", "")
    assert approval_of({}) == ("", "")
