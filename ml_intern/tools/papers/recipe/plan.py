"""What it takes to run a recipe: how much work, memory, time and money. Pure.

Nothing is invented: what the recipe, a measurement or the caller does not say is None, and named in
`unknown`. Every estimate says what it rests on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ml_intern.errors import InputError
from ml_intern.tools.training.memory import Load, Precision, judge

FORWARD_SHARE = 1 / 3
"""Of a training step, that a forward pass alone costs: the backward pass costs twice as much."""
LEAST_UPDATES = 100
"""Fewer tell nothing of a method."""
LEAST_EXAMPLES = 1_000
"""Of a pass; where fewer would be left, it is passes that are left out."""
_PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "learning_rate": (1e-9, 10),
    "batch_size": (1, 2**26),
    "epochs": (1e-3, 20_000),
    "steps": (1, 10**8),
    "weight_decay": (0, 10),
    "dropout": (0, 0.95),
    "label_smoothing": (0, 0.9),
    "gradient_clipping": (1e-6, 10**6),
    "warmup": (0, 10**8),
    "hidden_size": (4, 100_000),
    "intermediate_size": (4, 10**6),
    "vocab_size": (1, 10**8),
    "parameters": (1, 10**14),
    "sequence_length": (1, 10**8),
    "seeds": (0, 2**32),
    "accelerators": (1, 10**6),
    "training_time": (1e-4, 10**8),
    "num_hidden_layers": (1, 1_000),
    "num_attention_heads": (1, 1_000),
    "image_size": (4, 8_192),
}
"""Between which any training that is known to work lies, and far from the ends."""


class Change(NamedTuple):
    """What is done otherwise than the recipe says. `becomes` None: it is left open."""

    what: str
    was: Any
    becomes: Any
    why: str


@dataclass(frozen=True, kw_only=True)
class Values:
    """The numbers of a recipe that a plan needs, and where each is from."""

    numbers: Mapping[str, float]
    words: Mapping[str, str]
    units: Mapping[str, str]
    given: frozenset[str] = frozenset()
    """Names that the caller gave, which the paper does not say."""

    def number(self, name: str, unit: str = "") -> float | None:
        """Of this name, if it is in this unit."""
        if unit and self.units.get(name, unit) != unit:
            return None
        return self.numbers.get(name)

    def whole(self, name: str, unit: str = "") -> int | None:
        """As `number`, for what is counted."""
        value = self.number(name, unit)
        return int(value) if value is not None and value >= 1 else None


@dataclass(frozen=True, kw_only=True)
class Work:
    """How much training there is. None: unknown."""

    train_examples: int | None
    """Of one pass over the data."""
    batch_examples: int | None
    epochs: float | None
    updates: int | None
    warmup_updates: int | None
    seeds: int

    @property
    def examples(self) -> int | None:
        """That are looked at in one run, all epochs together."""
        if self.updates is not None and self.batch_examples is not None:
            return self.updates * self.batch_examples
        if self.train_examples is not None and self.epochs is not None:
            return round(self.train_examples * self.epochs)
        return None


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """The work that remains, and what changed with why."""

    work: Work
    fraction: float
    changes: tuple[Change, ...] = field(default=())


def plausible(values: Values) -> tuple[Values, list[Change]]:
    """Without numbers that no training can have meant, and these."""
    wrong = {
        name: bounds
        for name, bounds in _PLAUSIBLE.items()
        if (value := values.number(name)) is not None and not bounds[0] <= value <= bounds[1]
    }
    changes = [
        Change(name, values.number(name), None, f"implausible: not from {least:g} to {most:g}")
        for name, (least, most) in wrong.items()
    ]
    kept = {name: value for name, value in values.numbers.items() if name not in wrong}
    return replace(values, numbers=kept), changes


def work_of(values: Values, train_examples: int | None, stated: int | None = None) -> Work:
    """As the recipe has it, on so many examples; `stated`: how many are the paper's.

    On other data it is as many passes as on the paper's, not as many steps. A batch holds no more
    than one pass.
    """
    batch = values.whole("batch_size", "examples")
    theirs, epochs = _length(values, batch, stated)
    updates = values.whole("steps")
    if train_examples != stated and "steps" not in values.given and epochs is not None:
        updates = None
    if batch is not None and train_examples is not None:
        batch = min(batch, train_examples)
    if updates is None:
        updates = _updates(epochs, batch, train_examples)
    if epochs is None and None not in (updates, batch, train_examples):
        epochs = (updates or 0) * (batch or 0) / (train_examples or 1)
    seeds = values.whole("seeds", "seeds")
    return Work(
        train_examples=train_examples,
        batch_examples=batch,
        epochs=epochs,
        updates=updates,
        warmup_updates=_warmup(values, updates, epochs, theirs),
        seeds=seeds or 1,
    )


def _length(
    values: Values, batch: int | None, stated: int | None
) -> tuple[int | None, float | None]:
    """Updates and epochs on the paper's own data."""
    epochs, steps = values.number("epochs"), values.whole("steps")
    if epochs is None and None not in (steps, batch, stated):
        epochs = (steps or 0) * (batch or 0) / (stated or 1)
    return steps or _updates(epochs, batch, stated), epochs


