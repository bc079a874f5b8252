"""From a recipe to steps with time and cost; what is unknown stays unknown."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ml_intern.compute.hub.hardware import PriceList
from ml_intern.compute.hub.prices import Flavor
from ml_intern.errors import InputError
from ml_intern.events import Fact
from ml_intern.tools.papers.recipe.extract_recipe import ExtractRecipe
from ml_intern.tools.papers.recipe.plan_experiment import PlanExperiment
from ml_intern.tools.papers.recipe.settings import NAMES
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.memory import Load, judge
from ml_intern.tools.training.recipe import parameters, source_of
from tests.support.places import confined_place, context_in, real_place
from tests.tools.papers.recipe.corpus import OWN

A100 = {"name": "NVIDIA A100-SXM4-40GB", "memory_bytes": 40 << 30}
T4 = {"name": "Tesla T4", "memory_bytes": 15 << 30}
UPDATES = 20 * 141
"""Of 9,003 examples in batches of 64, 20 times."""


class Listed:
    """The Hub's prices, as they were read."""

    def __init__(self, *flavors: Flavor) -> None:
        self._flavors = flavors

    def prices(self) -> PriceList:
        return PriceList(
            endpoint="https://hub.example",
            read_at=datetime(2026, 1, 31, tzinfo=UTC),
            flavors=self._flavors,
        )


HUB = Listed(
    Flavor(name="a100", title="A100", accelerator="1 x A100, 80 GB", micro_usd_per_minute=50_000),
    Flavor(
        name="odd",
        title="Odd",
        accelerator="1 x A100, 80 GB",
        micro_usd_per_minute=None,
        trouble="it has two prices",
    ),
)


@pytest.fixture
def ctx(tmp_path: Path) -> ToolContext:
    return context_in(real_place(tmp_path, hub=HUB))


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fact, ...]:
    """What `tiny_owl` says."""
    return told_by("tiny_owl", tmp_path_factory.mktemp("owl"))


def told_by(name: str, folder: Path) -> tuple[Fact, ...]:
    """The recipe of one of our own papers."""
    ctx = context_in(confined_place(folder))
    (ctx.place.started_in / "owl.md").write_text((OWN / f"{name}.md").read_text())
    tool = ExtractRecipe()
    return tool.run(tool.arguments(paper="owl.md"), ctx).facts


@pytest.fixture
def read(ctx: ToolContext, owl: tuple[Fact, ...]) -> ToolContext:
    """After `tiny_owl` was read."""
    return with_facts(ctx, *owl)


def with_facts(ctx: ToolContext, *facts: Fact) -> ToolContext:
    known = [Fact(kind="recipe_extracted", data=data) for data in ctx.facts.all("recipe_extracted")]
    return context_in(ctx.place, *known, *facts)


def surveyed(ctx: ToolContext, *gpus: dict[str, Any]) -> ToolContext:
    return with_facts(ctx, Fact(kind="hardware", data={"report": {"gpus": list(gpus)}}))


def plan(ctx: ToolContext, **given: Any) -> dict[str, Any]:
    tool = PlanExperiment()
    return json.loads(tool.run(tool.arguments(**given), ctx).output)


def test_the_work_follows_from_the_recipe(read: ToolContext) -> None:
    assert plan(surveyed(read))["work"] == {
        "train_examples": 9003,
        "batch_size": 64,
        "epochs": 20,
        "updates": UPDATES,
        "warmup_updates": UPDATES // 10,
        "seeds": 5,
    }


def test_the_memory_is_that_of_the_estimate(read: ToolContext) -> None:
    memory = plan(surveyed(read, A100))["memory"]
    load = Load(
        parameters=None,
        hidden_size=768,
        num_hidden_layers=6,
        num_attention_heads=12,
        sequence_length=64,
        vocab_size=0,
        per_device_train_batch_size=64,
        precision="bfloat16_mixed",
    )
    assert memory.items() >= judge(load, 40 << 30, gpu=True).items()
    assert "without embeddings" in memory["assumes"]


def test_where_the_batch_does_not_fit_the_effective_batch_stays(read: ToolContext) -> None:
    small = {"name": "small", "memory_bytes": 2_600_000_000}
    memory = plan(surveyed(read, small))["memory"]
    per_device, steps = memory["per_device_train_batch_size"], memory["gradient_accumulation_steps"]
    assert not memory["fits"]
    assert per_device < 64
    assert per_device * steps >= 64 > per_device * (steps - 1)
    assert per_device <= memory["largest_batch_size_that_fits"]


