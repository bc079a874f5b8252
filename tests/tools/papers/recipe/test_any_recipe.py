"""Whatever a paper claims, its plan is sound or refused in words, and its settings can be set."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_intern.errors import InputError
from ml_intern.events import Fact
from ml_intern.tools.papers.recipe.comparison import Ours, compare
from ml_intern.tools.papers.recipe.plan_experiment import PlanExperiment
from ml_intern.tools.papers.recipe.words import VALUES
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.recipe import parameters, source_of, with_values
from tests.support.places import context_in, real_place

UNITS = {
    "batch_size": ("examples", "tokens"),
    "warmup": ("steps", "epochs", "fraction", "tokens", ""),
    "training_time": ("hours", "days", "accelerator hours", "moons"),
    "seeds": ("seeds", "seed"),
}
WORDS = ("SGD", "AdamW", "cosine", "step", "focal loss", "640x480", "bfloat16", "")
numbers = (
    st.sampled_from([0, 1, 0.5, 1e-300, 1e300, 10**18, 3000, -1, 64, 0.1])
    | st.integers(-(10**6), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = numbers | st.sampled_from(WORDS)


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """Any values under any names."""
    names = draw(st.sets(st.sampled_from(VALUES), max_size=12))
    return {
        name: {
            "value": draw(values),
            "unit": draw(st.sampled_from(UNITS.get(name, ("",)))),
            "sentence": "s",
            "section": "",
        }
        for name in sorted(names)
    }


SOUND = {
    "learning_rate": (1e-9, 10),
    "num_train_epochs": (1e-9, 10**8),
    "max_train_samples": (1, 10**9),
    "per_device_train_batch_size": (1, 10**6),
    "gradient_accumulation_steps": (1, 10**9),
    "warmup_steps": (0, 1),
    "weight_decay": (0, 10),
    "hidden_dropout_prob": (0, 0.95),
    "label_smoothing_factor": (0, 0.9),
    "max_grad_norm": (1e-6, 10**6),
    "image_size": (4, 10**4),
    "max_length": (1, 10**8),
    "hidden_size": (4, 10**5),
    "num_hidden_layers": (1, 10**3),
    "num_attention_heads": (1, 10**3),
    "intermediate_size": (4, 10**6),
}
SCALES = [{}, {"fraction": 0.01}, {"updates": 1_000}, {"hours": 0.001}]
IMAGES = source_of("image_classification")
KNOWN = parameters(IMAGES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> ToolContext:
    return context_in(real_place(tmp_path_factory.mktemp("place")))


@settings(max_examples=120, deadline=None)
@given(
    recipe=recipes(),
    given_=st.dictionaries(st.sampled_from(["train_examples", *VALUES[:20]]), values, max_size=4),
    scale=st.sampled_from(SCALES),
)
def test_any_recipe_is_planned_soundly_or_refused_in_words(
    place: ToolContext, recipe: dict[str, Any], given_: dict[str, Any], scale: dict[str, float]
) -> None:
    fact = {"paper": "p", "title": "P", "url": "", "recipe": recipe, "ambiguous": {}}
    ctx = context_in(place.place, Fact(kind="recipe_extracted", data=fact))
    tool = PlanExperiment()
    arguments = tool.arguments(
        values={"train_examples": 500, **given_}, defaults={"epochs": 3}, scale=scale,
        examples_per_second=10,
    )  # fmt: skip
    refused = ""
    try:
        outcome = tool.run(arguments, ctx)
    except InputError as exc:
        refused = str(exc)
    if refused:
        assert refused.endswith(".")
        return
    (planned,), set_ = outcome.facts, json.loads(outcome.output)["settings"]
    for name, (least, most) in SOUND.items():
        assert least <= set_.get(name, least) <= most, name
    with_values(IMAGES, {name: value for name, value in set_.items() if name in KNOWN})
    ours = Ours(
        arguments=set_, global_step=1, architecture="A", data="d", train_rows=1, devices=1,
        evaluations=[],
    )  # fmt: skip
    compare(fact, planned.data, ours)
