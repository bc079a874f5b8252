"""Kinds of values that settings have, and how they are written in a variable."""

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_settings import NoDecode

from ml_intern.patterns import usable

MOST_USD = 1_000_000.0
"""Of a cap, and of a million tokens."""
MOST_TOKENS = 100_000_000
"""Of one answer: at the highest price it can still be reserved."""
LEAST_WINDOW = 1024
"""Tokens; a model that takes less holds no task."""
Listed = Annotated[tuple[str, ...], NoDecode]
"""In a variable with commas or spaces between, or as a list in JSON."""
EXAMPLES = {
    "context_windows": '{"ollama/*": 32768}',
    "model_prices": '{"vllm/mine": {"input_usd_per_million": 0.2, "output_usd_per_million": 0.6}}',
    "notify_channels": '{"team": "C0123456789"}',
    "redact_patterns": r'["PROJ-\\d{4}", "badge (?P<secret>\\d+)"]',
    "policy": '[{"verdict": "ask", "tool": "bash"}]',
}
"""Of variables that hold lists and tables in JSON."""


def _address(given: str) -> str:
    if not given.startswith(("http://", "https://")):
        raise ValueError("give an address that begins with https://")
    return given.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
Expressions = tuple[Annotated[str, AfterValidator(usable)], ...]


class ModelPrice(BaseModel):
    """What a model costs, in US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd_per_million: float = Field(gt=0, le=MOST_USD, allow_inf_nan=False)
    output_usd_per_million: float = Field(gt=0, le=MOST_USD, allow_inf_nan=False)
    cache_read_usd_per_million: float | None = Field(None, ge=0, le=MOST_USD, allow_inf_nan=False)
    cache_write_usd_per_million: float | None = Field(None, ge=0, le=MOST_USD, allow_inf_nan=False)
    max_output_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)


def json_list(given: str) -> tuple[str, ...]:
    """The texts of a list in JSON. Raises ValueError, which says how one is written."""
    try:
        found = json.loads(given)
    except ValueError as exc:
        raise ValueError(
            f'it is no list in JSON ({exc}); write first, second or ["first", "second"]'
        ) from exc
    if not all(isinstance(one, str) for one in found):
        raise ValueError('it must be a list of texts, e.g. ["first", "second"]')
    return tuple(found)
