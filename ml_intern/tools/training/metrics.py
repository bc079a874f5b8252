"""The course of a training run, folded from the event lines of its script (`event_lines.py`)."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_intern.tools.event_lines import parse_line


def number(value: Any) -> float | None:
    """`value` as a float, NaN and infinities included; None when it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def measured(event: Mapping[str, Any], name: str) -> float | None:
    """A number that the event reports; NaN where it reports null, the way to write NaN in JSON."""
    if name not in event:
        return None
    return math.nan if event[name] is None else number(event[name])


def plain(value: Any) -> Any:
    """`value` in JSON that every reader accepts: numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True, kw_only=True)
class Step:
    """One `log` line."""

    step: int
    epoch: float | None
    loss: float
    grad_norm: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One `evaluate` line, with the training loss that was logged last before it."""

    step: int
    epoch: float | None
    eval_loss: float | None
    eval_accuracy: float | None
    train_loss: float | None

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.step,
            "epoch": plain(self.epoch),
            "eval_loss": plain(self.eval_loss),
            "eval_accuracy": plain(self.eval_accuracy),
            "train_loss": plain(self.train_loss),
        }


@dataclass(kw_only=True)
class Course:
    """What a run has logged so far, oldest first."""

    steps: list[Step] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    """The newest value of every number that was logged."""
    done: dict[str, Any] | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        """Fold one more metric line."""
        self._remember(event)
        match event["event"]:
            case "log":
                self._take_log(event)
            case "evaluate":
                self._take_evaluation(event)
            case "done":
                self.done = {key: value for key, value in event.items() if key != "event"}
            case _:
                pass

    def _remember(self, event: Mapping[str, Any]) -> None:
        if event["event"] in ("log", "evaluate"):
            numbers = ((key, number(value)) for key, value in event.items())
            self.last.update({key: value for key, value in numbers if value is not None})

    def _take_log(self, event: Mapping[str, Any]) -> None:
        loss = measured(event, "loss")
        if loss is not None:
            self.steps.append(
                Step(
                    step=_step(event),
                    epoch=number(event.get("epoch")),
                    loss=loss,
                    grad_norm=number(event.get("grad_norm")),
                )
            )

    def _take_evaluation(self, event: Mapping[str, Any]) -> None:
        self.evaluations.append(
            Evaluation(
                step=_step(event),
                epoch=number(event.get("epoch")),
                eval_loss=measured(event, "eval_loss"),
                eval_accuracy=number(event.get("eval_accuracy")),
                train_loss=self.steps[-1].loss if self.steps else None,
            )
        )


def _step(event: Mapping[str, Any]) -> int:
    step = number(event.get("step"))
    return int(step) if step is not None and math.isfinite(step) else 0


def follow(lines: Iterable[str]) -> Course:
    """The course of a run from the lines of its log."""
    course = Course()
    for line in lines:
        event = parse_line(line)
        if event is not None:
            course.take(event)
    return course


def thin(evaluations: list[Evaluation], limit: int) -> list[Evaluation]:
    """At most `limit` evaluations, evenly chosen, the first, the last and the best among them."""
    if len(evaluations) <= limit:
        return evaluations
    last = len(evaluations) - 1
    chosen = {round(index * last / (limit - 2)) for index in range(limit - 1)}
    chosen.add(evaluations.index(best(evaluations)))
    return [evaluations[index] for index in sorted(chosen)]


def best(evaluations: list[Evaluation]) -> Evaluation:
    """The evaluation with the highest accuracy, the lowest loss where that is equal or missing."""
    return max(evaluations, key=_merit)


def _merit(evaluation: Evaluation) -> tuple[float, float]:
    accuracy, loss = evaluation.eval_accuracy, evaluation.eval_loss
    return (
        accuracy if accuracy is not None and math.isfinite(accuracy) else -math.inf,
        -loss if loss is not None and math.isfinite(loss) else -math.inf,
    )


def spread(steps: list[Step], limit: int) -> Iterator[Step]:
    """At most `limit` steps, evenly chosen, for a picture."""
    stride = max(1, math.ceil(len(steps) / limit))
    return (step for index, step in enumerate(steps) if index % stride == 0)
