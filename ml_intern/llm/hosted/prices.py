"""What an answer cost, and what it may cost at worst.

By the prices in the settings, else by the list that comes with LiteLLM. A price that is missing, or
0 in that list, is unknown: only a server of one's own on this machine is free, and what the
settings name so.
"""

import importlib.metadata
import importlib.util
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml_intern.llm.hosted.names import Endpoint
from ml_intern.messages import Usage

MICRO = 1_000_000
USUAL_ANSWER_TOKENS = 16_384
"""Longest answer that is asked for, of a model that costs money, where the settings do not say.

A long script with its reasoning fits; what the largest models allow (128,000 and more) would have
each request reserve dollars that it never spends.
"""
_DEARER = re.compile(
    r"(?:input_cost_per_token|cache_creation_input_token_cost)(?:_above_(?P<k>\d+)k_tokens)?"
)
_DEARER_OUTPUT = re.compile(r"output_cost_per_(?:reasoning_)?token(?:_above_(?P<k>\d+)k_tokens)?")


@dataclass(frozen=True, kw_only=True)
class Price:
    """Of one model, in US dollars for a million tokens."""

    input_usd: float
    output_usd: float
    cache_read_usd: float | None = None
    """None: as other input, as is `cache_write_usd`."""
    cache_write_usd: float | None = None
    max_output_tokens: int | None = None
    """Longest answer that the model can give."""

    @property
    def dearest_input_usd(self) -> float:
        """Whatever the cache does."""
        return max(self.input_usd, self.cache_read_usd or 0.0, self.cache_write_usd or 0.0)


def price_list() -> str:
    """Which list of prices is installed here, and since when; does not import LiteLLM."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        return "none: LiteLLM is not installed"
    file = Path(found.origin).with_name("model_prices_and_context_window_backup.json")
    since = datetime.fromtimestamp(file.stat().st_mtime, UTC).date() if file.exists() else "?"
    return f"of LiteLLM {importlib.metadata.version('litellm')}, installed on {since}"


def cost_micro_usd(
    litellm: Any, endpoint: Endpoint, usage: Usage, price: Price | None = None
) -> int | None:
    """Rounded up; None when it is not known."""
    if endpoint.is_free:
        return 0
    if usage == Usage():
        return None
    if price is not None:
        return _by(price, usage)
    entry = _entry(litellm, endpoint)
    if entry is None:
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
    return _rounded_up(sum(prices_usd) * MICRO)


def worst_micro_usd(
    litellm: Any,
    endpoint: Endpoint,
    input_tokens: int,
    most_output_tokens: int | None,
    price: Price | None = None,
) -> int | None:
    """For a request of at most so many tokens; None when no bound is known.

    `most_output_tokens`: that are asked for; None: `longest_answer`.
    """
    if endpoint.is_free:
        return 0
    found = price or listed_price(litellm, endpoint, input_tokens)
    if found is None:
        return None
    most = most_output_tokens or longest_answer(litellm, endpoint, price)
    if most is None:
        return None
    return _rounded_up(input_tokens * found.dearest_input_usd + most * found.output_usd)


def is_price_known(litellm: Any, endpoint: Endpoint, price: Price | None) -> bool:
    """Without asking anybody."""
    return price is not None or listed_price(litellm, endpoint, 0) is not None


def longest_answer(litellm: Any, endpoint: Endpoint, price: Price | None = None) -> int | None:
    """Tokens to ask for at most, so that no answer costs more than was reserved for it.

    None where money does not depend on it: of a model that is free, or of unknown price.
    """
    listed = listed_price(litellm, endpoint, 0)
    if endpoint.is_free or (price is None and listed is None):
        return None
    if price is not None and price.max_output_tokens is not None:
        return price.max_output_tokens
    most = listed.max_output_tokens if listed is not None else None
    return min(USUAL_ANSWER_TOKENS, most or USUAL_ANSWER_TOKENS)


def _by(price: Price, usage: Usage) -> int:
    read = price.input_usd if price.cache_read_usd is None else price.cache_read_usd
    written = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
    return _rounded_up(
        usage.input_tokens * price.input_usd
        + usage.cache_read_tokens * read
        + usage.cache_write_tokens * written
        + usage.output_tokens * price.output_usd
    )


def listed_price(litellm: Any, endpoint: Endpoint, input_tokens: int) -> Price | None:
    """The dearest that the list has for a request of at most so many tokens."""
    entry = _entry(litellm, endpoint)
    if entry is None:
        return None
    _, prices = entry
    if not (prices.get("input_cost_per_token") and prices.get("output_cost_per_token")):
        return None
    longest = prices.get("max_output_tokens") or prices.get("max_tokens")
    return Price(
        input_usd=max(_found(prices, _DEARER, input_tokens)) * MICRO,
        output_usd=max(_found(prices, _DEARER_OUTPUT, input_tokens)) * MICRO,
        max_output_tokens=longest if isinstance(longest, int) else None,
    )


def _found(prices: dict[str, Any], names: re.Pattern[str], input_tokens: int) -> Iterator[float]:
    """The prices under these names; those for long requests where this may be one."""
    for name, usd in prices.items():
        match = names.fullmatch(name)
        if match and usd and input_tokens >= int(match["k"] or 0) * 1000:
            yield float(usd)


def _rounded_up(micro_usd: float) -> int:
    return math.ceil(round(micro_usd, 6))


def _entry(litellm: Any, endpoint: Endpoint) -> tuple[str, dict[str, Any]] | None:
    """The list has some models under their whole name, others without the provider's."""
    if not endpoint.provider.price_is_listed:
        return None
    for name in (endpoint.model, endpoint.model.partition("/")[2]):
        prices = litellm.model_cost.get(name)
        if prices and _is_of(prices.get("litellm_provider", ""), endpoint.provider.route):
            return name, prices
    return None


def listed(litellm: Any, endpoint: Endpoint) -> dict[str, Any] | None:
    """What the list says of a model, of its price and all else."""
    entry = _entry(litellm, endpoint)
    return entry and entry[1]


def _is_of(listed: str, route: str) -> bool:
    """`bedrock_converse` is bedrock's, `vertex_ai-anthropic_models` is vertex_ai's."""
    return listed.startswith(route)
