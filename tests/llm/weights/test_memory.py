"""What a model needs, by numbers that can be worked out by hand."""

import pytest

from ml_intern.llm.weights.child import memory
from ml_intern.llm.weights.child.channel import Failed
from ml_intern.llm.weights.child.files import counts_of

LLAMA_8B = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "vocab_size": 128_256,
}
ORDER = {
    "folder": "",
    "repository": "",
    "device": "cpu",
    "dtype": "auto",
    "four_bit": False,
    "window": 8192,
}


def test_keys_and_values_of_llama_8b():
    """2 x 32 layers x 8 heads x 128 numbers x 2 bytes: 128 KiB a token."""
    assert memory.cache_bytes(LLAMA_8B, 8192, "bfloat16") == 8192 * 128 * 1024
    assert memory.cache_bytes({"text_config": LLAMA_8B}, 1, "float32") == 256 * 1024


@pytest.mark.parametrize(
    ("counts", "dtype", "expected"),
    [
        ({"BF16": 1_000}, "float32", 4_000),
        ({"F32": 1_000}, "bfloat16", 2_000),
        ({"F32": 1_000, "I64": 10}, "float16", 2_080),
    ],
)
def test_weights_are_counted_in_the_format_that_they_are_loaded_in(counts, dtype, expected):
    assert memory.weights_bytes(counts, {}, dtype, four_bit=False) == expected


def test_quantized_weights_stay_as_they_were_saved():
    config = {"quantization_config": {"quant_method": "gptq"}}
    counts = {"I32": 100, "F16": 10}
    assert memory.weights_bytes(counts, config, "float32", four_bit=False) == 420


def test_in_four_bit_the_words_keep_their_format():
    size = memory.weights_bytes({"BF16": 8_030_000_000}, LLAMA_8B, "bfloat16", four_bit=True)
    assert 5.0e9 < size < 6.5e9


def test_what_does_not_fit_is_said_with_all_its_numbers():
    weighed = memory.weigh_model(ORDER, LLAMA_8B, {"BF16": 10**15})
    assert not weighed.fits
    assert "4000000.0 GB of weights, 2.1 GB for a window of 8,192 tokens" in weighed.words()


def test_a_limit_of_the_address_space_counts(monkeypatch):
    monkeypatch.setattr(
        memory.resource, "getrlimit", lambda _: (memory._address_space() + 1_000_000, -1)
    )
    assert memory.free_bytes("cpu") <= 1_000_000


def test_a_control_group_leaves_what_it_has_not_used_for_more_than_files(tmp_path):
    group = tmp_path / "sys/fs/cgroup/inner"
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/inner\n")
    group.mkdir(parents=True)
    for name, text in {
        "memory.max": "1000",
        "memory.current": "700",
        "memory.stat": "anon 100\ninactive_file 500\n",
    }.items():
        (group / name).write_text(f"{text}\n")
    (group.parent / "memory.max").write_text("max\n")
    assert list(memory._of_groups(tmp_path)) == [800]


def test_the_weights_of_a_folder_are_counted_by_their_heads(folder):
    counts = counts_of({"folder": str(folder), "repository": ""})
    assert list(counts) == ["F32"]
    assert 100_000 < counts["F32"] < 200_000


def test_pickled_weights_are_never_read(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(Failed, match="pickled"):
        counts_of({"folder": str(tmp_path), "repository": ""})


def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(Failed, match="weights_device = cuda:9"):
        memory.device_of("cuda:9")


def test_four_bit_is_refused_without_cuda():
    with pytest.raises(Failed, match="weights_4bit needs a CUDA device, and this is cpu"):
        memory.weigh_model({**ORDER, "four_bit": True}, LLAMA_8B, {"BF16": 1})
