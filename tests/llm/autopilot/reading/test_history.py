"""What was is not what is wished; a score of earlier runs that stands alone is asked about."""

from typing import Any

import pytest

from ml_intern.llm.autopilot.objective import Target
from ml_intern.llm.autopilot.reading import read

PAST: list[tuple[str, float | None, dict[str, Any]]] = [
    (
        "I tried 40 epochs before and got 70 % accuracy; now do better on a.csv: 85 % accuracy",
        0.85,
        {},
    ),
    ("We reached 82 % with 10 epochs, now get 85 % on a.csv", 0.85, {}),
    ("Last time I used lr 0.1 and it diverged; a.csv, 0.8 accuracy", 0.8, {}),
    ("Our current accuracy is 82 %, we need 90 % on a.csv", 0.9, {}),
    (
        "The previous run took 40 epochs with batch size 64. Train on a.csv for 10 epochs.",
        None,
        {"num_train_epochs": 10},
    ),
    ("With 40 epochs, the old model got 70 %. a.csv, 85 % please", 0.85, {}),
    ("I got a.csv with 3 classes and want 90 %", 0.9, {}),
    ("The baseline is at 70 %; reach 85 % on a.csv", 0.85, {}),
    ("Train on a.csv, reach 90 %, I tried 40 epochs before", 0.9, {}),
    ("a.csv, in the past we trained 3 epochs. 90 %", 0.9, {}),
    (
        "a.csv, I ran it with seed 7 and got 60 %, use seed 8 and reach 70 %",
        0.7,
        {"seed": 8},
    ),
    ("a.csv. We have already tried a learning rate of 0.1. 80 % accuracy", 0.8, {}),
]
WISHES: list[tuple[str, float | None, dict[str, Any]]] = [
    ("a.csv. Train until we have reached 90 %", 0.9, {}),
    ("a.csv. Stop once the model reached 90 %", 0.9, {}),
    ("I have 40 epochs in mind for a.csv", None, {"num_train_epochs": 40}),
    ("Fine-tune the current model to 90 % accuracy on a.csv", 0.9, {}),
    ("a.csv, before you start, set the seed to 5", None, {"seed": 5}),
    ("a.csv; my boss wants 90 %", 0.9, {}),
    ("I would have liked 90 % accuracy on a.csv for 3 epochs", 0.9, {"num_train_epochs": 3}),
    ("use the last checkpoint, 3 epochs, a.csv", None, {"num_train_epochs": 3}),
]
ONLY_PAST = [
    ("The old model had 82% accuracy on a.csv. Beat it.", "82%"),
    ("a.csv: a colleague got 91 % accuracy, beat it", "91 %"),
    ("I tried 40 epochs before and got 70 %. Train a classifier on a.csv", "70 %"),
    ("a.csv: he hit 95 % accuracy with a learning rate of 3e-4", "95 %"),
    ("a.csv, 5 epochs. Yesterday it was 66 %", "66 %"),
]


@pytest.mark.parametrize(("text", "value", "asked"), [*PAST, *WISHES])
def test_the_past_sets_nothing_and_wishes_do(
    text: str, value: float | None, asked: dict[str, Any]
) -> None:
    found = read(text)
    expected = Target(value=value) if value is not None else None
    wished = {name: number for name, number in found.asked.items() if name != "num_labels"}
    assert (found.target, found.doubt, wished) == (expected, None, asked)
    assert found.source == "a.csv"


@pytest.mark.parametrize(("text", "score"), ONLY_PAST)
def test_a_score_of_the_past_without_a_target_is_a_doubt(text: str, score: str) -> None:
    found = read(text)
    assert found.target is None
    assert "learning_rate" not in found.asked
    assert found.doubt is not None
    assert score in found.doubt
    assert "before" in found.doubt
