"""Who may measure what, and when."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.events import Fact
from tests.tools.training.conftest import CLASSES
from tests.tools.training.sessions import Session, start

pytestmark = pytest.mark.timeout(240)  # the first test here may be the one that trains


def without_tests(session: Session) -> Session:
    """As before the test split was scored."""
    kept = [fact for fact in session.facts if fact.data.get("split") != "test"]
    return Session(session.place, kept)


def test_validation_is_measured_by_our_own_scorer(measured: Session) -> None:
    fact = next(fact for fact in measured.facts if fact.kind == "evaluation").data
    assert fact["split"] == "validation"
    assert fact["model_dir"] == "out"
    assert fact["metrics"]["accuracy"] > 0.5
    assert fact["rows"] == measured.facts[1].data["rows"]["validation"]
    low, high = fact["accuracy_interval_95"]
    assert 0 < low < fact["metrics"]["accuracy"] < high <= 1
    assert fact["per_class"].keys() == set(CLASSES)
    assert fact["fingerprint"] == measured.facts[1].data["fingerprint"]


def test_scoring_twice_gives_the_same_to_the_last_digit(measured: Session) -> None:
    before = next(fact for fact in measured.facts if fact.kind == "evaluation").data
    again = measured.answer("evaluate", model_dir="out")
    assert again["metrics"] == before["metrics"]
    assert again["note"].startswith("Measured on 9 rows only")
    assert again["weights_sha256"] == before["weights_sha256"]


def test_the_test_split_is_scored_once(measured: Session) -> None:
    earlier = next(fact.data for fact in measured.facts if fact.data.get("split") == "test")
    answer = measured.refusal("evaluate", model_dir="out", split="test")
    assert "was scored already, and is scored once" in answer["error"]
    assert answer["earlier"]["metrics"] == earlier["metrics"]


def test_weights_that_came_with_the_copy_of_a_workspace_are_not_measured(measured: Session) -> None:
    """They may have been trained on rows that this session, with another seed, holds out."""
    prepared = [fact for fact in measured.facts if fact.kind == "dataset_prepared"]
    forked = Fact(kind="forked", data={"session_id": "parent"})
    fork = Session(measured.place, [forked, *prepared])
    for split in ("validation", "test"):
        answer = fork.refusal("evaluate", model_dir="out", split=split)
        assert answer["error"].startswith("evaluate: No job of this session has trained out.")
    trained = Session(measured.place, [forked, *without_tests(measured).facts])
    trained.answer("evaluate", model_dir="out", split="test")


def test_the_test_split_waits_for_a_validation_score_of_these_weights(measured: Session) -> None:
    session = without_tests(measured)
    session.facts = [fact for fact in session.facts if fact.kind != "evaluation"]
    answer = session.refusal("evaluate", model_dir="out", split="test")
    assert answer["error"].startswith("Score out on validation first")


def test_a_score_from_before_a_crash_is_not_measured_again(measured: Session) -> None:
    """The scorer is out of reach, so only the stored score can answer."""
    calls = [path.stem for path in (measured.place.held_out / "scores").glob("*.json")]
    stored = measured.place.held_out / "scores" / f"{calls[0]}.json"
    kept = json.loads(stored.read_text())
    session = without_tests(measured)
    session.place = replace(session.place, training_python=Path("/nonexistent/python"))
    answer = session.recover("evaluate", calls[0], model_dir="out", split=kept["split"])
    assert answer["metrics"] == kept["metrics"]
    assert session.facts[-1] == Fact(kind="evaluation", data=kept)


def test_weights_from_another_split_of_the_data_are_refused(measured: Session) -> None:
    """They may have been trained on the very rows that they would be measured on."""
    changed = {**measured.facts[1].data, "test": "again"}
    measured.facts.append(Fact(kind="dataset_prepared", data=changed))
    answer = measured.refusal("evaluate", model_dir="out")
    assert "was trained before the data was prepared anew" in answer["error"]


def test_removed_validation_rows_are_noticed(publishable: Session) -> None:
    metadata = publishable.place.workspace / "data/data/validation/metadata.jsonl"
    metadata.write_text("".join(metadata.read_text().splitlines(keepends=True)[1:]))
    answer = publishable.refusal("evaluate", model_dir="out")
    assert "was changed after it was prepared" in answer["error"]


def test_changed_validation_labels_are_noticed(publishable: Session) -> None:
    metadata = publishable.place.workspace / "data/data/validation/metadata.jsonl"
    metadata.write_text(metadata.read_text().replace(CLASSES[0], CLASSES[1]))
    answer = publishable.refusal("evaluate", model_dir="out")
    assert "so a score on it would mean nothing; call prepare_dataset again" in answer["error"]


def test_code_left_in_the_home_of_the_session_does_not_reach_the_scorer(
    publishable: Session,
) -> None:
    """A `sitecustomize` or a module beside the weights would rewrite the score."""
    evil = "raise SystemExit('reached')\n"
    for place in (".home/.local/lib/python3.11/site-packages", "out", "."):
        for name in ("usercustomize", "sitecustomize", "torch", "transformers"):
            publishable.write(f"{place}/{name}.py", evil)
    assert publishable.answer("evaluate", model_dir="out")["rows"] > 0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda out: shutil.rmtree(out), "There is no folder out"),
        (lambda out: (out / "model.safetensors").unlink(), "holds no safetensors weights"),
        (lambda out: (out / "config.json").unlink(), "config.json must be a plain file"),
    ],
)
def test_what_is_no_model_is_not_scored(publishable: Session, spoil, sentence: str) -> None:
    spoil(publishable.place.workspace / "out")
    assert sentence in publishable.refusal("evaluate", model_dir="out")["error"]


def test_linked_weights_are_not_scored(publishable: Session) -> None:
    weights = publishable.place.workspace / "out" / "model.safetensors"
    weights.rename(weights.with_name("other"))
    weights.symlink_to("other")
    assert "must be a plain file" in publishable.refusal("evaluate", model_dir="out")["error"]


def test_broken_weights_are_an_answer(publishable: Session) -> None:
    (publishable.place.workspace / "out" / "model.safetensors").write_bytes(b"not weights")
    answer = publishable.refusal("evaluate", model_dir="out")
    assert "could not be scored" in answer["error"]
    assert "Error" in answer["error"]


def test_without_a_prepared_dataset_there_is_nothing_to_score_on(
    publishable: Session, tmp_path: Path
) -> None:
    publishable.facts = []
    answer = publishable.refusal("evaluate", model_dir="out")
    assert "call prepare_dataset first" in answer["error"]


def test_weights_outside_the_workspace_are_refused(tmp_path: Path) -> None:
    answer = start(tmp_path).refusal("evaluate", model_dir="../../..")
    assert "lies outside the workspace" in answer["error"]
