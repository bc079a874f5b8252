"""The recipe of an experiment, as a paper states it.

Every value carries the sentence that it was read from, verbatim. What the paper does not say, or
says in two ways, is None: nothing here is a default.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

Value = StrictInt | StrictFloat | StrictStr


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Found(_Word):
    """A value and where it stands."""

    value: Value
    unit: str = ""
    """`steps`, `epochs`, `tokens`, `hours`, …; empty for what has none."""
    sentence: str
    """As it stands in the document, white space aside; of a table the row, as Markdown."""
    section: str
    """Number and title; empty for what stands before the first heading."""


class Dataset(_Word):
    """Data that the paper trains or measures on."""

    name: Found
    train: Found | None = None
    """Examples in it, as in the others."""
    validation: Found | None = None
    test: Found | None = None


class Reported(_Word):
    """A result that the paper reports of its own method."""

    metric: str
    """In lower case: `accuracy`, `macro f1`, `bleu`."""
    dataset: str
    """Empty where the paper does not say which."""
    value: Found


class Recipe(_Word):
    """All that is looked for. Rates and shares are fractions: 10 % is 0.1."""

    task: Found | None = None
    architecture: Found | None = None
    parameters: Found | None = None
    num_hidden_layers: Found | None = None
    hidden_size: Found | None = None
    num_attention_heads: Found | None = None
    intermediate_size: Found | None = None
    vocab_size: Found | None = None
    loss: Found | None = None
    label_smoothing: Found | None = None
    optimiser: Found | None = None
    adam_beta1: Found | None = None
    adam_beta2: Found | None = None
    adam_epsilon: Found | None = None
    momentum: Found | None = None
    learning_rate: Found | None = None
    """The highest, after warm-up."""
    schedule: Found | None = None
    warmup: Found | None = None
    """In `steps`, `epochs`, `tokens` or as a `fraction` of all steps."""
    batch_size: Found | None = None
    """Of one update, all devices together, in `examples` or `tokens`."""
    batch_size_per_device: Found | None = None
    gradient_accumulation_steps: Found | None = None
    gradient_clipping: Found | None = None
    epochs: Found | None = None
    steps: Found | None = None
    weight_decay: Found | None = None
    dropout: Found | None = None
    precision: Found | None = None
    sequence_length: Found | None = None
    """In tokens."""
    image_size: Found | None = None
    """In pixels: a number for squares, `640x480` for others."""
    accelerator: Found | None = None
    accelerators: Found | None = None
    """How many of them."""
    training_time: Found | None = None
    """In `minutes`, `hours` or `days` of the clock, or in `accelerator hours`."""
    seeds: Found | None = None
    """How many (`seeds`), or which (`seed`, one or a list with commas)."""
    code: Found | None = None
    paper_licence: Found | None = None
    code_licence: Found | None = None
    data_licence: Found | None = None
    data: tuple[Dataset, ...] = Field(default=())
    metrics: tuple[Reported, ...] = Field(default=())

    def flat(self) -> Iterator[tuple[str, Found]]:
        """Every value that was found, by its name: `learning_rate`, `data.SST-2.train`,
        `metrics.SST-2.accuracy`.
        """
        for name in VALUES:
            if (found := getattr(self, name)) is not None:
                yield name, found
        for dataset in self.data:
            yield f"data.{dataset.name.value}", dataset.name
            for split in SPLITS:
                if (size := getattr(dataset, split)) is not None:
                    yield f"data.{dataset.name.value}.{split}", size
        for reported in self.metrics:
            yield f"metrics.{reported.dataset}.{reported.metric}", reported.value


SPLITS = ("train", "validation", "test")
VALUES = tuple(name for name in Recipe.model_fields if name not in ("data", "metrics"))
"""The names of all single values."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """The recipe, and what was found for names on which the document does not agree with itself."""

    recipe: Recipe
    ambiguous: Mapping[str, tuple[Found, ...]] = field(default_factory=dict)