def _updates(epochs: float | None, batch: int | None, examples: int | None) -> int | None:
    if epochs is None or batch is None or examples is None:
        return None
    return math.ceil(epochs * math.ceil(examples / batch))


def scaled(work: Work, fraction: float) -> Scaled:
    """The same method on less data: batch, learning rate and epochs stay, so what is left out is
    examples, and with them updates; below `LEAST_EXAMPLES`, epochs. One seed instead of several.

    Raises InputError for so little that nothing could be learned from it.
    """
    if fraction >= 1:
        return Scaled(work=work, fraction=1.0)
    updates = _part(work.updates, fraction)
    if work.updates is not None and work.updates >= LEAST_UPDATES > (updates or 0):
        least = LEAST_UPDATES / work.updates
        raise InputError(
            f"{fraction:.3g} of the recipe would be {updates or 0:,} updates; below "
            f"{LEAST_UPDATES} a run tells nothing of the method. Scale to at least {least:.2g}."
        )
    examples, epochs = _passes(work, fraction)
    batch = work.batch_examples
    small = replace(
        work,
        train_examples=examples,
        epochs=epochs,
        batch_examples=min(batch, examples) if batch and examples else batch,
        updates=updates,
        warmup_updates=_part(work.warmup_updates, fraction),
        seeds=1,
    )
    return Scaled(work=small, fraction=fraction, changes=tuple(_changes(work, small, fraction)))


def _passes(work: Work, fraction: float) -> tuple[int | None, float | None]:
    """Examples of a pass, and passes."""
    examples = _part(work.train_examples, fraction)
    if examples is None or work.train_examples is None:
        return None, work.epochs
    least = min(work.train_examples, LEAST_EXAMPLES)
    if examples >= least or work.epochs is None:
        return max(examples, least), work.epochs
    return least, work.epochs * fraction * work.train_examples / least


def _changes(work: Work, small: Work, fraction: float) -> list[Change]:
    share = f"{fraction:.3g} of the whole run"
    said = {
        "train_examples": f"a random sample: {share}",
        "epochs": f"{share}; fewer examples instead would tell little",
        "batch_examples": "one pass has no more examples",
        "updates": f"{share}; batch size and learning rate stay as they are, because they belong "
        "together",
        "warmup_updates": "the same share of all updates as in the recipe",
        "seeds": "one run; without repeated seeds a small difference means nothing",
    }
    return [
        Change(name.replace("batch_examples", "batch_size"), was, becomes, why)
        for name, why in said.items()
        if (was := getattr(work, name)) != (becomes := getattr(small, name))
    ]


def _part(whole: int | None, fraction: float) -> int | None:
    return None if whole is None else max(1, round(whole * fraction)) if whole else 0


def _warmup(
    values: Values, updates: int | None, epochs: float | None, theirs: int | None
) -> int | None:
    """Updates of it; `theirs`: all updates on the paper's own data, of which it is a share."""
    value, unit = values.number("warmup"), values.units.get("warmup", "")
    if value is None:
        return None
    if unit == "steps":
        share = value / theirs if theirs and "warmup" not in values.given else None
        return int(value) if share is None or updates is None else round(share * updates)
    if updates is None:
        return None
    if unit == "fraction":
        return round(value * updates) if value <= 1 else None
    return round(value / epochs * updates) if unit == "epochs" and epochs else None


_SHAPE = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "sequence_length",
    "batch_size",
)


