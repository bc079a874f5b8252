"""What an answer cost: the list's price, free, or unknown."""

import pytest

from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import cost_micro_usd
from ml_intern.messages import Usage
from tests.llm.hosted.given import an_endpoint

KEYS = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "GROQ_API_KEY"), "k")
SOME = Usage(input_tokens=1000, output_tokens=100)


def cost(name: str, usage: Usage, api_base: str | None = None) -> int | None:
    return cost_micro_usd(litellm(), an_endpoint(name, KEYS, api_base=api_base), usage)


def test_the_price_is_that_of_the_list_for_every_kind_of_token() -> None:
    prices = litellm().model_cost["claude-opus-4-8"]
    usage = Usage(
        input_tokens=1_000, output_tokens=200, cache_read_tokens=50_000, cache_write_tokens=3_000
    )
    usd = (
        1_000 * prices["input_cost_per_token"]
        + 200 * prices["output_cost_per_token"]
        + 50_000 * prices["cache_read_input_token_cost"]
        + 3_000 * prices["cache_creation_input_token_cost"]
    )
    assert usd > 0
    assert cost("claude-opus-4-8", usage) == round(usd * 1_000_000)
    assert cost("anthropic/claude-opus-4-8", usage) == round(usd * 1_000_000)


def test_a_fraction_of_a_micro_dollar_is_rounded_up() -> None:
    assert cost("gpt-4o-mini", Usage(input_tokens=1)) == 1


@pytest.mark.parametrize("name", ["ollama/qwen3", "vllm/m", "llamacpp/m", "lm_studio/m"])
def test_a_server_of_ones_own_on_this_machine_is_free(name: str) -> None:
    assert cost(name, SOME) == 0
    assert cost(name, Usage()) == 0


@pytest.mark.parametrize(
    ("name", "api_base"),
    [
        ("vllm/gpt-4o", "https://rented.example/v1"),
        ("ollama/qwen3", "https://ollama.com"),
        ("hf/openai/gpt-oss-120b", None),
        ("hf/Qwen/Qwen3-32B", None),
        ("gpt-9-never-listed", None),
        ("openai/claude-opus-4-8", None),
    ],
)
def test_an_unknown_price_is_not_zero(name: str, api_base: str | None) -> None:
    assert cost(name, SOME, api_base) is None


def test_a_price_of_zero_in_the_list_is_unknown() -> None:
    listed = [
        name.partition("/")[2]
        for name, prices in litellm().model_cost.items()
        if name.startswith("groq/") and prices.get("input_cost_per_token") == 0
    ]
    litellm().model_cost["groq/given-away"] = {
        "litellm_provider": "groq",
        "input_cost_per_token": 0.0,
        "output_cost_per_token": 0.0,
    }
    for name in ["given-away", *listed]:
        assert cost(f"groq/{name}", SOME) is None


def test_what_was_not_counted_has_no_price() -> None:
    assert cost("claude-opus-4-8", Usage()) is None
