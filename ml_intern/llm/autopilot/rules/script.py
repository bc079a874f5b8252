"""Survey the machine, size the model and the batch, and write the script from a recipe."""

import math
from collections.abc import Mapping
from typing import Any

from ml_intern.llm.autopilot.answers import mapping, number, objects, text, whole
from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.objective import Value
from ml_intern.llm.autopilot.rules.ask import hand_over
from ml_intern.llm.autopilot.rules.data import text_of
from ml_intern.llm.autopilot.step import Action, Step

PATH = "train.py"
SCRATCH_RATE = 1e-3
FINETUNE_RATE = 5e-5
_FEW_ROWS, _MANY_ROWS = 1_000, 20_000
_IMAGE_EPOCHS, _TEXT_EPOCHS = 25, 10
_IMAGE_WIDTH, _TEXT_WIDTH = 64, 128
_SHAPE = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
_MOST_PATCHES_A_SIDE = 8
_LARGEST_SIDE, _LARGEST_SIDE_ON_GPU = 64, 128
_IMAGE_SETTINGS = frozenset({"image_size", "patch_size", "augment"})
_TEXT_SETTINGS = frozenset({"max_length", "vocab_size"})
_BATCH, _PASSES = "per_device_train_batch_size", "gradient_accumulation_steps"


def survey(case: Case) -> Step | None:
    """Know the machine before sizing anything; the inspection may already have brought it."""
    if case.hardware is not None or not case.offers("survey_hardware"):
        return None
    if case.script is not None or case.failed("survey_hardware") >= 2:
        return None
    return Step("What does this machine have?", (Action("survey_hardware"),))


def estimate(case: Case) -> Step | None:
    """Compare what a step needs with what there is; only for models whose shape we choose."""
    if not _must_write(case) or case.objective.model or not case.offers("estimate_memory"):
        return None
    if case.failed("estimate_memory") >= 2:
        return None
    batch, _ = planned_batch(case)
    if _BATCH in planned(case):
        return None  # the plan has looked at the memory
    if any(tried == batch for tried, _, _ in case.estimates):
        return None
    return Step(
        f"Does a step with a batch of {batch} fit into memory?",
        (Action("estimate_memory", _load(case, batch)),),
    )


def write(case: Case) -> Step | None:
    """The script, from the recipe of the family."""
    if not _must_write(case):
        return None
    if case.failed("write_recipe") >= 2 or len(case.unknown_arguments) > 8:
        return hand_over(case, f"The script cannot be written: {case.error_of('write_recipe')}")
    batch, _ = planned_batch(case)
    if batch == 1 and (1, False) in {(tried, fits) for tried, fits, _ in case.estimates}:
        return hand_over(case, "By the estimate not even a batch of one fits into memory.")
    arguments = {"recipe": recipe_of(case), "path": PATH, "values": recipe_values(case)}
    return Step(_why(case), (Action("write_recipe", arguments),))


def _must_write(case: Case) -> bool:
    return case.prepared is not None and (case.script is None or case.script.outdated)


def _why(case: Case) -> str:
    model = case.objective.model
    how = f"fine-tuning {model}" if model else "training from scratch"
    rows = case.prepared.rows("train") if case.prepared is not None else 0
    of_paper = " with the settings of the plan" if planned(case) else ""
    return f"I write {PATH} from the recipe {recipe_of(case)}{of_paper}, for {how} on {rows} rows."


def recipe_of(case: Case) -> str:
    """The recipe's name."""
    return "image_classification" if is_image(case) else "text_classification"


def is_image(case: Case) -> bool:
    """Whether this is about images."""
    return case.family == "image-classification"


def base_rate(case: Case) -> float:
    """The learning rate that the recipes are known to work with."""
    return FINETUNE_RATE if case.objective.model else SCRATCH_RATE


def recipe_values(case: Case) -> dict[str, Value]:
    """Every argument that we set: first the facts of the data, then what was planned after a
    paper, then the person's words."""
    batch, accumulation = planned_batch(case)
    values: dict[str, Value] = {
        **_paths(case),
        **new_shape(case),
        _BATCH: batch,
    }
    if accumulation > 1:
        values[_PASSES] = accumulation
    values |= {"learning_rate": base_rate(case), "num_train_epochs": usual_epochs(case)}
    values |= {"model_name_or_path": case.objective.model} if case.objective.model else {}
    left_out = {_BATCH, _PASSES} | (_TEXT_SETTINGS if is_image(case) else _IMAGE_SETTINGS)
    told = {**planned(case), **case.objective.asked}
    values |= {name: value for name, value in told.items() if name not in left_out}
    return {k: v for k, v in values.items() if k not in case.unknown_arguments}


def planned(case: Case) -> dict[str, Value]:
    """The settings that plan_experiment made of a paper's recipe."""
    found = mapping(case.experiment or {}, "settings")
    return {name: each for name, each in found.items() if isinstance(each, int | float | str)}


def planned_batch(case: Case) -> tuple[int, int]:
    """Batch per device and accumulation; an estimate that does not fit trades one for the other."""
    told = case.objective.asked if _BATCH in case.objective.asked else planned(case)
    batch = whole(told, _BATCH) or usual_batch(case)
    accumulation = whole(told, _PASSES) or 1
    for tried, fits, largest in case.estimates:
        if tried == batch and not fits and batch > 1:
            batch, accumulation = shrink(batch, accumulation, largest)
    return batch, accumulation