def test_time_is_the_papers_on_the_papers_accelerator(read: ToolContext) -> None:
    said = plan(surveyed(read, A100))
    assert said["total"]["time_s"] == 5 * 3 * 3600
    assert "the paper's 3 hours on 1 x A100 40GB, assumed" in said["throughput"]["basis"]
    assert said["total"]["cost"] == "$0.00"


def test_twice_the_accelerators_take_half_the_time(read: ToolContext) -> None:
    assert plan(surveyed(read, A100, A100))["total"]["time_s"] == 5 * 3 * 3600 / 2


def test_on_another_accelerator_time_is_unknown_until_it_is_measured(read: ToolContext) -> None:
    said = plan(surveyed(read, T4))
    assert said["total"]["time_s"] is None
    assert "run smoke_test" in said["throughput"]["basis"]
    measured = plan(surveyed(read, T4), examples_per_second=100, measured_how="20 steps in 13 s")
    assert measured["total"]["time_s"] == 5 * UPDATES * 64 / 100
    assert measured["throughput"]["basis"] == "measured: 20 steps in 13 s"


def test_a_fraction_shrinks_data_updates_and_warm_up_alike(read: ToolContext) -> None:
    said = plan(surveyed(read, A100), scale={"fraction": 0.2})
    assert said["work"] == {
        "train_examples": 1801,
        "batch_size": 64,
        "epochs": 20,
        "updates": 564,
        "warmup_updates": 56,
        "seeds": 1,
    }
    assert [each["what"] for each in said["changes"]] == [
        "train_examples",
        "updates",
        "warmup_updates",
        "seeds",
    ]
    assert all(each["why"] for each in said["changes"])
    assert said["compare_with"][0]["note"] == "of the whole recipe"


@pytest.mark.parametrize(("hours", "scaled_to"), [(1.5, 0.5), (1.0, 0.333)])
def test_a_budget_of_time_is_kept(read: ToolContext, hours: float, scaled_to: float) -> None:
    said = plan(surveyed(read, A100), scale={"hours": hours})
    assert said["scaled_to"] == scaled_to
    assert said["total"]["time_s"] == pytest.approx(hours * 3600, rel=0.01)


def test_a_budget_for_some_of_the_runs_leaves_the_recipe_whole(read: ToolContext) -> None:
    said = plan(surveyed(read, A100), scale={"hours": 7})
    assert said["scaled_to"] == 1
    assert said["work"]["updates"] == UPDATES
    assert [(each["what"], each["becomes"]) for each in said["changes"]] == [("seeds", 2)]


def test_a_budget_of_money_pays_for_the_start_too(read: ToolContext) -> None:
    said = plan(read, flavor="a100", scale={"usd": 5})
    assert said["total"]["cost"] in ("$4.95", "$5.00")
    assert said["total"]["time_s"] == pytest.approx(95 * 60, rel=0.01)
    assert "$0.05 a minute" in said["total"]["basis"]


def test_hardware_without_a_price_costs_an_unknown_sum(read: ToolContext) -> None:
    said = plan(read, flavor="odd")
    assert said["total"]["cost"] == "unknown"
    assert "two prices" in said["total"]["basis"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"flavor": "none-such"}, "The Hub has no hardware none-such.*a100, odd"),
    ({"flavor": "odd", "scale": {"usd": 5}, "examples_per_second": 10}, "needs hardware with a p"),
    ({"scale": {"usd": 5}, "examples_per_second": 10}, "needs hardware with a price"),
    ({"flavor": "a100", "scale": {"usd": 0.1}, "examples_per_second": 10}, "not even pay for the"),
    ({"scale": {"hours": 1}}, "How long the recipe takes is unknown"),
    ({"scale": {"fraction": 0.01}}, "below 100 a run tells nothing"),
    ({"values": {"speed": 3}}, "There is no value speed"),
    ({"paper": "another.md"}, "No recipe of another.md was extracted"),
    ({"dataset": "Owls"}, "The recipe has no dataset Owls; it has BANKING77"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words[:30] for _, words in REFUSED])
