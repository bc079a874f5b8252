"""What the numbers of a run say about it. Pure functions; they look, and decide nothing.

- `nan`: a loss or gradient that is no number, or a training loss of exactly 0.0, which is how a
  trainer logs a NaN that it filters.
- `out_of_memory`: the last words of a failed run say so.
- `diverged`: the loss ends well above where it began.
- `spike`: one loss far above those just before it.
- `plateau`: the last third of the evaluations brought nothing better.
"""

import math
import re
from collections.abc import Iterator
from statistics import fmean, median

from ml_intern.tools.tracebacks import OUT_OF_MEMORY
from ml_intern.tools.training.metrics import Course, Evaluation, Step

_NOT_A_NUMBER = re.compile(r"\bFloatingPointError\b|loss is (nan|inf)", re.IGNORECASE)
_WINDOW = 10
_SPIKE_FACTOR = 3.0
_DIVERGED_FACTOR = 1.5
_FEWEST_FOR_PLATEAU = 6
_GAIN = 1e-3
"""Relative improvement of the loss below which nothing was gained."""


def judge(course: Course, *, failed: bool, output: str) -> list[str]:
    """Every verdict that fits, gravest first. `output`: the end of what the run printed."""
    return list(_judge(course, failed, output))


def _judge(course: Course, failed: bool, output: str) -> Iterator[str]:
    if _is_nan(course) or (failed and _NOT_A_NUMBER.search(output)):
        yield "nan"
    if failed and OUT_OF_MEMORY.search(output):
        yield "out_of_memory"
    losses = [step.loss for step in course.steps if math.isfinite(step.loss)]
    if _has_diverged(losses, course.evaluations):
        yield "diverged"
    if _has_spike(losses):
        yield "spike"
    if _has_plateau(course.evaluations):
        yield "plateau"


def _is_nan(course: Course) -> bool:
    return any(_is_nan_step(step) for step in course.steps) or any(
        evaluation.eval_loss is not None and not math.isfinite(evaluation.eval_loss)
        for evaluation in course.evaluations
    )


def _is_nan_step(step: Step) -> bool:
    if not math.isfinite(step.loss) or step.loss == 0.0:
        return True
    return step.grad_norm is not None and math.isnan(step.grad_norm)


def _has_diverged(losses: list[float], evaluations: list[Evaluation]) -> bool:
    held = [e.eval_loss for e in evaluations if e.eval_loss is not None]
    return _rises(losses) or _rises([loss for loss in held if math.isfinite(loss)])


def _rises(losses: list[float]) -> bool:
    if len(losses) < 6:
        return False
    return fmean(losses[-3:]) > _DIVERGED_FACTOR * fmean(losses[:3])


def _has_spike(losses: list[float]) -> bool:
    return any(
        losses[index] > _SPIKE_FACTOR * max(median(losses[index - _WINDOW : index]), 0.1)
        for index in range(_WINDOW, len(losses))
    )


def _has_plateau(evaluations: list[Evaluation]) -> bool:
    if len(evaluations) < _FEWEST_FOR_PLATEAU:
        return False
    cut = len(evaluations) - len(evaluations) // 3
    early, late = evaluations[:cut], evaluations[cut:]
    gained = _most(late) > _most(early) or _least(late) < _least(early) * (1 - _GAIN)
    return not gained


def _most(evaluations: list[Evaluation]) -> float:
    known = (e.eval_accuracy for e in evaluations if e.eval_accuracy is not None)
    return max(known, default=-math.inf)


def _least(evaluations: list[Evaluation]) -> float:
    known = (e.eval_loss for e in evaluations if e.eval_loss is not None)
    return min(known, default=math.inf)
