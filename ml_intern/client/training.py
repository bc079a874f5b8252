"""A training job as its metric lines tell it: a fold of `JobProgressed`. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ml_intern.events import JobProgressed, JobStatus
from ml_intern.messages import JobId


class Course:
    """A long course of numbers in bounded memory: means of equally many each, oldest first."""

    MOST = 512

    def __init__(self) -> None:
        self._means: list[float] = []
        self._newest: list[float] = []
        """Not yet enough for a mean."""
        self._each = 1

    def add(self, value: float) -> None:
        """The next number."""
        self._newest.append(value)
        if len(self._newest) < self._each:
            return
        self._means.append(sum(self._newest) / self._each)
        self._newest = []
        if len(self._means) == self.MOST:
            pairs = zip(self._means[::2], self._means[1::2], strict=True)
            self._means = [(first + second) / 2 for first, second in pairs]
            self._each *= 2

    def values(self) -> list[float]:
        """What there is; the last one may be of fewer numbers."""
        newest = [sum(self._newest) / len(self._newest)] if self._newest else []
        return self._means + newest


@dataclass(kw_only=True)
class Training:
    """One job. Its numbers are the script's own; they steer and show, and prove nothing."""

    job_id: JobId
    label: str
    started: datetime
    status: Literal["running"] | JobStatus = "running"
    reason: str = ""
    step: int = 0
    max_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    eval_loss: float | None = None
    accuracy: float | None = None
    """On validation data."""
    best_accuracy: float | None = None
    losses: Course = field(default_factory=Course)
    last: datetime | None = None
    _first: tuple[int, datetime] | None = None

    @property
    def share(self) -> float | None:
        """Of the steps that are done, 0 to 1."""
        return min(1.0, self.step / self.max_steps) if self.max_steps else None

    def seconds_left(self, now: datetime) -> float | None:
        """By the pace so far; None until it is known."""
        if not self.max_steps or self._first is None or self.last is None:
            return None
        first_step, first_at = self._first
        steps, took_s = self.step - first_step, (self.last - first_at).total_seconds()
        if steps <= 0 or took_s <= 0:
            return None
        then_left_s = (self.max_steps - self.step) * took_s / steps
        return max(0.0, then_left_s - (now - self.last).total_seconds())

    def apply(self, event: JobProgressed, at: datetime) -> None:
        """Take up new metric lines."""
        metrics = event.metrics
        self.step, self.last = event.step, at
        self.max_steps = event.max_steps or self.max_steps
        self._first = self._first or (event.step, at)
        self.epoch = metrics.get("epoch", self.epoch)
        self.eval_loss = metrics.get("eval_loss", self.eval_loss)
        if "loss" in metrics:
            self.loss = metrics["loss"]
            if self.loss is not None:
                self.losses.add(self.loss)
        if (accuracy := metrics.get("eval_accuracy")) is not None:
            self.accuracy = accuracy
            self.best_accuracy = max(accuracy, self.best_accuracy or 0.0)
