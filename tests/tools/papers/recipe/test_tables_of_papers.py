"""Hyper-parameters, data and results in tables."""

import time
from typing import Any

import pytest

from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.recipe.extract import extract
from ml_intern.tools.papers.recipe.words import Extracted
from tests.tools.papers.recipe.documents import tabled, written


def values(document: Document) -> dict[str, Any]:
    return {name: found.value for name, found in extract(document).recipe.flat()}


def metrics(*rows: tuple[str, ...], caption: str, before: str = "") -> dict[str, Any]:
    found = values(tabled(*rows, caption=caption, before=before))
    return {name: value for name, value in found.items() if name.startswith("metrics.")}


def test_names_and_values_side_by_side() -> None:
    document = tabled(
        ("Hyperparameter", "Value"),
        ("Optimizer", "AdamW"),
        (r"Adam $\beta_1$, $\beta_2$", "(0.9, 0.98)"),
        ("Peak learning rate", r"$5\times10^{-4}$"),
        ("LR schedule", "linear warmup + cosine decay"),
        ("Warmup", "6%"),
        ("Batch size (tokens)", "0.5M"),
        ("Dropout", "10%"),
        ("Training steps", "100k"),
        ("Max sequence length", "512 tokens"),
        ("Precision", "bf16"),
        ("Hardware", "8 x A100 80GB"),
        ("Training time", "14 hours"),
    )
    assert values(document) == {
        "optimiser": "AdamW",
        "adam_beta1": 0.9,
        "adam_beta2": 0.98,
        "learning_rate": 5e-4,
        "schedule": "cosine",
        "warmup": 0.06,
        "batch_size": 500_000,
        "steps": 100_000,
        "dropout": 0.1,
        "precision": "bfloat16",
        "sequence_length": 512,
        "accelerator": "A100 80GB",
        "accelerators": 8,
        "training_time": 14,
    }
    batch = extract(document).recipe.batch_size
    assert batch is not None
    assert (batch.unit, batch.sentence) == ("tokens", "| Batch size (tokens) | 0.5M |")
    assert document.holds(batch.sentence)


def test_two_pairs_of_columns() -> None:
    document = tabled(
        ("Batch size", "64", "Dropout", "0.2"), ("Epochs", "30", "Weight decay", "1e-2")
    )
    assert values(document) == {
        "batch_size": 64,
        "dropout": 0.2,
        "epochs": 30,
        "weight_decay": 0.01,
    }


def test_names_above_and_values_below() -> None:
    document = tabled(("Learning rate", "Batch size", "Epochs"), ("1e-3", "64", "10"))
    assert values(document) == {"learning_rate": 1e-3, "batch_size": 64, "epochs": 10}


def extracted(*rows: tuple[str, ...], **options: str) -> Extracted:
    return extract(tabled(*rows, **options))


def test_columns_that_differ_leave_a_value_open_and_those_that_agree_do_not() -> None:
    found = extracted(
        ("Parameter", "Base", "Large"), ("Learning rate", "1e-4", "5e-5"), ("Dropout", "0.1", "0.1")
    )
    assert found.recipe.learning_rate is None
    assert [each.value for each in found.ambiguous["learning_rate"]] == [1e-4, 5e-5]
    assert found.recipe.dropout is not None


def test_of_a_search_only_what_was_chosen_counts() -> None:
    document = tabled(
        ("Parameter", "Search space", "Best"),
        ("Learning rate", "{1e-5, 1e-4}", "1e-4"),
        ("Epochs", "10", "20"),
        caption="Search space of all hyperparameters.",
    )
    assert values(document) == {"learning_rate": 1e-4, "epochs": 20}


@pytest.mark.parametrize(
    "caption", ["Search space.", "Ablation.", "Settings of the baselines.", "Settings of SASRec."]
)
def test_tables_of_what_was_tried_or_is_others_are_left_out(caption: str) -> None:
    rows = (("Parameter", "Value"), ("Learning rate", "1e-4"), ("Epochs", "20"))
    assert values(tabled(*rows, caption=caption)) == {}
    assert values(tabled(*rows)) == {"learning_rate": 1e-4, "epochs": 20}


def test_a_column_of_cited_work_is_not_the_authors() -> None:
    rows = (
        ("Setting", "SASRec [2]", "Value"),
        ("Learning rate", "1e-3", "1e-4"),
        ("Epochs", "9", "5"),
    )
    assert values(tabled(*rows)) == {"learning_rate": 1e-4, "epochs": 5}


