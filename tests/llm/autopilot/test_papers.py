"""Conversations about papers: what is read, planned, set, refused and told."""

from typing import Any

import pytest

from tests.llm.autopilot.world import PAPER, Broken, World, run, stated, talk, text_report

OWLS = "Reproduce owls.pdf, scaled down. Data: owls/. Do not publish."


def planned(world: World) -> dict[str, Any]:
    (call,) = world.named("plan_experiment")
    return call


def set_values(world: World) -> dict[str, Any]:
    values: dict[str, Any] = world.named("write_recipe")[-1]["values"]
    return values


def test_the_way_goes_from_the_paper_over_the_data_to_the_plan_and_the_run() -> None:
    world = World()
    said = run(world, OWLS)
    assert world.order() == [
        "read_paper",
        "extract_recipe",
        "inspect_dataset",
        "survey_hardware",
        "prepare_dataset",
        "plan_experiment",
        "write_recipe",
        "dummy_forward",
        "smoke_test",
        "launch_training",
        "watch_job",
        "evaluate",
        "write_model_card",
        "write_reproduce_bundle",
    ]
    assert world.named("read_paper") == world.named("extract_recipe") == [{"paper": "owls.pdf"}]
    assert said.splitlines()[4].endswith("trained on a random 300 of the train rows.")
    assert said.splitlines()[5:11] == [
        "Beside the paper, Small Owls:",
        "- epochs: paper 30 epochs, here 3 epochs (chosen for this run) [1]",
        "- batch size: paper 64 examples, here 64 examples [1]",
        "[1] “We train for 30 epochs with a batch size of 64.” (3 Training)",
        "The paper does not say, and I chose: weight decay 0.05.",
        "Nothing had to be repaired or changed.",
    ]


def test_the_script_gets_the_settings_of_the_plan_and_the_persons_words_go_first() -> None:
    world = World()
    run(world, OWLS)
    values = set_values(world)
    assert (values["learning_rate"], values["num_train_epochs"]) == (0.0005, 30)
    assert values["per_device_train_batch_size"] == 64
    assert "max_length" not in values  # of texts
    world = World()
    run(world, f"{OWLS} 3 epochs, batch size 8, accumulate gradients over 2 steps.")
    assert planned(world)["values"].items() >= {"epochs": 3, "batch_size": 16}.items()
    values = set_values(world)
    assert (values["num_train_epochs"], values["learning_rate"]) == (3, 0.0005)
    assert values["per_device_train_batch_size"] == 8
    assert values["gradient_accumulation_steps"] == 2


def test_what_the_paper_does_not_say_is_given_as_a_default_and_never_in_its_place() -> None:
    world = World(paper={**PAPER, "learning_rate": None, "epochs": None})
    run(world, OWLS)
    call = planned(world)
    assert call["defaults"] == {"learning_rate": 0.001, "batch_size": 32, "epochs": 25}
    assert not {"learning_rate", "batch_size", "epochs"} & call["values"].keys()
    assert set_values(world)["learning_rate"] == 0.001