def test_what_cannot_be_planned_says_why(
    read: ToolContext, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        plan(surveyed(read, T4), **given)


@pytest.mark.parametrize("scale", [{"hours": 1, "usd": 1}, {"days": 1}, {"hours": 0}])
def test_a_scale_is_one_positive_number(scale: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PlanExperiment().arguments(scale=scale)


def test_without_a_recipe_values_are_enough_and_what_is_missing_is_named(ctx: ToolContext) -> None:
    with pytest.raises(InputError, match="Call extract_recipe first"):
        plan(ctx)
    said = plan(ctx, values={"epochs": 3, "batch_size": 32, "train_examples": 3200})
    assert said["work"]["updates"] == 300
    assert said["not_from_the_paper"] == ["batch_size", "epochs", "train_examples"]
    assert said["memory"] == {
        "unknown": "the recipe lacks hidden_size, num_hidden_layers, num_attention_heads, "
        "sequence_length"
    }
    assert "learning_rate" in said["unknown"]
    assert "train_examples" not in said["unknown"]


def test_a_given_value_goes_before_the_papers(read: ToolContext) -> None:
    assert plan(surveyed(read), values={"epochs": 10})["work"]["updates"] == UPDATES // 2


def test_what_the_paper_says_twice_is_unknown(ctx: ToolContext, tmp_path: Path) -> None:
    said = plan(with_facts(ctx, *told_by("bird_song", tmp_path / "birds")))
    assert "learning_rate (the paper says several)" in said["unknown"]
    assert said["work"]["updates"] is None


def test_the_answer_is_short(read: ToolContext) -> None:
    tool = PlanExperiment()
    outcome = tool.run(tool.arguments(scale={"fraction": 0.2}), surveyed(read, A100))
    assert len(outcome.output) < 6_000
    assert replace(outcome, output="").sources == ()


def test_the_settings_are_what_the_tested_scripts_call_the_values(read: ToolContext) -> None:
    assert plan(surveyed(read, A100))["settings"] == {
        "learning_rate": 5e-05,
        "per_device_train_batch_size": 64,
        "gradient_accumulation_steps": 1,
        "num_train_epochs": 20,
        "warmup_steps": 0.1,
        "lr_scheduler_type": "linear",
        "weight_decay": 0.01,
        "hidden_dropout_prob": 0.1,
        "hidden_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "max_length": 64,
    }


def test_the_settings_are_those_of_the_recipe_that_write_recipe_writes(read: ToolContext) -> None:
    known = parameters(source_of("text_classification")) | parameters(
        source_of("image_classification")
    )
    assert set(NAMES.values()) <= set(known)
    assert set(plan(surveyed(read, A100))["settings"]) <= set(known)


WHOLE: dict[str, float | str] = {
    "train_examples": 50_000,
    "batch_size": 100,
    "epochs": 90,
    "learning_rate": 0.1,
}


def test_what_the_scripts_cannot_follow_is_named_and_not_set(ctx: ToolContext) -> None:
    recipe = {
        name: {"value": value, "unit": unit, "sentence": "s", "section": ""}
        for name, value, unit in (
            ("optimiser", "SGD", ""),
            ("learning_rate", 0.1, ""),
            ("schedule", "step", ""),
            ("loss", "focal loss", ""),
            ("batch_size", 4096, "tokens"),
            ("steps", 1000, "steps"),
        )
    }
    fact = {"paper": "p", "title": "P", "url": "", "recipe": recipe, "ambiguous": {}}
    said = plan(with_facts(ctx, Fact(kind="recipe_extracted", data=fact)))
    left = {each["what"]: each["becomes"] for each in said["not_followed"]}
    assert left == {
        "optimiser": "AdamW",
        "learning_rate": None,
        "loss": "cross entropy",
        "schedule": None,
        "batch_size": None,
        "steps": None,
    }
    assert said["settings"] == {}


def test_a_budget_of_updates_leaves_out_examples_first_and_then_epochs(ctx: ToolContext) -> None:
    half = plan(ctx, values=WHOLE, scale={"updates": 22_500})
    assert (half["work"]["train_examples"], half["work"]["epochs"]) == (25_000, 90)
    assert half["settings"]["max_train_samples"] == 25_000
    little = plan(ctx, values=WHOLE, scale={"updates": 450})
    assert (little["work"]["train_examples"], little["work"]["epochs"]) == (1_000, 45)
    assert (
        little["settings"] | {"num_train_epochs": 45, "max_train_samples": 1_000}
        == (little["settings"])
    )
    assert [each["what"] for each in little["changes"]] == ["train_examples", "epochs", "updates"]
    with pytest.raises(InputError, match="How many updates the recipe takes is unknown"):
        plan(ctx, values={"epochs": 3}, scale={"updates": 450})


def test_on_other_data_it_is_as_many_passes_not_as_many_steps(ctx: ToolContext) -> None:
    found = {"unit": "", "sentence": "s", "section": ""}
    recipe = {
        "steps": {**found, "value": 10_000, "unit": "steps"},
        "batch_size": {**found, "value": 50, "unit": "examples"},
        "warmup": {**found, "value": 500, "unit": "steps"},
        "data": [
            {
                "name": {**found, "value": "Much"},
                "train": {**found, "value": 50_000, "unit": "examples"},
            }
        ],
    }
    fact = {"paper": "p", "title": "P", "url": "", "recipe": recipe, "ambiguous": {}}
    read = with_facts(ctx, Fact(kind="recipe_extracted", data=fact))
    assert plan(read)["work"]["updates"] == 10_000
    said = plan(read, values={"train_examples": 500})
    assert (said["work"]["epochs"], said["work"]["updates"]) == (10, 100)
    assert (said["work"]["warmup_updates"], said["settings"]["warmup_steps"]) == (5, 0.05)
    assert said["changes"] == [
        {"what": "train_examples", "was": 50_000, "becomes": 500, "why": "other data"}
    ]


def test_a_warm_up_that_is_longer_than_the_run_is_not_set(ctx: ToolContext) -> None:
    values = {"train_examples": 500, "batch_size": 50, "epochs": 10, "warmup": 500}
    said = plan(ctx, values=values)
    assert "warmup_steps" not in said["settings"]
    assert said["not_followed"] == [
        {
            "what": "warmup",
            "was": "500 steps",
            "becomes": None,
            "why": "longer than the whole run",
        }
    ]


def test_numbers_that_no_training_can_have_meant_are_left_open(ctx: ToolContext) -> None:
    absurd = {"learning_rate": 3000, "batch_size": 10**9, "epochs": 10**6}
    said = plan(ctx, values={**absurd, "train_examples": 500})
    assert {each["what"]: each["was"] for each in said["changes"]} == absurd
    assert all("implausible" in each["why"] for each in said["changes"])
    assert said["settings"] == {}
    assert {"learning_rate", "batch_size", "epochs or steps"} <= set(said["unknown"])


def test_a_batch_is_no_larger_than_the_data(ctx: ToolContext) -> None:
    said = plan(ctx, values={"train_examples": 500, "batch_size": 4096, "epochs": 300})
    assert said["settings"]["per_device_train_batch_size"] == 500
    assert said["work"]["updates"] == 300
    assert said["changes"] == [
        {
            "what": "batch_size",
            "was": 4096,
            "becomes": 500,
            "why": "one pass has no more examples",
        }
    ]


def test_defaults_stand_where_the_paper_says_nothing_usable(read: ToolContext) -> None:
    defaults = {"learning_rate": 1.0, "epochs": 1, "momentum": 0.5}
    said = plan(surveyed(read, A100), values={"batch_size": 10**9}, defaults=defaults)
    assert said["settings"]["learning_rate"] == 5e-05
    assert said["not_from_the_paper"] == ["batch_size", "momentum"]
    said = plan(surveyed(read), values={"batch_size": 10**9}, defaults={"batch_size": 32})
    assert said["settings"]["per_device_train_batch_size"] == 32


def test_the_plan_is_a_fact_with_its_paper_and_every_change(read: ToolContext) -> None:
    tool = PlanExperiment()
    (fact,) = tool.run(tool.arguments(scale={"fraction": 0.2}), surveyed(read, A100)).facts
    assert (fact.kind, fact.data["paper"], fact.data["scaled_to"]) == (
        "experiment_planned",
        "owl.md",
        0.2,
    )
    assert {each["what"] for each in fact.data["changes"]} >= {"train_examples", "updates"}