@pytest.mark.parametrize("cell", ["{1, 2}", "1 or 2", "8, 16", "many", "", "-", "16 (base)", "2x"])
def test_a_cell_that_is_not_one_value_is_none(cell: str) -> None:
    assert values(tabled(("Parameter", "Value"), ("Epochs", "3"), ("Batch size", cell))) == {
        "epochs": 3
    }


RESULTS = (("Method", "Accuracy", "F1"), ("ResNet", "90.1", "88.0"), ("Ours", "92.5", "91.0"))
USED = "We train and test on the Owls20 dataset."


def test_results_are_those_of_the_authors_row() -> None:
    assert metrics(*RESULTS, caption="Results on Owls20.", before=USED) == {
        "metrics.Owls20.accuracy": 92.5,
        "metrics.Owls20.f1": 91,
    }


def test_without_a_row_of_their_own_there_are_no_results() -> None:
    rows = (RESULTS[0], RESULTS[1], ("VGG", "92.5", "91.0"))
    assert metrics(*rows, caption="Results on Owls20.", before=USED) == {}


def test_with_two_rows_of_their_own_neither_counts() -> None:
    rows = (*RESULTS, ("Ours (large)", "93.5", "92.0"))
    assert metrics(*rows, caption="Results on Owls20.", before=USED) == {}


def test_the_name_of_the_method_marks_its_row_and_variants_do_not() -> None:
    rows = (
        ("Method", "SST-2", "CIFAR-10"),
        ("Base", "1.0", "2.0"),
        ("OwlNet", "91.2 ± 0.3", "**95.0**"),
        ("OwlNet w/o smoothing", "90.0", "94.0"),
    )
    before = "We propose OwlNet, a network. We evaluate on SST-2 and CIFAR-10."
    assert metrics(*rows, caption="Accuracy (%).", before=before) == {
        "metrics.SST-2.accuracy": 91.2,
        "metrics.CIFAR-10.accuracy": 95,
    }


def test_a_caption_says_which_metric_is_meant_on_which_data() -> None:
    rows = (
        ("Method", "SQuAD", "GSM8K", "HumanEval"),
        ("Base", "1", "2", "3"),
        ("Ours", "4", "5", "6"),
    )
    caption = "Accuracy on SQuAD and GSM8K, pass@1 on HumanEval."
    assert metrics(*rows, caption=caption) == {
        "metrics.SQuAD.accuracy": 4,
        "metrics.GSM8K.accuracy": 5,
        "metrics.HumanEval.pass@1": 6,
    }


def test_the_head_above_the_word_model_belongs_to_the_head_below() -> None:
    rows = (
        ("", "SQuAD", "SQuAD", "FEVER"),
        ("Model", "F1", "Exact match", "Accuracy"),
        ("Base", "1", "2", "3"),
        ("Ours", "4", "5", "6"),
    )
    assert metrics(*rows, caption="Results.") == {
        "metrics.SQuAD.f1": 4,
        "metrics.SQuAD.exact match": 5,
        "metrics.FEVER.accuracy": 6,
    }


def test_of_rows_marked_as_ours_the_one_with_the_name_of_the_method_counts() -> None:
    rows = (("Model", "SQuAD F1"), ("constant (ours)", "80"), ("Owl", "84"))
    before = "We call our method Owl."
    assert metrics(*rows, caption="Results.", before=before) == {"metrics.SQuAD.f1": 84}


def test_tasks_in_a_first_column_are_data_where_they_are_named_like_some() -> None:
    rows = (("Task", "Base", "Ours"), ("FiQA-2018", "29.5", "33.2"), ("Sentiment", "90", "91"))
    found = values(tabled(*rows, caption="nDCG@10 of each task."))
    assert found == {"data.FiQA-2018": "FiQA-2018", "metrics.FiQA-2018.ndcg@10": 33.2}


def test_a_table_whose_columns_are_methods_is_read_downwards() -> None:
    rows = (
        ("Dataset", "ResNet", "OwlNet"),
        ("SST-2", "90.1", "91.2"),
        ("CIFAR-10", "94.0", "95.0"),
    )
    before = "We propose OwlNet, a network. We evaluate on SST-2 and CIFAR-10."
    assert metrics(*rows, caption="Accuracy (%).", before=before) == {
        "metrics.SST-2.accuracy": 91.2,
        "metrics.CIFAR-10.accuracy": 95,
    }


def test_heads_may_shorten_names_and_count_down_to_a_rank() -> None:
    rows = (
        ("Model", "MRR@10", "NQ nDCG@10"),
        ("BM25", "0.187", "0.329"),
        ("Ours", "0.352", "0.458"),
    )
    before = "We train on MS MARCO and test on Natural Questions."
    caption = "Results on MS MARCO and on Natural Questions."
    assert metrics(*rows, caption=caption, before=before) == {
        "metrics.MS MARCO.mrr@10": 0.352,
        "metrics.Natural Questions.ndcg@10": 0.458,
    }


