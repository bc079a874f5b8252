"""What the paper says beside what a run did: nothing of either side is invented."""

from dataclasses import replace
from typing import Any

from ml_intern.tools.papers.recipe.comparison import Ours, compare

SENTENCE = "We train for 90 epochs with SGD and a learning rate of 0.1."
OURS = Ours(
    arguments={
        "learning_rate": 0.001,
        "num_train_epochs": 45.0,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 4,
        "warmup_steps": 0.05,
        "lr_scheduler_type": "constant_with_warmup",
        "weight_decay": 0.05,
    },
    global_step=450,
    architecture="ViTForImageClassification",
    data="owls",
    train_rows=1000,
    devices=2,
    evaluations=[
        {"split": "validation", "metrics": {"accuracy": 0.5, "macro_f1": 0.4, "loss": 1.0}},
        {"split": "test", "metrics": {"accuracy": 0.625, "macro_f1": 0.6, "loss": None}},
    ],
)
PLANNED = {
    "changes": [
        {"what": "train_examples", "was": 9000, "becomes": 2000, "why": "other data"},
        {"what": "train_examples", "was": 2000, "becomes": 1000, "why": "a sample"},
        {"what": "epochs", "was": 90, "becomes": 45, "why": "0.5 of the whole run"},
    ],
    "not_followed": [
        {"what": "optimiser", "was": "SGD", "becomes": "AdamW", "why": "the scripts use it"},
        {"what": "learning_rate", "was": 0.1, "becomes": None, "why": "it belongs to SGD"},
    ],
}


def found(value: Any, unit: str = "") -> dict[str, Any]:
    return {"value": value, "unit": unit, "sentence": SENTENCE, "section": "3 Training"}


def rows(ours: Ours = OURS, ambiguous: dict[str, Any] | None = None, **recipe: Any) -> Any:
    fact = {"title": "Owls", "url": "", "recipe": recipe, "ambiguous": ambiguous or {}}
    return compare(fact, PLANNED, ours)


def test_each_value_has_its_counterpart_its_reason_and_its_sentence() -> None:
    said = rows(
        optimiser=found("SGD"),
        learning_rate=found(0.1),
        epochs=found(90, "epochs"),
        batch_size=found(64, "examples"),
        schedule=found("constant"),
        warmup=found(500, "steps"),
        accelerator=found("A100"),
    )
    assert {each.what: (each.paper, each.here, each.why) for each in said.compared} == {
        "optimiser": ("SGD", "AdamW", "the scripts use it"),
        "learning rate": ("0.1", "0.001", "it belongs to SGD"),
        "epochs": ("90 epochs", "45 epochs", "0.5 of the whole run"),
        "batch size": ("64 examples", "64 examples", ""),
        "schedule": ("constant", "constant", ""),
        "warmup": ("500 steps", "0.05 of all steps", "the same share of all steps"),
    }
    assert {(each.sentence, each.section) for each in said.compared} == {(SENTENCE, "3 Training")}


def test_what_was_changed_after_the_plan_says_so() -> None:
    (said,) = rows(weight_decay=found(0.1)).compared
    assert (said.here, said.why) == ("0.05", "changed on the way")


def test_results_stand_beside_the_test_split_of_our_data_as_it_was_measured() -> None:
    metrics = [
        {"metric": "accuracy", "dataset": "ImageNet", "value": found(84.2, "%")},
        {"metric": "bleu", "dataset": "", "value": found(30.1)},
        {"metric": "loss", "dataset": "", "value": found(0.2)},
    ]
    said = rows(metrics=metrics).compared
    assert [(each.what, each.paper, each.here, each.why) for each in said] == [
        ("accuracy on ImageNet", "84.2 %", "62.50 % (test of owls)", ""),
        ("bleu", "30.1", "not measured", ""),
        ("loss", "0.2", "not measured", ""),
    ]
    alone = replace(OURS, evaluations=OURS.evaluations[:1])
    assert rows(alone, metrics=metrics[:1]).compared[0].here == "50.00 % (validation of owls)"


def test_the_size_of_the_data_stands_beside_ours() -> None:
    data = [{"name": found("ImageNet"), "train": found(1281167, "examples"), "test": found(5)}]
    (said,) = rows(data=data).compared
    assert (said.what, said.paper) == ("train examples of ImageNet", "1281167 examples")
    assert (said.here, said.why) == ("1000 examples of owls", "other data; then a sample")
    sampled = replace(OURS, arguments={"max_train_samples": 200})
    assert rows(sampled, data=data).compared[0].here == "200 examples of owls"


def test_what_the_paper_does_not_say_was_chosen_here_and_never_the_papers() -> None:
    said = rows(
        ambiguous={"weight_decay": [found(0.1), found(0.2)]},
        learning_rate=found(0.1),
        steps=found(9, "steps"),
    )
    assert {each.what: each.here for each in said.chosen} == {
        "optimiser": "AdamW",
        "batch size": "64",
        "weight decay": "0.05 (the paper says several)",
        "schedule": "constant",
        "warmup": "0.05",
    }
    assert {each.what for each in said.compared} == {"learning rate", "steps"}
