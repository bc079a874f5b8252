import json
import math

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.tools.training.metrics import Evaluation, best, follow, plain, thin


def evaluation(step: int, accuracy: float | None, loss: float | None = 1.0) -> Evaluation:
    return Evaluation(
        step=step, epoch=None, eval_loss=loss, eval_accuracy=accuracy, train_loss=None
    )


def test_an_evaluation_knows_the_training_loss_logged_before_it() -> None:
    course = follow(
        [
            '{"event": "log", "step": 10, "epoch": 1.0, "loss": 0.9, "grad_norm": 1.0}',
            '{"event": "evaluate", "step": 10, "epoch": 1.0, "eval_loss": 1.1,'
            ' "eval_accuracy": 0.5}',
            '{"event": "done", "step": 10}',
        ]
    )
    assert [found.document() for found in course.evaluations] == [
        {"step": 10, "epoch": 1.0, "eval_loss": 1.1, "eval_accuracy": 0.5, "train_loss": 0.9}
    ]
    assert course.last["eval_accuracy"] == 0.5
    assert course.done == {"step": 10}


def test_a_loss_of_null_is_not_a_number() -> None:
    course = follow(['{"event": "log", "step": 3, "loss": null}'])
    assert math.isnan(course.steps[0].loss)


def test_thinning_keeps_the_first_the_last_and_the_best() -> None:
    many = [evaluation(step, 0.5) for step in range(1000)]
    many[437] = evaluation(437, 0.9)
    kept = thin(many, 60)
    assert len(kept) <= 60
    assert [kept[0].step, kept[-1].step] == [0, 999]
    assert 437 in {found.step for found in kept}


def test_among_equal_accuracies_the_lower_loss_is_better() -> None:
    assert best([evaluation(1, 0.9, 0.4), evaluation(2, 0.9, 0.3)]).step == 2


@given(st.text())
def test_no_line_breaks_the_reader(line: str) -> None:
    course = follow([line, '{"event":' + line])
    assert course.steps == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_plain_values_are_strict_json(value: object) -> None:
    json.dumps(plain(value), allow_nan=False)
