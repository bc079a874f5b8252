"""Where a session stands, as the conversation tells it.

State only: `fold` and `hearing` write it, rules read it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_intern.llm.autopilot.answers import Answer, mapping, number, objects, strings, text, whole
from ml_intern.llm.autopilot.diagnosis import Cause
from ml_intern.llm.autopilot.objective import Family, Metric, Objective, Split, Value

ALLOWED_CHANGES = 5
"""Repairs and improvements before a person is asked."""

Topic = Literal["dataset", "data", "target", "setting", "label", "text", "model", "handover"]


@dataclass(frozen=True)
class Data:
    """What inspection told."""

    report: Mapping[str, Any]

    @property
    def task(self) -> Family | None:
        task = text(self.report, "task")
        if task == "image-classification":
            return "image-classification"
        return "text-classification" if task == "text-classification" else None

    @property
    def rows(self) -> int:
        return whole(self.report, "rows") or 0

    @property
    def columns(self) -> list[str]:
        return [text(column, "name") for column in objects(self.report, "columns")]

    @property
    def blocking(self) -> list[str]:
        return strings(self.report, "blocking")

    @property
    def problems(self) -> list[str]:
        return strings(self.report, "problems")

    @property
    def images(self) -> dict[str, Any]:
        return mapping(self.report, "images")

    def mapped(self, part: str) -> str | None:
        """The column that inspection chose for `part`."""
        return text(mapping(self.report, "mapping"), part) or None

    def alternatives(self, part: str) -> list[str]:
        """The columns that could be it, best first."""
        return strings(mapping(self.report, "alternatives"), part)

    def mean_length(self, column: str | None) -> float | None:
        """Characters per row of a column."""
        return number(self._told_of(column), "mean_length")

    def kind(self, column: str) -> str:
        """The type of a column's values; empty when it is not known."""
        return text(self._told_of(column), "type")

    def distinct(self, column: str) -> int | None:
        """How many different values a column has."""
        return whole(self._told_of(column), "distinct")

    def present(self, column: str) -> int | None:
        """How many rows have a value in a column."""
        missing = whole(self._told_of(column), "missing")
        return self.rows - missing if self.rows and missing is not None else None

    def _told_of(self, column: str | None) -> dict[str, Any]:
        told = objects(self.report, "columns")
        return next((c for c in told if column is not None and text(c, "name") == column), {})


@dataclass(frozen=True)
class Prepared:
    """What preparation made."""

    answer: Mapping[str, Any]

    @property
    def train(self) -> str:
        return text(self.answer, "train")

    @property
    def validation(self) -> str:
        return text(self.answer, "validation")

    @property
    def num_labels(self) -> int:
        """Of all classes; the answer may name only some of them."""
        labels = self.answer.get("labels")
        known = len(labels) if isinstance(labels, list) else 0
        return whole(self.answer, "num_labels") or known

    @property
    def task(self) -> Family | None:
        return Data(self.answer).task

    @property
    def notes(self) -> list[str]:
        """What preparation found worth a word."""
        return strings(self.answer, "notes")

    def rows(self, split: str) -> int:
        return whole(mapping(self.answer, "rows"), split) or 0

    def dropped(self) -> dict[str, int]:
        """Rows that were left out, by the reason."""
        found = mapping(self.answer, "dropped")
        return {name: count for name in found if (count := whole(found, name))}

    def largest_share(self) -> float | None:
        """Accuracy of always answering with the most frequent class."""
        found = mapping(self.answer, "class_counts")
        counts = [count for name in found if (count := number(found, name))]
        return max(counts) / sum(counts) if counts else None


@dataclass
class Script:
    """The training script as it is now."""

    path: str
    recipe: str
    values: dict[str, Any]
    """Every argument's default, as far as it is known."""
    lines: dict[str, str] = field(default_factory=dict)
    """The line of each argument, as read."""
    read_to: int = 0
    """Lines that were read so far."""
    read_whole: bool = False
    revision: int = 1
    forward_revision: int = 0
    """The revision that passed the dummy forward pass."""
    smoke_revision: int = 0
    forward: Mapping[str, Any] = field(default_factory=dict)
    """What the dummy forward pass reported."""
    outdated: bool = False
    """The person asked for something that takes another script, not another value in it."""


