"""What is said of the data before it is split."""

from typing import Any

from ml_intern.llm.autopilot.case import Case, Data
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.autopilot.rules.data import prepare

REPORT: dict[str, Any] = {
    "task": "text-classification",
    "rows": 420,
    "num_labels": 3,
    "columns": [
        {"name": "note", "type": "string", "missing": 0, "distinct": 380},
        {"name": "mood", "type": "string", "missing": 0, "distinct": 3},
        {"name": "checked_by", "type": "string", "missing": 0, "distinct": 2},
    ],
    "mapping": {"text": "note", "label": "mood"},
    "alternatives": {"text": [], "label": ["checked_by"]},
    "problems": ["64 examples repeat another one."],
}


def said(words: str) -> str:
    step = prepare(Case(objective=read(words), data=Data(REPORT)))
    assert step is not None
    return step.text


def test_classes_are_those_of_the_column_that_inspection_chose() -> None:
    assert said("Classify a.jsonl by mood").startswith(
        "The data holds 420 texts in 3 classes; text 'note', label 'mood'. 64 examples"
    )


def test_another_label_has_its_own_classes_and_problems() -> None:
    assert said("Predict checked_by from note in a.jsonl") == (
        "The data holds 420 texts in 2 classes; text 'note', label 'checked_by'. "
        "I split it into train, validation and test."
    )
