"""A recipe's values under the names that the tested training scripts have for them.

These scripts (`ml_intern/recipes/`) train with AdamW on the cross entropy. What they cannot follow
is named, with why.
"""

import math
from collections.abc import Mapping
from typing import Any

from ml_intern.tools.papers.recipe.plan import Change, Values, Work

Setting = int | float | str
OPTIMISER = "AdamW"
NAMES: Mapping[str, str] = {
    "learning_rate": "learning_rate",
    "epochs": "num_train_epochs",
    "weight_decay": "weight_decay",
    "dropout": "hidden_dropout_prob",
    "label_smoothing": "label_smoothing_factor",
    "gradient_clipping": "max_grad_norm",
    "schedule": "lr_scheduler_type",
    "warmup": "warmup_steps",
    "image_size": "image_size",
    "sequence_length": "max_length",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_hidden_layers",
    "num_attention_heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
}
"""Of the recipe: of the scripts. A batch has two names there, its rows and its passes."""
_PLAIN = ("weight_decay", "dropout", "label_smoothing", "gradient_clipping")
_SHAPE = ("hidden_size", "num_hidden_layers", "num_attention_heads")
SCHEDULES: Mapping[str, str] = {
    "cosine": "cosine",
    "linear": "linear",
    "constant": "constant_with_warmup",
    "inverse square root": "inverse_sqrt",
    "polynomial": "polynomial",
}
_CROSS_ENTROPY = "cross entropy"


def settings_of(
    values: Values, small: Work, whole: Work, memory: Mapping[str, Any] | None, devices: int
) -> dict[str, Setting]:
    """What to give to write_recipe: `values`, for the work `small` that is left of the `whole`."""
    found: dict[str, Setting | None] = {
        **_batch(small, memory, devices),
        "num_train_epochs": small.epochs,
        "max_train_samples": _sample(small, whole),
        "warmup_steps": _warmup(values, whole),
        "lr_scheduler_type": SCHEDULES.get(values.words.get("schedule", "")),
        **_shape(values),
        **_length(values),
        **{NAMES[name]: values.number(name) for name in _PLAIN},
    }
    if _is_for_adamw(values):
        found["learning_rate"] = values.number("learning_rate")
    return {name: tidy(value) for name, value in found.items() if value is not None}


def not_followed(values: Values, work: Work) -> list[Change]:
    """What the scripts do otherwise than the recipe."""
    found = [_other_optimiser(values), _other_rate(values), _other_loss(values)]
    found += [_other_schedule(values), _other_batch(values), _other_length(values, work)]
    found += [_other_warmup(values, work)]
    return [change for change in found if change is not None]


def _is_for_adamw(values: Values) -> bool:
    """Whether its learning rate means something to AdamW."""
    given = "learning_rate" in values.given
    return given or values.words.get("optimiser", OPTIMISER).lower().startswith("adam")


def _other_optimiser(values: Values) -> Change | None:
    named = values.words.get("optimiser", OPTIMISER)
    if named == OPTIMISER:
        return None
    return Change("optimiser", named, OPTIMISER, "the tested scripts train with it")


def _other_rate(values: Values) -> Change | None:
    rate = values.number("learning_rate")
    if rate is None or _is_for_adamw(values):
        return None
    why = f"it belongs to {values.words['optimiser']} and says nothing of {OPTIMISER}"
    return Change("learning_rate", rate, None, why)


def _other_loss(values: Values) -> Change | None:
    loss = values.words.get("loss", _CROSS_ENTROPY)
    if _CROSS_ENTROPY in loss.replace("-", " "):
        return None
    return Change("loss", loss, _CROSS_ENTROPY, "the tested scripts train on it")


def _other_schedule(values: Values) -> Change | None:
    schedule = values.words.get("schedule", "")
    if not schedule or schedule in SCHEDULES:
        return None
    return Change("schedule", schedule, None, "the tested scripts have no such schedule")


def _other_batch(values: Values) -> Change | None:
    batch = values.number("batch_size")
    if batch is None or values.whole("batch_size", "examples") is not None:
        return None
    return Change("batch_size", batch, None, "it counts tokens; the tested scripts count examples")


def _other_length(values: Values, work: Work) -> Change | None:
    steps = values.whole("steps")
    if steps is None or work.epochs is not None:
        return None
    why = "the tested scripts count epochs, and how many examples a pass has is unknown"
    return Change("steps", steps, None, why)


def _other_warmup(values: Values, work: Work) -> Change | None:
    """Where no share of the run can be told."""
    value, unit = values.number("warmup"), values.units.get("warmup", "")
    if value is None or _warmup(values, work) is not None:
        return None
    is_longer = None not in (work.warmup_updates, work.updates)
    why = "longer than the whole run" if is_longer else "of how many steps is unknown"
    return Change("warmup", f"{value:g} {unit}".strip(), None, why)


def _batch(work: Work, memory: Mapping[str, Any] | None, devices: int) -> dict[str, Setting | None]:
    names = ("per_device_train_batch_size", "gradient_accumulation_steps")
    if work.batch_examples is None:
        return {}
    if memory is not None and memory[names[0]] is not None:
        return {name: memory[name] for name in names}
    return {names[0]: math.ceil(work.batch_examples / devices), names[1]: 1}


def _sample(small: Work, whole: Work) -> int | None:
    return small.train_examples if small.train_examples != whole.train_examples else None


def _warmup(values: Values, whole: Work) -> float | None:
    """As a share of all steps, which holds for a run of any length."""
    value = values.number("warmup")
    if value is not None and value < 1 and values.units.get("warmup") == "fraction":
        return value
    if whole.warmup_updates is None or not whole.updates:
        return None
    share = whole.warmup_updates / whole.updates
    return round(share, 4) if share < 1 else None


def _shape(values: Values) -> dict[str, Setting | None]:
    """Only whole: the sizes of one model do not fit those of another."""
    shape = {name: values.whole(name) for name in _SHAPE}
    width, heads = shape["hidden_size"], shape["num_attention_heads"]
    if None in shape.values() or (width or 1) % (heads or 1):
        return {}
    return {**shape, "intermediate_size": values.whole("intermediate_size")}


def _length(values: Values) -> dict[str, Setting | None]:
    side = values.whole("image_size")
    return {"image_size": side} if side else {"max_length": values.whole("sequence_length")}


def tidy(value: Setting) -> Setting:
    """Whole numbers as such, and the others without the dust of floating point."""
    if isinstance(value, float):
        value = float(f"{value:.4g}")
        return int(value) if value.is_integer() else value
    return value