@dataclass
class Run:
    """One training job."""

    output_dir: str
    job_id: str
    revision: int
    values: Mapping[str, Any]
    """The script's arguments when it was launched."""
    heard: int
    """Messages of the person by then."""
    ended: Mapping[str, Any] | None = None
    cause: Cause | None = None
    """Why it failed; None while it runs and when it went well."""
    validation: Mapping[str, Any] | None = None
    test: Mapping[str, Any] | None = None
    card: Mapping[str, Any] | None = None
    bundle: Mapping[str, Any] | None = None

    @property
    def trained(self) -> bool:
        """Whether there are weights worth measuring."""
        return self.ended is not None and self.cause is None

    def measured(self, metric: Metric, split: Split = "validation") -> float | None:
        """Our evaluation's number, if there is one."""
        found = self.validation if split == "validation" else self.test
        return number(mapping(found or {}, "metrics"), metric)


@dataclass(frozen=True)
class Trouble:
    """A check or a run that failed, with the arguments that it failed with."""

    stage: str
    cause: Cause
    said: str
    values: Mapping[str, Any]
    changes: int
    """How many there had been by then."""


@dataclass
class Failure:
    """A tool that failed and has not worked since."""

    key: str
    """The same key means: the same call under the same circumstances."""
    error: str
    spoken: bool
    """Whether the tool itself said what was wrong; else its answer could not be read."""
    times: int = 1


