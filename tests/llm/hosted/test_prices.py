"""What an answer cost: the list's price, free, or unknown."""

import importlib.metadata
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ml_intern.llm.hosted import Price, RequestLoop, hosted_model, price_list
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import (
    USUAL_ANSWER_TOKENS,
    cost_micro_usd,
    longest_answer,
    worst_micro_usd,
)
from ml_intern.llm.hosted.windows import GUESS_TOKENS
from ml_intern.messages import AssistantMessage, Usage, UserMessage
from tests.llm.hosted.given import SAID, TOOLS, an_endpoint, model_at
from tests.support.model_server import ModelServer, Reply

KEYS = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "GROQ_API_KEY"), "k")
SOME = Usage(input_tokens=1000, output_tokens=100)


@pytest.fixture
def no_loop() -> Iterator[RequestLoop]:
    loop = RequestLoop()
    yield loop
    loop.close()


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


def test_it_is_said_which_list_is_used_and_how_old_it_is() -> None:
    version = importlib.metadata.version("litellm")
    assert re.fullmatch(rf"of LiteLLM {version}, installed on \d{{4}}-\d\d-\d\d", price_list())


def test_what_was_not_counted_has_no_price() -> None:
    assert cost("claude-opus-4-8", Usage()) is None


OPUS = "claude-opus-4-8"


def worst(name: str, tokens: int, most: int | None = None, price: Price | None = None):
    return worst_micro_usd(litellm(), an_endpoint(name, KEYS), tokens, most, price)


def test_the_worst_case_is_the_dearest_input_and_the_longest_answer() -> None:
    prices = litellm().model_cost[OPUS]
    assert prices["max_output_tokens"] > USUAL_ANSWER_TOKENS
    usd = (
        10_000 * prices["cache_creation_input_token_cost"]
        + USUAL_ANSWER_TOKENS * prices["output_cost_per_token"]
    )
    assert worst(OPUS, 10_000) == math.ceil(round(usd * 1_000_000, 6))
    assert worst(OPUS, 10_000, most=1000) < worst(OPUS, 10_000)


def test_no_answer_costs_more_than_the_worst_case() -> None:
    usage = Usage(input_tokens=5, output_tokens=1000, cache_write_tokens=9_000)
    assert cost(OPUS, usage) <= worst(OPUS, 9_005, most=1000)


def test_long_requests_are_dearer_where_the_list_says_so() -> None:
    litellm().model_cost["steep"] = {
        "litellm_provider": "openai",
        "input_cost_per_token": 1e-6,
        "input_cost_per_token_above_200k_tokens": 3e-6,
        "output_cost_per_token": 2e-6,
        "output_cost_per_token_above_200k_tokens": 4e-6,
        "output_cost_per_reasoning_token": 5e-6,
        "max_output_tokens": 100,
    }
    assert worst("openai/steep", 1000) == 1000 + 500
    assert worst("openai/steep", 200_000) == 600_000 + 500


@pytest.mark.parametrize("name", ["gpt-9-never-listed", "hf/Qwen/Qwen3-32B"])
def test_without_a_price_there_is_no_bound(name: str) -> None:
    assert worst(name, 1000) is None
    assert longest_answer(litellm(), an_endpoint(name, KEYS)) is None


def list_model(name: str, **more: int) -> None:
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    litellm().model_cost[name] = {"litellm_provider": "openai", **prices, **more}


@pytest.mark.parametrize(
    ("listed", "price", "longest"),
    [
        ({"max_output_tokens": 128_000}, None, USUAL_ANSWER_TOKENS),
        ({"max_output_tokens": 4096}, None, 4096),
        ({}, None, USUAL_ANSWER_TOKENS),
        ({"max_output_tokens": 4096}, Price(input_usd=1, output_usd=2), 4096),
        ({}, Price(input_usd=1, output_usd=2, max_output_tokens=50_000), 50_000),
    ],
)
def test_an_answer_of_a_model_with_a_price_has_a_longest_length(
    listed: dict[str, int], price: Price | None, longest: int
) -> None:
    list_model("talkative", **listed)
    assert longest_answer(litellm(), an_endpoint("openai/talkative", KEYS), price) == longest
    assert worst("openai/talkative", 1000, price=price) == 1000 + 2 * longest


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, USUAL_ANSWER_TOKENS),
        ({"price": Price(input_usd=1, output_usd=2, max_output_tokens=300)}, 300),
        ({"max_output_tokens": 77}, 77),
        ({"is_free": True}, USUAL_ANSWER_TOKENS),
        ({"name": "openai/nobody-knows"}, GUESS_TOKENS // 4),
    ],
)
def test_the_request_asks_for_no_longer_answer_than_is_reserved(
    no_loop: RequestLoop, given: dict[str, Any], sent: int
) -> None:
    list_model("talkative", max_output_tokens=128_000, max_input_tokens=200_000)
    with ModelServer([Reply(text="Done.")], pages={}) as server:
        model = model_at(server, no_loop, **{"name": "openai/talkative", **given})
        worst_cost = model.worst_cost_micro_usd(SAID, TOOLS, None)
        model.complete(SAID, TOOLS)
        assert server.last.body["max_tokens"] == sent
    shorter = hosted_model(
        "openai/talkative", no_loop, secrets=KEYS.get, max_output_tokens=1, price=given.get("price")
    ).worst_cost_micro_usd(SAID, TOOLS, None)
    if "is_free" in given or "name" in given:
        assert not worst_cost
    else:
        assert worst_cost - shorter == 2 * (sent - 1)


def test_a_price_of_the_settings_comes_before_the_list() -> None:
    price = Price(input_usd=2, output_usd=10, cache_read_usd=0.5, max_output_tokens=50)
    usage = Usage(input_tokens=100, output_tokens=10, cache_read_tokens=1000)
    for name in ("hf/Qwen/Qwen3-32B", OPUS):
        found = cost_micro_usd(litellm(), an_endpoint(name, KEYS), usage, price)
        assert found == 200 + 100 + 500
        assert worst(name, 1000, price=price) == 2000 + 500


def test_what_the_settings_call_free_is_free(no_loop: RequestLoop) -> None:
    model = hosted_model("gpt-4o", no_loop, secrets=KEYS.get, is_free=True)
    assert model.worst_cost_micro_usd(SAID, TOOLS, None) == 0


def test_what_was_sent_before_is_not_counted_by_its_bytes(no_loop: RequestLoop) -> None:
    model = hosted_model(OPUS, no_loop, secrets=KEYS.get, max_output_tokens=1)
    long = [*SAID, UserMessage(text="x" * 400_000), AssistantMessage(text="I see.")]
    more = [*long, UserMessage(text="y" * 1000)]
    known = Usage(input_tokens=40_000, cache_read_tokens=10_000, output_tokens=3)
    by_bytes = model.worst_cost_micro_usd(more, TOOLS, None)
    by_usage = model.worst_cost_micro_usd(more, TOOLS, known)
    assert by_usage < by_bytes / 6
    assert by_usage > model.worst_cost_micro_usd(SAID, TOOLS, None)
    assert model.worst_cost_micro_usd(more, TOOLS, Usage()) == by_bytes
