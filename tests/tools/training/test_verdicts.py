import json
import math

import pytest

from ml_intern.tools.training.metrics import Course, follow
from ml_intern.tools.training.verdicts import judge


def course(losses: list[float], accuracies: list[float] | None = None) -> Course:
    lines = [
        json.dumps({"event": "log", "step": step, "loss": loss})
        for step, loss in enumerate(losses, start=1)
    ]
    lines += [
        json.dumps({"event": "evaluate", "step": step, "eval_loss": 1.0, "eval_accuracy": accuracy})
        for step, accuracy in enumerate(accuracies or [], start=1)
    ]
    return follow(lines)


def verdicts(found: Course, *, failed: bool = False, output: str = "") -> list[str]:
    return judge(found, failed=failed, output=output)


FALLING = [2.0 * 0.9**step for step in range(30)]


def test_a_falling_loss_gets_no_verdict() -> None:
    assert verdicts(course(FALLING, [0.1 * step for step in range(9)])) == []


@pytest.mark.parametrize("broken", [math.nan, math.inf, 0.0])
def test_a_loss_that_is_no_number_or_exactly_zero_is_nan(broken: float) -> None:
    assert verdicts(course([2.3, 2.2, broken])) == ["nan"]


def test_a_run_that_died_of_nan_before_logging_it_is_nan() -> None:
    words = "FloatingPointError: loss is nan at step 4 (learning_rate=10.0)"
    assert verdicts(course([2.3]), failed=True, output=words) == ["nan"]


def test_memory_words_count_only_when_the_run_failed() -> None:
    words = "RuntimeError: DefaultCPUAllocator: can't allocate memory"
    assert verdicts(course([2.3]), failed=True, output=words) == ["out_of_memory"]
    assert verdicts(course([2.3]), failed=False, output=words) == []


def test_a_loss_that_ends_above_its_beginning_has_diverged() -> None:
    assert verdicts(course([2.0, 2.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.1])) == ["diverged"]


def test_one_high_loss_among_low_ones_is_a_spike() -> None:
    assert verdicts(course([*FALLING[:15], 5.0, *FALLING[15:]])) == ["spike"]


def test_a_last_third_without_gain_is_a_plateau() -> None:
    assert verdicts(course(FALLING, [0.5, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.89, 0.9])) == ["plateau"]


def test_a_late_best_is_no_plateau() -> None:
    assert verdicts(course(FALLING, [0.5, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.89, 0.91])) == []


def test_few_evaluations_prove_nothing() -> None:
    assert verdicts(course(FALLING, [0.9, 0.9, 0.9, 0.9, 0.9])) == []
