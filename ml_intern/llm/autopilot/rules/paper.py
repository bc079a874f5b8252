"""Do a paper's experiment again: read it, take its recipe, and plan it for this machine and data.

What is set here is what tools answered: the paper's values as extract_recipe has them, and what
plan_experiment makes of them. Where the paper says nothing, the planner's usual values are given,
and the plan names them as not the paper's.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from ml_intern.llm.autopilot.answers import mapping, text, whole
from ml_intern.llm.autopilot.case import Case
from ml_intern.llm.autopilot.objective import Value
from ml_intern.llm.autopilot.rules.ask import ask, hand_over
from ml_intern.llm.autopilot.rules.script import (
    base_rate,
    has_gpu,
    is_image,
    new_shape,
    tokens_of,
    usual_batch,
    usual_epochs,
)
from ml_intern.llm.autopilot.step import Action, Step
from ml_intern.llm.autopilot.words import cannot_do, missing_tools

NEEDED = ("read_paper", "extract_recipe", "plan_experiment")
_SMALL_EXAMPLES, _SMALL_EXAMPLES_ON_GPU = 100_000, 5_000_000
"""That a run looks at, all epochs together, if it was to be scaled down."""
_LEAST_UPDATES = 100
_TITLE_CHARS = 150
_SMALL_WIDTH, _SMALL_WIDTH_ON_GPU = 192, 768
_SMALL_DEPTH, _SMALL_DEPTH_ON_GPU = 6, 12
_SHAPE = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
_TASKS = frozenset(
    ("image classification", "text classification", "sentiment analysis", "intent classification")
)
_TRANSFORMER = re.compile(r"transformer|\bvit|deit|beit|bert|electra", re.IGNORECASE)
_PRETRAINED = re.compile(r"bert|electra", re.IGNORECASE)
_ASKED: Mapping[str, str] = {
    "learning_rate": "learning_rate",
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch_size",
    "weight_decay": "weight_decay",
    "warmup_steps": "warmup",
    "lr_scheduler_type": "schedule",
    "max_grad_norm": "gradient_clipping",
    "label_smoothing_factor": "label_smoothing",
    "hidden_dropout_prob": "dropout",
    "image_size": "image_size",
    "max_length": "sequence_length",
}
"""Settings that a person may give, and their names in a recipe."""


def read(case: Case) -> Step | None:
    """Look at the paper before anything else."""
    paper = case.objective.paper
    if paper is None or case.outline is not None:
        return None
    missing = [name for name in NEEDED if not case.offers(name)]
    if missing:
        return Step(missing_tools(missing), failed=True)
    if case.hopeless("read_paper"):
        return Step(f"{paper} cannot be read: {case.error_of('read_paper')}", failed=True)
    return Step(f"First I read the paper ({paper}).", (Action("read_paper", {"paper": paper}),))


def extract(case: Case) -> Step | None:
    """Take its recipe, each value with its sentence."""
    paper = case.objective.paper
    if paper is None or case.recipe is not None:
        return None
    if case.hopeless("extract_recipe"):
        said = case.error_of("extract_recipe")
        return Step(f"No recipe can be taken from {paper}: {said}", failed=True)
    title = text(case.outline or {}, "title")[:_TITLE_CHARS] or paper
    return Step(
        f"How was the experiment of {title!r} run?",
        (Action("extract_recipe", {"paper": paper}),),
    )


def refuse(case: Case) -> Step | None:
    """What the recipes here cannot do again is said at once; and where to start is asked."""
    if case.recipe is None or case.experiment is not None:
        return None
    task, architecture = said(case, "task"), said(case, "architecture")
    if isinstance(task, str) and task not in _TASKS:
        return Step(cannot_do(f"{task}, which is what the paper does"), failed=True)
    if not isinstance(architecture, str) or case.objective.model:
        return None
    if not _TRANSFORMER.search(architecture):
        what = f"a {architecture}, which is what the paper trains and no transformer"
        return Step(cannot_do(what), failed=True)
    if _PRETRAINED.search(architecture) and not case.objective.scratch:
        detail = f"The paper trains {architecture}. Name the folder or id of one, or say"
        return ask(case, "model", f"{detail} `from scratch`.")
    return None


def plan(case: Case) -> Step | None:
    """What the recipe takes on this machine and this data, and what to set."""
    if case.recipe is None or case.experiment is not None or case.prepared is None:
        return None
    arguments = _arguments(case)
    failure = case.failures.get("plan_experiment")
    if failure is not None and failure.key == json.dumps(arguments, ensure_ascii=False):
        return hand_over(case, f"The paper's experiment cannot be planned: {failure.error}")
    return Step(
        "I plan the paper's experiment for this data and this machine.",
        (Action("plan_experiment", arguments),),
    )


def said(case: Case, name: str) -> Any:
    """A value of the recipe; None where the paper does not say it."""
    return mapping(case.recipe or {}, name).get("value")


def _arguments(case: Case) -> dict[str, Any]:
    assert case.prepared is not None, "a plan is made for data that was prepared"
    values: dict[str, Value] = {
        "train_examples": case.prepared.rows("train"),
        "test_examples": case.prepared.rows("test"),
        **_lengths(case),
        **_shape(case),
        **_asked(case),
    }
    if said(case, "seeds") is not None:
        values["seeds"] = 1
    defaults: dict[str, Value] = {
        "learning_rate": base_rate(case),
        "batch_size": usual_batch(case),
        "epochs": usual_epochs(case),
        **_inner(case, values),
    }
    arguments: dict[str, Any] = {"values": values, "defaults": defaults}
    if case.objective.small:
        arguments["scale"] = {"updates": _most_updates(case, values)}
    return arguments


def _asked(case: Case) -> dict[str, Value]:
    """What the person fixed; a batch is that of one step."""
    asked = case.objective.asked
    found = {_ASKED[name]: value for name, value in asked.items() if name in _ASKED}
    passes = asked.get("gradient_accumulation_steps", 1)
    if "batch_size" in found and isinstance(passes, int):
        found["batch_size"] = int(found["batch_size"]) * passes
    return found


def _most_updates(case: Case, values: Mapping[str, Value]) -> int:
    examples = _SMALL_EXAMPLES_ON_GPU if has_gpu(case) else _SMALL_EXAMPLES
    stated = whole(mapping(case.recipe or {}, "batch_size"), "value")
    batch = int(values.get("batch_size", 0)) or stated or usual_batch(case)
    rows = case.prepared.rows("train") if case.prepared is not None else batch
    return max(_LEAST_UPDATES, examples // max(1, min(batch, rows)))


def _shape(case: Case) -> dict[str, Value]:
    """The planner's own sizes, unless the paper's are all known and not too large for what is to be
    small."""
    if case.objective.model:
        return {}
    width, depth, heads = (whole(mapping(case.recipe or {}, name), "value") for name in _SHAPE[:3])
    if width and depth and heads and width % heads == 0 and _is_bearable(case, width, depth):
        return {}
    own = new_shape(case)
    return {name: own[name] for name in _SHAPE if name in own}


def _inner(case: Case, values: Mapping[str, Value]) -> dict[str, Value]:
    """Of the feed-forward layers, four times the width of the paper's model, as is usual."""
    width = whole(mapping(case.recipe or {}, "hidden_size"), "value")
    is_the_papers = width is not None and not case.objective.model and "hidden_size" not in values
    return {"intermediate_size": 4 * width} if is_the_papers and width else {}


def _is_bearable(case: Case, width: int, depth: int) -> bool:
    if not case.objective.small:
        return True
    if has_gpu(case):
        return width <= _SMALL_WIDTH_ON_GPU and depth <= _SMALL_DEPTH_ON_GPU
    return width <= _SMALL_WIDTH and depth <= _SMALL_DEPTH


def _lengths(case: Case) -> dict[str, Value]:
    """The size of an image or the length of a text: the paper's, but no more than the data's own
    where the run is to be small."""
    name, own_name = (
        ("image_size", "image_size") if is_image(case) else ("sequence_length", "max_length")
    )
    stated = whole(mapping(case.recipe or {}, name), "value")
    own = whole(new_shape(case), own_name)
    if own is None or (stated is not None and (stated <= own or not case.objective.small)):
        return _tokens(stated) if is_image(case) and stated else {}
    return {name: own, **(_tokens(own) if is_image(case) else {})}


def _tokens(side: int) -> dict[str, Value]:
    return {"sequence_length": tokens_of(side)}
