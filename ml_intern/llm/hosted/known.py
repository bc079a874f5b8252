"""What is known of a model's price before it is asked, for people."""

from dataclasses import dataclass
from typing import Literal

from ml_intern.credentials import secret
from ml_intern.llm.hosted.names import endpoint_of
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import Price, listed_price, longest_answer
from ml_intern.llm.hosted.providers import PROVIDERS


@dataclass(frozen=True, kw_only=True)
class KnownPrice:
    """The price of one model, and from where it is known."""

    model: str
    origin: Literal["free", "settings", "list", "unknown"]
    price: Price | None = None
    """None: free, or unknown. The dearest that the list has for a short request."""
    longest_answer: int | None = None
    """Tokens that are asked for at most; None: as many as the model gives."""


def known_price(
    name: str,
    *,
    api_base: str | None = None,
    price: Price | None = None,
    is_free: bool = False,
    max_output_tokens: int | None = None,
) -> KnownPrice:
    """Of the model that people write as `name`; the rest is what the settings say. Needs no key.

    Raises ConfigError for a name or an address that cannot be used. Makes no request.
    """
    endpoint = endpoint_of(name, secrets=_with_every_key, api_base=api_base)
    most = max_output_tokens
    if is_free or endpoint.is_free:
        return KnownPrice(model=name, origin="free", longest_answer=most)
    found = price or listed_price(litellm(), endpoint, 0)
    if found is None:
        return KnownPrice(model=name, origin="unknown", longest_answer=most)
    return KnownPrice(
        model=name,
        origin="list" if price is None else "settings",
        price=found,
        longest_answer=most or longest_answer(litellm(), endpoint, price),
    )


def _with_every_key(name: str) -> str | None:
    is_key = any(name in provider.keys for provider in PROVIDERS.values())
    return secret(name) or ("none is needed to look" if is_key else None)
