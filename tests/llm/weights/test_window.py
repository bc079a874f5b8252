"""The window of a model by what its configuration says."""

import pytest

from ml_intern.llm.weights.window import GUESS, MOST, window_of_config

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 2048}}, 2048),
        ({"max_position_embeddings": 2048, "rope_scaling": {"type": "linear", "factor": 2}}, 4096),
        ({"max_position_embeddings": 4096, "rope_scaling": YARN}, 16_384),
        ({"max_position_embeddings": 16_384, "rope_parameters": YARN}, 16_384),
        (
            {"max_position_embeddings": 8192, "rope_scaling": {"rope_type": "llama3", "factor": 8}},
            8192,
        ),
        ({"max_position_embeddings": 8192, "rope_parameters": {"full": YARN, "sliding": {}}}, 8192),
        ({"max_position_embeddings": 32_768, "sliding_window": 4096}, 4096),
        (
            {"max_position_embeddings": 8192, "sliding_window": 512, "use_sliding_window": False},
            8192,
        ),
        (
            {
                "max_position_embeddings": 8192,
                "sliding_window": 512,
                "layer_types": ["sliding_attention", "full_attention"],
            },
            8192,
        ),
        ({}, GUESS),
        ({"max_position_embeddings": "many"}, GUESS),
    ],
)
def test_the_configuration_says_how_long_it_is(config, tokens):
    assert tokens == window_of_config(config)[0]


def test_a_long_one_is_cut_to_what_memory_is_kept_free_for_unless_the_settings_say_more():
    config = {"max_position_embeddings": 131_072}
    assert window_of_config(config) == (MOST, "of the 131,072 of its config.json")
    assert window_of_config(config, 65_536) == (65_536, "context_windows")
    assert window_of_config(config, 1_000_000) == (131_072, "its config.json")


def test_a_guess_is_called_one():
    assert window_of_config({})[1].startswith("a guess")
