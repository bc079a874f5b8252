"""What the person wants, as far as their words say it. Plain data; `reading` makes it from words.

Hyperparameters in `asked` carry the recipes' argument names and the person's numbers, unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

Family = Literal["image-classification", "text-classification"]
Metric = Literal["accuracy", "macro_f1", "loss"]
Split = Literal["validation", "test"]
Value = int | float | str | bool

METRIC_WORDS: Mapping[Metric, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "loss": "loss",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A number to reach. Decisions are taken on validation, whichever split the person named."""

    metric: Metric = "accuracy"
    value: float
    """A fraction; for `loss` the loss itself, which is to be at most that."""
    split: Split = "validation"

    def met_by(self, measured: float) -> bool:
        """Whether `measured` (same metric, same unit) is good enough."""
        return measured <= self.value if self.metric == "loss" else measured >= self.value

    def words(self) -> str:
        """For people: `accuracy of at least 95 %`."""
        if self.metric == "loss":
            return f"loss of at most {self.value:g}"
        return f"{METRIC_WORDS[self.metric]} of at least {percent(self.value)}"


def percent(fraction: float) -> str:
    """`0.9537` as `95.37 %`."""
    return f"{round(100 * fraction, 2):g} %"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The task. None and empty mean: the words do not say."""

    words: str = ""
    family: Family | None = None
    beyond: str | None = None
    """What was asked for that no recipe covers, in words."""
    training: bool = False
    """Whether the words speak of training or data at all."""
    paper: str | None = None
    """Whose experiment is to be done again, as read_paper takes it."""
    source: str | None = None
    """Path of the data, or the words that name it."""
    model: str | None = None
    """Path or id of the model to start from."""
    scratch: bool = False
    finetune: bool = False
    target: Target | None = None
    doubt: str | None = None
    """Why the target in the words cannot be used; a whole sentence."""
    unread: tuple[str, ...] = ()
    """Settings and methods in the words that have no counterpart here, in the person's words."""
    metric: Metric | None = None
    """Named without a number."""
    asked: Mapping[str, Value] = field(default_factory=dict)
    text_column: str | None = None
    label_column: str | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    output_dir: str | None = None
    repo_name: str | None = None
    private: bool | None = None
    publish: bool | None = None
    card: bool = True
    small: bool = False
    timeout_s: float | None = None

    def merged(self, later: "Objective") -> "Objective":
        """This objective after the person said more: what the later words say wins."""
        said = {
            name: value for name, default in _DEFAULTS if (value := getattr(later, name)) != default
        }
        if later.target or later.doubt:
            said |= {"target": later.target, "doubt": later.doubt}
        if later.beyond is None and later.family is not None:
            said["beyond"] = None
        return replace(
            self,
            **said,
            words=f"{self.words}\n{later.words}".strip(),
            asked={**self.asked, **later.asked},
        )

    def with_asked(self, **settings: Value) -> "Objective":
        """This objective after settings were changed with the person's consent."""
        return replace(self, asked={**self.asked, **settings})


_FOLDED = ("words", "asked", "target", "doubt")
_DEFAULTS = tuple((f.name, f.default) for f in fields(Objective) if f.name not in _FOLDED)
