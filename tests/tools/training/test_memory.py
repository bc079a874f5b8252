from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.tools.training.memory import Load, count_parameters, estimate, from_report, judge
from tests.tools.training.sessions import Session

VIT = Load(
    parameters=69_194,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    sequence_length=17,
    vocab_size=0,
    per_device_train_batch_size=32,
    intermediate_size=128,
)
LLAMA = Load(
    parameters=27_200_000,
    hidden_size=512,
    num_hidden_layers=8,
    num_attention_heads=8,
    sequence_length=128,
    vocab_size=8_000,
    per_device_train_batch_size=8,
)


def test_training_in_float32_with_adamw_takes_16_bytes_a_parameter() -> None:
    found = estimate(LLAMA, gpu=False)
    assert found.weights_bytes + found.gradients_bytes + found.optimizer_bytes == 16 * 27_200_000


@pytest.mark.parametrize(
    ("change", "bytes_per_parameter"),
    [
        ({"precision": "bfloat16"}, 8),
        ({"precision": "bfloat16_mixed"}, 18),
        ({"optimizer": "adamw_bnb_8bit"}, 10),
        ({"optimizer": "sgd"}, 8),
        ({"optimizer": "one_that_nobody_knows"}, 16),
    ],
)
def test_bytes_per_parameter_follow_precision_and_optimizer(
    change: dict[str, str], bytes_per_parameter: int
) -> None:
    found = estimate(replace(LLAMA, **change), gpu=False)
    model = found.weights_bytes + found.gradients_bytes + found.optimizer_bytes
    assert model == bytes_per_parameter * 27_200_000


def test_lora_pays_for_gradients_of_the_adapter_only() -> None:
    full = estimate(replace(LLAMA, precision="bfloat16"), gpu=False)
    lora = estimate(replace(LLAMA, precision="bfloat16", method="lora"), gpu=False)
    assert lora.gradients_bytes < full.gradients_bytes / 10
    assert lora.weights_bytes >= full.weights_bytes


def test_activations_follow_the_formula() -> None:
    """L·s·b·h·(34 + 5·a·s/h), twice in float32."""
    expected = 8 * 128 * 8 * 512 * (34 + 5 * 8 * 128 / 512) * 2
    assert estimate(LLAMA, gpu=False).activations_bytes == expected


def test_parameters_can_be_estimated_from_the_shape() -> None:
    counted = count_parameters(replace(VIT, parameters=None))
    assert counted == pytest.approx(69_194, rel=0.05)


def test_the_largest_batch_fits_and_one_more_does_not() -> None:
    most = judge(LLAMA, 2_000_000_000, gpu=False)["largest_batch_size_that_fits"]
    at_most = replace(LLAMA, per_device_train_batch_size=most)
    one_more = replace(LLAMA, per_device_train_batch_size=most + 1)
    assert judge(at_most, 2_000_000_000, gpu=False)["fits"] is True
    assert judge(one_more, 2_000_000_000, gpu=False)["fits"] is False


def test_nothing_fits_into_nothing() -> None:
    found = judge(VIT, 1_000_000, gpu=False)
    assert (found["fits"], found["largest_batch_size_that_fits"]) == (False, 0)


@given(batch=st.integers(1, 4096), available=st.integers(0, 10**12), gpu=st.booleans())
def test_fitting_and_the_largest_batch_agree(batch: int, available: int, gpu: bool) -> None:
    load = replace(LLAMA, per_device_train_batch_size=batch)
    found = judge(load, available, gpu=gpu)
    largest = found["largest_batch_size_that_fits"]
    if abs(largest - batch) > 1:  # rounding may move the border by one
        assert found["fits"] == (batch <= largest)


def test_a_report_without_a_shape_gives_no_load() -> None:
    assert from_report({"parameters": 5, "hidden_size": None}) is None


def test_bfloat16_of_a_trainer_keeps_float32_weights() -> None:
    report = {
        "parameters": 10,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "sequence_length": 4,
        "per_device_train_batch_size": 2,
        "logits_shape": [2, 7],
        "precision": "bfloat16",
    }
    load = from_report(report)
    assert load is not None
    assert (load.precision, load.logits_per_example) == ("bfloat16_mixed", 7)


def test_the_tool_counts_what_a_limit_leaves(session: Session) -> None:
    shape = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "sequence_length": 17,
        "per_device_train_batch_size": 32,
    }
    free = session.answer("estimate_memory", **shape)
    assert free["fits"] is True
    session.place = replace(session.place, memory_bytes=400_000_000)
    bound = session.answer("estimate_memory", **shape)
    assert bound["available_bytes"] == 400_000_000
    assert (bound["fits"], bound["largest_batch_size_that_fits"]) == (False, 0)


def test_logits_weigh_only_for_language_models(session: Session) -> None:
    shape = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "sequence_length": 100,
        "vocab_size": 30_000,
        "per_device_train_batch_size": 8,
    }
    assert session.answer("estimate_memory", **shape)["logits_bytes"] == 0
    words = session.answer("estimate_memory", language_model=True, **shape)
    assert words["logits_bytes"] == 8 * 100 * 30_000 * 4 * 3
