"""Which columns the words name, and as what."""

import pytest

from ml_intern.llm.autopilot.reading.mentions import find_mentions, meant_by, told_by

COLUMNS = ["case no.", "subject", "customer_said", "handling_team", "stars", "price_eur", "mood"]

ROLES: list[tuple[str, dict[str, str | None]]] = [
    ("Sort the tickets by handling_team", {"handling_team": "label"}),
    ("Sort the tickets by handling team", {"handling_team": "label"}),
    ("Sort the tickets by Handling-Team", {"handling_team": "label"}),
    ("Route them to the right handling_team", {"handling_team": "label"}),
    ("Assign a handling team to each", {"handling_team": "label"}),
    (
        "label handling_team, text customer_said",
        {"handling_team": "label", "customer_said": "text"},
    ),
    (
        "predict price_eur from customer_said",
        {"price_eur": "label", "customer_said": "text"},
    ),
    ("customer_said -> handling_team", {"customer_said": None, "handling_team": "label"}),
    (
        "Classify the text column customer_said by subject",
        {"customer_said": "text", "subject": "label"},
    ),
    ("Classify customer_said by mood", {"customer_said": "object", "mood": "label"}),
    ("Route what the customers said to the team", {"customer_said": "object"}),
    ("Train a handling_team classifier", {"handling_team": "label"}),
    ("from customer_said and subject", {"customer_said": "text", "subject": "text"}),
    ("predict mood and stars", {"mood": "label", "stars": "label"}),
    ("by handling_team, not by stars", {"handling_team": "label", "stars": "aside"}),
    ("ignore the column stars", {"stars": "aside"}),
    ("mood the label column", {"mood": "label"}),
    ("without stars", {"stars": "aside"}),
    ("skip the rows without handling_team", {"handling_team": None}),
    ("ignore missing stars", {"stars": None}),
    ("the mood in moods.csv", {"mood": None}),
    ("Train on ./mood/subject.csv", {}),
    ("a mood-based approach with starship", {}),
    ("whose moodiness, subjective", {}),
    ('predict "case no."', {"case no.": "label"}),
]


@pytest.mark.parametrize(("words", "roles"), ROLES)
def test_roles(words: str, roles: dict[str, str | None]) -> None:
    assert {m.column: m.role for m in find_mentions(words, COLUMNS)} == roles


def test_names_that_are_no_words_are_found() -> None:
    columns = ["本文", "評価", "Q22 → dept?", "handlingTeam"]
    words = "text 本文, label 評価; by Q22 → dept? or the handling team"
    assert [m.column for m in find_mentions(words, columns)] == columns


def test_the_longer_name_is_meant() -> None:
    found = find_mentions("by customer mood", ["mood", "customer_mood"])
    assert [m.column for m in found] == ["customer_mood"]


def test_a_field_inside_an_object_may_be_called_by_its_last_part() -> None:
    columns = ["body.text", "body.verdict", "meta.id", "other.id", "verdict2"]
    found = find_mentions("predict verdict from the text, not from id", columns)
    assert [(m.column, m.role, m.plain) for m in found] == [
        ("body.verdict", "label", True),
        ("body.text", "text", True),
    ]


@pytest.mark.parametrize(
    ("words", "nouns"),
    [
        ("sorted by team and she says so", ("team",)),
        ("which department each one belongs to", ("department",)),
        ("tell them apart by category", ()),
        ("tell them apart by team", ("team",)),
        ("by the end of the day", ("end",)),
        ("sorted by support team", ("support", "team")),
    ],
)
def test_what_things_are_told_apart_by(words: str, nouns: tuple[str, ...]) -> None:
    assert told_by(words) == nouns


@pytest.mark.parametrize(
    ("words", "columns", "meant"),
    [
        ("by department", ["dept", "prio"], ["dept"]),
        ("by priority", ["dept", "prio (1-3)"], ["prio (1-3)"]),
        ("by team", ["handling_team", "stars"], ["handling_team"]),
        ("by mood", ["dept", "prio"], []),
    ],
)
def test_columns_that_are_meant(words: str, columns: list[str], meant: list[str]) -> None:
    assert meant_by(words, columns) == meant