def shrink(batch: int, accumulation: int, largest: int | None = None) -> tuple[int, int]:
    """At most half the batch, at most `largest`, with the product unchanged."""
    effective = batch * accumulation
    bound = max(1, min(batch // 2, largest if largest and largest > 0 else batch // 2))
    smaller = next(size for size in range(bound, 0, -1) if effective % size == 0)
    return smaller, effective // smaller


def usual_batch(case: Case) -> int:
    """Fewer rows at a time where there are few."""
    rows = case.prepared.rows("train") if case.prepared is not None else 0
    if 0 < rows < 160:
        return 8
    if 0 < rows < 400:
        return 16
    return 64 if rows > _MANY_ROWS and has_gpu(case) else 32


def has_gpu(case: Case) -> bool:
    """Whether the survey found a GPU."""
    return bool(objects(case.hardware or {}, "gpus"))


def usual_epochs(case: Case) -> int:
    """Fewer passes over many rows, more over few; a pretrained model needs few in any case."""
    rows = case.prepared.rows("train") if case.prepared is not None else 0
    if case.objective.model:
        return 3 if rows > 5_000 else 5
    usual = _IMAGE_EPOCHS if is_image(case) else _TEXT_EPOCHS
    if 0 < rows < _FEW_ROWS:
        return min(3 * usual, math.ceil(usual * _FEW_ROWS / rows))
    return usual if rows <= _MANY_ROWS else max(3, round(usual * _MANY_ROWS / rows))


def _paths(case: Case) -> dict[str, Value]:
    assert case.prepared is not None, "a script is written after the data was prepared"
    kind = "dir" if is_image(case) else "file"
    return {f"train_{kind}": case.prepared.train, f"validation_{kind}": case.prepared.validation}


def new_shape(case: Case) -> dict[str, Value]:
    """Sizes of a new model; a named one brings its own."""
    if case.objective.model:
        return {} if is_image(case) else {"max_length": _max_length(case)}
    width = _IMAGE_WIDTH if is_image(case) else _TEXT_WIDTH
    larger = _may_be_larger(case)
    shape: dict[str, Value] = {
        "hidden_size": 2 * width if larger else width,
        "num_hidden_layers": 4 if larger else 2,
        "num_attention_heads": 4,
        "intermediate_size": 4 * width if larger else 2 * width,
    }
    return shape | (_image_shape(case) if is_image(case) else {"max_length": _max_length(case)})


def _may_be_larger(case: Case) -> bool:
    rows = case.prepared.rows("train") if case.prepared is not None else 0
    return rows > _MANY_ROWS and not case.objective.small and has_gpu(case)


def _image_shape(case: Case) -> dict[str, Value]:
    """Sizes from the images themselves; empty when the recipe had better look."""
    images = case.data.images if case.data is not None else {}
    width, height = whole(images, "width"), whole(images, "height")
    if not width or not height or width < 4 or height < 4:
        return {}
    asked = {**planned(case), **case.objective.asked}
    most = _LARGEST_SIDE_ON_GPU if has_gpu(case) and not case.objective.small else _LARGEST_SIDE
    side = whole(asked, "image_size") or _side(max(width, height), most)
    patch = whole(asked, "patch_size") or patch_for(side)
    channels = {"L": 1, "1": 1, "LA": 1}.get(text(images, "mode"), 3)
    return {"image_size": side, "patch_size": patch, "num_channels": channels}


def _side(longest: int, most: int) -> int:
    """The images' own size if it can be cut into patches, else the next multiple of four."""
    if longest > most:
        return most
    return (
        longest if longest % 2 == 0 and patch_for(longest) < longest else math.ceil(longest / 4) * 4
    )


def patch_for(side: int) -> int:
    """The smallest patch that leaves at most eight a side."""
    patches = (size for size in range(2, side + 1) if side % size == 0)
    return next((size for size in patches if side // size <= _MOST_PATCHES_A_SIDE), side)


def tokens_of(side: int) -> int:
    """Patches of an image, and the token before them."""
    return (side // patch_for(side)) ** 2 + 1


def _max_length(case: Case) -> int:
    """Tokens that hold nearly all texts, from the mean length in characters (some four a token)."""
    data = case.data
    mean = data.mean_length(text_of(case, data)) if data is not None else None
    if mean is None:
        return 128
    return next((length for length in (64, 128) if 0.8 * mean <= length), 256)


def _load(case: Case, batch: int) -> dict[str, Any]:
    values: Mapping[str, Any] = recipe_values(case)
    side, patch = number(values, "image_size"), number(values, "patch_size")
    length = whole(values, "max_length") or 128
    if is_image(case):
        length = int(side // patch) ** 2 + 1 if side and patch else _MOST_PATCHES_A_SIDE**2 + 1
    return {
        **{name: values[name] for name in _SHAPE},
        "sequence_length": length,
        "vocab_size": 0 if is_image(case) else whole(values, "vocab_size") or 8000,
        "per_device_train_batch_size": batch,
        "precision": "bfloat16_mixed" if has_gpu(case) else "float32",
    }
