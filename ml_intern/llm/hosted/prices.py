"""What an answer cost, by the price list that comes with LiteLLM.

A price that is missing, or 0, is unknown: only a server of one's own on this machine is free.
"""

import math
from typing import Any

from ml_intern.llm.hosted.names import Endpoint
from ml_intern.messages import Usage

MICRO = 1_000_000


def cost_micro_usd(litellm: Any, endpoint: Endpoint, usage: Usage) -> int | None:
    """Rounded up; None when it is not known."""
    if endpoint.is_free:
        return 0
    entry = _entry(litellm, endpoint)
    if entry is None or usage == Usage():
        return None
    name, prices = entry
    if not (prices.get("input_cost_per_token") and prices.get("output_cost_per_token")):
        return None
    prices_usd: tuple[float, float] = litellm.cost_per_token(
        model=name,
        custom_llm_provider=prices["litellm_provider"],
        prompt_tokens=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        completion_tokens=usage.output_tokens,
        cache_read_input_tokens=usage.cache_read_tokens,
        cache_creation_input_tokens=usage.cache_write_tokens,
    )
    return math.ceil(round(sum(prices_usd) * MICRO, 6))


def _entry(litellm: Any, endpoint: Endpoint) -> tuple[str, dict[str, Any]] | None:
    """The list has some models under their whole name, others without the provider's."""
    if not endpoint.provider.price_is_listed:
        return None
    for name in (endpoint.model, endpoint.model.partition("/")[2]):
        prices = litellm.model_cost.get(name)
        if prices and _is_of(prices.get("litellm_provider", ""), endpoint.provider.route):
            return name, prices
    return None


def _is_of(listed: str, route: str) -> bool:
    """`bedrock_converse` is bedrock's, `vertex_ai-anthropic_models` is vertex_ai's."""
    return listed.startswith(route)