@dataclass
class Case:
    """The whole state. `objective` grows with what the person says."""

    objective: Objective = field(default_factory=Objective)
    offered: frozenset[str] = frozenset()
    heard: int = 0
    """Messages of the person."""
    steps: int = 0
    """Replies with calls since the person last spoke."""
    plan_call: Answer | None = None
    """The call that wrote the plan last."""
    outline: Mapping[str, Any] | None = None
    """Of the paper whose experiment is to be done again."""
    recipe: Mapping[str, Any] | None = None
    """Of that paper, each value with the sentence that says it."""
    experiment: Mapping[str, Any] | None = None
    """The plan that was made of the recipe for this data."""
    data: Data | None = None
    prepared: Prepared | None = None
    hardware: Mapping[str, Any] | None = None
    estimates: list[tuple[int, bool, int | None]] = field(default_factory=list)
    """Batch size, whether it fits, the largest that does."""
    step_bytes: int | None = None
    """Memory that a step needs, by the last estimate."""
    script: Script | None = None
    written: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of the script as it was first written."""
    runs: list[Run] = field(default_factory=list)
    trouble: Trouble | None = None
    changes: list[str] = field(default_factory=list)
    """Repairs and improvements so far, each with its reason."""
    changing: bool = False
    """Whether edits since the last check belong to one change."""
    allowed_changes: int = ALLOWED_CHANGES
    steered: dict[str, Value] = field(default_factory=dict)
    """Settings that the person gave after the script was written, and that it has not yet."""
    steered_at: int = 0
    """Number of runs when the person last changed the settings."""
    consents: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Proposed changes, argument and new value, with the person's answer."""
    questions: dict[Topic, int] = field(default_factory=dict)
    """How often each was asked since the person last spoke unasked."""
    unanswered: str | None = None
    """Why a question got no answer."""
    left_open: Topic | None = None
    """What was asked about last, if the question was ended before the person answered."""
    unclear: int = 0
    """Answers in a row that said nothing the planner understands."""
    accepted: bool = False
    """The person takes the best model that there is."""
    stopped: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)
    unknown_arguments: set[str] = field(default_factory=set)
    """Settings that the recipe does not have."""
    preparations: int = 0
    taken: set[str] = field(default_factory=set)
    """Output folders that may not be used again."""
    published: Mapping[str, Any] | None = None
    names_taken: set[str] = field(default_factory=set)
    """Repositories that hold something else."""
    not_published: str | None = None
    """Why publishing was refused or failed."""
    test_refused: str | None = None
    earlier_test: Mapping[str, Any] | None = None

    def begin_again(self) -> None:
        """Other data: nothing that was found out or trained counts any more."""
        fresh = Case()
        for name in (
            *(
                "data",
                "prepared",
                "experiment",
                "estimates",
                "step_bytes",
                "script",
                "written",
                "runs",
                "trouble",
                "changes",
                "changing",
            ),
            *("steered", "steered_at", "consents", "accepted", "published", "not_published"),
            *("test_refused", "earlier_test", "allowed_changes"),
        ):
            setattr(self, name, getattr(fresh, name))

    @property
    def repairs(self) -> int:
        """Changes so far, and how often a run that got lost was started again."""
        pairs = zip(self.runs, self.runs[1:], strict=False)
        again = sum(one.cause == "lost" and one.revision == two.revision for one, two in pairs)
        return len(self.changes) + again

    @property
    def plan(self) -> tuple[tuple[str, str], ...]:
        """Items of the plan as last written: step and status."""
        items = objects(self.plan_call.arguments, "items") if self.plan_call is not None else []
        return tuple((text(item, "step"), text(item, "status")) for item in items)

    @property
    def metric(self) -> Metric:
        """What decides between two models."""
        target = self.objective.target
        return target.metric if target is not None else self.objective.metric or "accuracy"

    @property
    def family(self) -> Family | None:
        """The data knows better than the words."""
        for known in (self.prepared, self.data):
            if known is not None and known.task is not None:
                return known.task
        return self.objective.family

    @property
    def last_run(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    def offers(self, *names: str) -> bool:
        """Whether all of these tools may be called."""
        return self.offered.issuperset(names)

    def failed(self, name: str) -> int:
        """How often in a row this tool failed in the same way."""
        failure = self.failures.get(name)
        return failure.times if failure is not None else 0

    def hopeless(self, name: str) -> bool:
        """Whether calling this tool again in the same way is of no use."""
        failure = self.failures.get(name)
        return failure is not None and (failure.spoken or failure.times >= 2)

    def error_of(self, name: str) -> str:
        """What this tool said when it last failed."""
        failure = self.failures.get(name)
        return failure.error if failure is not None else ""

    def best(self, runs: list[Run] | None = None) -> Run | None:
        """The run with the best validation score of our own; the earlier one of two equals."""
        sign = -1 if self.metric == "loss" else 1
        scored = [
            (sign * score, run)
            for run in (self.runs if runs is None else runs)
            if (score := run.measured(self.metric)) is not None
        ]
        return max(scored, key=lambda item: item[0])[1] if scored else None

    def learned_nothing(self, run: Run | None) -> bool:
        """Whether its accuracy on validation is not clearly above that of the most frequent class.

        Clearly means by two standard errors of that share on as many rows.
        """
        share = self.prepared.largest_share() if self.prepared is not None else None
        accuracy = run.measured("accuracy") if run is not None else None
        if self.prepared is None or share is None or accuracy is None:
            return False
        rows = max(1, self.prepared.rows("validation"))
        return accuracy <= share + 2 * math.sqrt(share * (1 - share) / rows)

    def withholds(self, run: Run) -> bool:
        """Whether the run is not to be published, because it has learned nothing and the person
        has not said that they take it all the same."""
        return self.learned_nothing(run) and not self.accepted

    def best_as_asked(self) -> Run | None:
        """The best run with the settings that the person asked for last."""
        return self.best(self.runs[self.steered_at :])

    def reaches_target(self, run: Run | None) -> bool:
        """Whether this run is good enough; without a target every measured one is."""
        measured = run.measured(self.metric) if run is not None else None
        target = self.objective.target
        return measured is not None and (target is None or target.met_by(measured))

    def chosen(self) -> Run | None:
        """The run that is delivered; None while it is not decided."""
        as_asked = self.best_as_asked()
        if self.reaches_target(as_asked):
            return as_asked
        return (as_asked or self.best()) if self.accepted else None