def memory_of(
    values: Values, devices: int, available_bytes: int, *, gpu: bool
) -> tuple[dict[str, Any] | None, list[str]]:
    """The estimate for one device, as the tool estimate_memory has it, with the batch that fits;
    or None and the names that it lacks.
    """
    shape = {name: values.whole(name) for name in _SHAPE}
    shape["batch_size"] = values.whole("batch_size", "examples")
    if missing := [name for name, value in shape.items() if value is None]:
        return None, missing
    whole = {name: value or 1 for name, value in shape.items()}
    load = Load(
        parameters=values.whole("parameters"),
        hidden_size=whole["hidden_size"],
        num_hidden_layers=whole["num_hidden_layers"],
        num_attention_heads=whole["num_attention_heads"],
        sequence_length=whole["sequence_length"],
        vocab_size=values.whole("vocab_size") or 0,
        per_device_train_batch_size=math.ceil(whole["batch_size"] / devices),
        intermediate_size=values.whole("intermediate_size"),
        precision=_precision(values.words.get("precision", "")),
        optimizer=_OPTIMIZERS.get(values.words.get("optimiser", ""), "adamw_torch"),
    )
    told = judge(load, available_bytes, gpu=gpu)
    batches = _batches(load, told, whole["batch_size"], devices)
    return {**told, **batches, "assumes": _assumed(load)}, []


def _assumed(load: Load) -> str:
    words = ["full weights on every device"]
    if load.parameters is None:
        words.append("parameters counted from the shape")
        if not load.vocab_size:
            words.append("without embeddings, as the size of the vocabulary is unknown")
    if not load.logits_per_example:
        words.append("no logits for every token")
    return "; ".join(words) + "; dummy_forward is the real check"


def _batches(load: Load, told: Mapping[str, Any], batch: int, devices: int) -> dict[str, Any]:
    """How the effective batch of the recipe is kept with what fits."""
    fits = int(told["largest_batch_size_that_fits"])
    if fits == 0:
        return {"per_device_train_batch_size": None, "gradient_accumulation_steps": None}
    per_device = min(load.per_device_train_batch_size, fits)
    steps = math.ceil(batch / (per_device * devices))
    even = math.ceil(batch / (steps * devices))
    return {"per_device_train_batch_size": even, "gradient_accumulation_steps": steps}


def _precision(words: str) -> Precision:
    if "mixed" in words or words == "float16":
        return "bfloat16_mixed"
    return "bfloat16" if words == "bfloat16" else "float32"


_OPTIMIZERS = {"SGD": "sgd", "Adam": "adamw_torch", "AdamW": "adamw_torch"}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Examples a second that training gets through, all devices together; None: unknown."""

    examples_per_second: float | None
    basis: str
    """For people: what it rests on, or what to do to know it."""


def stated_speed(values: Values, work: Work, gpu_names: tuple[str, ...]) -> Speed:
    """From the time that the paper states, if this machine has the accelerator that it names."""
    hours = _hours(values)
    kind = values.words.get("accelerator", "")
    count = values.whole("accelerators") or 1
    examples = work.examples
    if hours is None or examples is None:
        return Speed(
            examples_per_second=None,
            basis="no throughput is known; run smoke_test, time it, and give examples_per_second",
        )
    ours = [name for name in gpu_names if kind and kind.split()[0].lower() in name.lower()]
    if not ours:
        return Speed(
            examples_per_second=None,
            basis=f"the paper's {_said(values)} say nothing of this machine; run smoke_test, time "
            "it, and give examples_per_second",
        )
    rate = examples / (hours * 3600) * len(ours) / count
    return Speed(
        examples_per_second=rate,
        basis=f"the paper's {_said(values)}, assumed to be for one run and to scale with the number "
        f"of accelerators, on {len(ours)} x {ours[0]} here",
    )


def _hours(values: Values) -> float | None:
    time, unit = values.number("training_time"), values.units.get("training_time", "")
    if time is None:
        return None
    if unit == "accelerator hours":
        return time / (values.whole("accelerators") or 1)
    return time * {"minutes": 1 / 60, "hours": 1.0, "days": 24.0}.get(unit, math.nan)


def _said(values: Values) -> str:
    count = values.whole("accelerators")
    kind = values.words.get("accelerator", "unnamed accelerators")
    time = f"{values.number('training_time'):g} {values.units.get('training_time', '')}"
    return f"{time} on {f'{count} x ' if count else ''}{kind}"


def training_s(work: Work, speed: Speed) -> float | None:
    """Of all runs, one after the other."""
    if work.examples is None or not speed.examples_per_second:
        return None
    return work.seeds * work.examples / speed.examples_per_second


def evaluation_s(test_examples: int | None, seeds: int, speed: Speed) -> float | None:
    """Of the test split, forward passes only."""
    if test_examples is None or not speed.examples_per_second:
        return None
    return seeds * test_examples * FORWARD_SHARE / speed.examples_per_second