def test_only_what_is_to_be_scaled_down_is() -> None:
    world = World()
    run(world, OWLS)
    assert planned(world)["scale"] == {"updates": 100_000 // 64}
    world = World()
    run(world, OWLS.replace(", scaled down", ""))
    assert "scale" not in planned(world)


def shaped(width: int, depth: int, heads: int, side: int) -> dict[str, Any]:
    return {
        **PAPER,
        "hidden_size": stated(width),
        "num_hidden_layers": stated(depth),
        "num_attention_heads": stated(heads),
        "image_size": stated(side, "pixels"),
    }


@pytest.mark.parametrize(
    ("paper", "task", "own"),
    [
        (shaped(128, 4, 4, 8), OWLS, {}),
        (shaped(768, 12, 12, 224), OWLS, {"hidden_size": 64, "image_size": 8}),
        (shaped(100, 4, 3, 8), OWLS, {"hidden_size": 64}),
        (shaped(768, 12, 12, 224), OWLS.replace(", scaled down", ""), {}),
    ],
)
def test_sizes_are_the_papers_unless_they_are_too_large_for_what_is_to_be_small(
    paper: dict[str, Any], task: str, own: dict[str, int]
) -> None:
    world = World(paper=paper)
    run(world, task)
    values, defaults = planned(world)["values"], planned(world)["defaults"]
    assert ("intermediate_size" in defaults) == ("hidden_size" not in own)
    given = {name: values[name] for name in ("hidden_size", "image_size") if name in values}
    assert given == own
    assert ("num_hidden_layers" in values) == ("hidden_size" in own)


@pytest.mark.parametrize(("stated_length", "given"), [(512, 64), (32, None), (None, 64)])
def test_texts_are_no_longer_than_the_datas_own_where_the_run_is_to_be_small(
    stated_length: int | None, given: int | None
) -> None:
    length = None if stated_length is None else stated(stated_length, "tokens")
    paper = {**PAPER, "task": stated("intent classification"), "sequence_length": length}
    report = text_report()
    report["columns"][1]["mean_length"] = 70.0
    world = World(report, paper=paper, answers=["kind"])
    run(world, "Reproduce owls.pdf, scaled down. Data: tickets.jsonl, label kind. Do not publish.")
    assert planned(world)["values"].get("sequence_length") == given
    assert set_values(world)["max_length"] == 77  # as the plan said


@pytest.mark.parametrize(
    ("paper", "words"),
    [
        ({"task": stated("machine translation")}, "machine translation, which is what the paper"),
        ({"architecture": stated("ResNet-50")}, "ResNet-50, which is what the paper trains and no"),
    ],
)
def test_what_no_recipe_covers_is_refused_before_the_data_is_touched(
    paper: dict[str, Any], words: str
) -> None:
    world = World(paper={**PAPER, **paper})
    conversation = talk(world)
    assert words in conversation.say(f"{OWLS} Train from scratch.")
    assert conversation.refused
    assert world.order() == ["read_paper", "extract_recipe"]


def test_where_a_pretrained_model_is_to_be_had_is_asked() -> None:
    world = World(paper={**PAPER, "architecture": stated("BERT-base")}, answers=["from scratch"])
    run(world, OWLS)
    assert world.questions == [
        "Which model should I start from? The paper trains BERT-base. Name the folder or id of "
        "one, or say `from scratch`."
    ]
    assert len(world.named("launch_training")) == 1


def test_without_data_the_question_says_what_the_paper_trains_on() -> None:
    world = World(answers=["owls/"])
    run(world, "Reproduce owls.pdf, scaled down. Do not publish.")
    assert "The paper trains on OwlSet." in world.questions[0]
    assert len(world.named("launch_training")) == 1


def test_a_paper_that_cannot_be_read_ends_with_its_reason() -> None:
    world = World()
    conversation = talk(world)
    said = conversation.say("Reproduce missing.pdf. Data: owls/")
    assert said == "missing.pdf cannot be read: There is no file missing.pdf; name another path."
    assert conversation.refused


def test_a_plan_that_cannot_be_made_is_handed_over_and_made_with_other_settings() -> None:
    def plan(arguments: dict[str, Any]) -> Any:
        if arguments["values"].get("epochs") != 40:
            raise Broken("Below 100 updates a run tells nothing of the method.")
        return world._plan_experiment(arguments)

    world = World(overrides={"plan_experiment": plan}, answers=["40 epochs"])
    run(world, OWLS)
    assert "cannot be planned: Below 100 updates" in world.questions[0]
    assert set_values(world)["num_train_epochs"] == 40


def test_without_the_tools_for_papers_it_says_which_are_missing() -> None:
    said = run(World(without=frozenset({"extract_recipe"})), OWLS)
    assert "nothing can be trained without them: extract_recipe" in said


def test_another_paper_on_the_way_is_read_and_planned_anew() -> None:
    world = World()
    conversation = talk(world)
    conversation.say(OWLS)
    conversation.say("Reproduce other.pdf instead.")
    assert [call["paper"] for call in world.named("extract_recipe")] == ["owls.pdf", "other.pdf"]
    assert len(world.named("plan_experiment")) == 2
    assert len(world.named("launch_training")) == 2