def test_a_column_of_data_that_is_not_known_is_not_taken_for_other_data() -> None:
    rows = (
        ("Model", "Owls20 MSE", "Weather MSE"),
        ("Linear", "0.4", "0.3"),
        ("Ours", "0.3", "0.2"),
    )
    assert metrics(*rows, caption="Errors.", before=USED) == {"metrics.Owls20.mse": 0.3}
    assert metrics(*rows, caption="Errors.", before=f"{USED} Weather has 21 channels.") == {
        "metrics.Owls20.mse": 0.3,
        "metrics.Weather.mse": 0.2,
    }


@pytest.mark.parametrize(
    "head",
    [("Method", "SST-2", "SST-2", "CIFAR-10", "CIFAR-10"), ("", "SST-2", "", "CIFAR-10", "")],
    ids=["repeated", "blank"],
)
def test_a_head_of_two_rows_is_one(head: tuple[str, ...]) -> None:
    rows = (
        head,
        (head[0], "Acc.", "F1", "Acc.", "F1"),
        ("ResNet", "90.1", "88.0", "94.0", "93.0"),
        ("Ours", "92.5", "91.0", "95.0", "94.5"),
    )
    assert metrics(*rows, caption="Results.", before="We use SST-2 and CIFAR-10.") == {
        "metrics.SST-2.accuracy": 92.5,
        "metrics.SST-2.f1": 91,
        "metrics.CIFAR-10.accuracy": 95,
        "metrics.CIFAR-10.f1": 94.5,
    }


def test_a_row_that_says_what_was_added_stands_back() -> None:
    rows = (*RESULTS, ("Ours, with language model", "93.5", "92.0"))
    assert metrics(*rows, caption="Results on Owls20.", before=USED) == {
        "metrics.Owls20.accuracy": 92.5,
        "metrics.Owls20.f1": 91,
    }


def test_the_column_of_the_model_whose_results_are_the_authors_counts() -> None:
    document = written(
        "# Sled", "## 4 Models", "We train three models.",
        "| | Sled-S | Sled-L |\n|---|---|---|\n| Layers | 12 | 24 |\n| Epochs | 6 | 4 |",
        "| Model | ppl |\n|---|---|\n| Base | 18.6 |\n| Sled-L (ours) | 17.4 |",
    )  # fmt: skip
    assert values(document) == {"num_hidden_layers": 24, "epochs": 4}


def test_a_table_of_several_columns_leaves_the_choice_to_the_text() -> None:
    rows = (("Setting", "A", "B"), ("Learning rate", "2e-4", "2e-5"), ("Dropout", "0.1", "none"))
    before = "We use a learning rate of 2e-4."
    assert values(tabled(*rows, before=before)) == {"learning_rate": 2e-4}


def test_results_on_validation_data_are_no_results() -> None:
    assert metrics(*RESULTS, caption="Validation results on Owls20.", before=USED) == {}


def test_text_and_table_that_differ_leave_a_result_open() -> None:
    before = f"{USED} Our model reaches 93.0% accuracy on Owls20."
    assert "metrics.Owls20.accuracy" not in metrics(
        *RESULTS, caption="Results on Owls20.", before=before
    )


def test_sizes_of_splits_in_both_directions() -> None:
    across = tabled(
        ("Dataset", "# Train", "Dev", "Test"),
        ("Owls20", "8,000", "1,000", "1,000"),
        ("Total", "8,000", "1,000", "1,000"),
    )
    down = tabled(
        ("Split", "Images"), ("Train", "8,000"), ("Dev", "1,000"), ("Test", "1,000"),
        caption="Size of the Owls20 dataset.",
    )  # fmt: skip
    sizes = {
        "data.Owls20": "Owls20",
        "data.Owls20.train": 8000,
        "data.Owls20.validation": 1000,
        "data.Owls20.test": 1000,
    }
    assert values(across) == sizes
    assert values(down) == sizes


def test_hostile_text_costs_no_time() -> None:
    words = ["Aa-" * 60, "9" * 190, "10^" * 60, "warmup " * 280, "1/2/3 " * 300, "A " * 900]
    lines = [f"We train with a learning rate of {word}." for word in words * 5]
    document = written("# T", "## 4 Experiments", *lines)
    began = time.process_time()
    extract(document)
    assert time.process_time() - began < 5
