"""Which columns are taken, asked about or refused, with what inspection knows of a table."""

from typing import Any

import pytest

from ml_intern.llm.autopilot.case import Case, Data
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.autopilot.rules.choice import among, choose_label, choose_text

ROWS = 1800


def column(name: str, kind: str, distinct: int) -> dict[str, Any]:
    return {"name": name, "type": kind, "missing": 0, "distinct": distinct}


EXPORT = {
    "task": "text-classification",
    "rows": ROWS,
    "columns": [
        column("case no.", "string", ROWS),
        column("subject", "string", 1586),
        column("agent_reply", "string", 1738),
        column("customer_said", "string", 1784),
        column("handling_team", "string", 4),
        column("stars", "integer", 5),
        column("price_eur", "integer", 1700),
        column("age", "integer", 80),
    ],
    "mapping": {"text": None, "label": "stars"},
    "alternatives": {"text": ["agent_reply", "customer_said"], "label": ["handling_team", "age"]},
}
"""No text stands out, and the guessed label is not the one that people will name."""


def choose(words: str, report: dict[str, Any] = EXPORT) -> tuple[Any, Any]:
    """Label and text: a name, a tuple of rivals, or None."""
    case = Case(objective=read(words))
    label, text = choose_label(case, Data(report)), choose_text(case, Data(report))
    return label.column or label.rivals or None, text.column or text.rivals or None


def test_a_name_of_several_words_needs_no_quotes() -> None:
    told = {**EXPORT, "columns": [column("Ticket Text", "string", 1700), *EXPORT["columns"]]}
    said = "a.csv\n- text: Ticket Text\n- label: handling_team"
    assert choose(said, told) == ("handling_team", "Ticket Text")


CHOSEN: list[tuple[str, Any, Any]] = [
    (
        "Route what the customers said (a.csv) to the right handling_team.",
        "handling_team",
        "customer_said",
    ),
    ("Sort the tickets in a.csv by team", "handling_team", None),
    ("My boss wants a.csv sorted by team and she is strict", "handling_team", None),
    ("Predict handling team from customer said, a.csv", "handling_team", "customer_said"),
    ("a.csv: label handling_team, text customer_said", "handling_team", "customer_said"),
    ("Which handling_team should answer? a.csv", "handling_team", None),
    ("a.csv: customer_said -> handling_team", "handling_team", "customer_said"),
    ("a.csv: handling_team from customer_said, ignore stars", "handling_team", "customer_said"),
    ("Classify a.csv by handling-team, not by stars", "handling_team", None),
    (
        "Train a handling_team classifier on customer_said of a.csv",
        "handling_team",
        "customer_said",
    ),
    ("Assign a handling team to each message of a.csv", "handling_team", None),
    ("a.csv, handling_team, customer_said, 90 %", "handling_team", "customer_said"),
    ("Predict the stars from agent_reply in a.csv", "stars", "agent_reply"),
    ("Train a classifier on a.csv", "stars", None),
    ("a.csv without agent_reply", "stars", "customer_said"),
    ("Predict handling_team and stars in a.csv", ("handling_team", "stars"), None),
    (
        "Classify agent_reply and customer_said of a.csv by handling_team",
        "handling_team",
        ("agent_reply", "customer_said"),
    ),
    ("Sort a.csv by mood", ("stars", "handling_team", "age"), None),
    ("Sort a.csv into 4 categories", "stars", None),
    ("Classify a.csv by age", "age", None),
]


@pytest.mark.parametrize(("words", "label", "text"), CHOSEN)
def test_what_is_named_beats_the_guess(words: str, label: Any, text: Any) -> None:
    assert choose(words) == (label, text)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Classify the text column customer_said by subject, a.csv", "1,586 different values"),
        ("Predict 'case no.' from customer_said in a.csv", "1,800 different values"),
        ("a.csv, label column: subject", "'subject' cannot be the label"),
    ],
)
def test_a_named_column_that_holds_no_classes_is_asked_about(words: str, reason: str) -> None:
    choice = choose_label(Case(objective=read(words)), Data(EXPORT))
    assert choice.column is None
    assert reason in (choice.unfit or "")
    assert "handling_team" in (choice.unfit or "")


@pytest.mark.parametrize(
    "words",
    [
        "Predict price_eur from customer_said in a.csv",
        "Estimate price_eur in a.csv",
        "Predict 'price_eur' from 'customer_said' in a.csv, 90%",
        "Classify a.csv by price_eur",
        "a.csv, label column: price_eur",
        "Predict age from customer_said in a.csv",
    ],
)
def test_a_named_column_of_many_numbers_is_regression(words: str) -> None:
    choice = choose_label(Case(objective=read(words)), Data(EXPORT))
    assert choice.column is None
    assert "regression" in (choice.beyond or "")


CLEAR = {
    **EXPORT,
    "columns": [
        column("content", "string", 1790),
        column("label", "string", 4),
        column("source", "string", 6),
    ],
    "mapping": {"text": "content", "label": "label"},
    "alternatives": {"text": [], "label": ["source"]},
}


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("Train a text classifier on a.csv", "label"),
        ("Take a.csv as source and train a text classifier", "label"),
        ("Classify each review in a.csv by content", "label"),
        ("Classify a.csv by department", "label"),
        ("Predict the source of each text in a.csv", "source"),
    ],
)
def test_ordinary_words_do_not_overrule_a_clear_label(words: str, label: str) -> None:
    assert choose(words, CLEAR) == (label, "content")


def test_columns_nothing_is_known_of_are_taken_at_the_persons_word() -> None:
    report = {**CLEAR, "columns": [{"name": "content"}, {"name": "kind"}]}
    assert choose("Sort a.csv by kind", report) == ("kind", "content")


def test_numbers_are_no_text() -> None:
    choice = choose_text(
        Case(objective=read("Predict handling_team from price_eur in a.csv")), Data(EXPORT)
    )
    assert "numbers" in (choice.beyond or "")


def test_a_field_inside_an_object_is_found_by_its_last_part() -> None:
    columns = ["body.note", "check.mood", "old.kind", "new.kind"]
    assert among("Mood", columns) == "check.mood"
    assert among("kind", columns) is None
