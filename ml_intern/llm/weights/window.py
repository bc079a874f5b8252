"""How many tokens a model takes, as its `config.json` says. Pure."""

from collections.abc import Mapping
from typing import Any

GUESS = 8_192
SETTINGS = "context_windows"
MOST = 32_768
"""Unless the settings say more: memory for a window is kept free, and long ones need much of it."""

_LENGTHS = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
)
_ALREADY_IN_LENGTH = ("default", "llama3", "longrope", "su", "mrope", "proportional")
"""Kinds of rope scaling whose factor `max_position_embeddings` holds already."""


def window_of_config(config: Mapping[str, Any], wanted: int | None = None) -> tuple[int, str]:
    """Tokens, and who said so. `wanted`: what the settings say; more than it has, none gets."""
    tokens, source = _trained(config.get("text_config") or config)
    most = wanted or MOST
    if tokens <= most:
        return tokens, source
    return most, SETTINGS if wanted else f"of the {tokens:,} of its config.json"


def _trained(config: Mapping[str, Any]) -> tuple[int, str]:
    tokens = next(filter(None, (_whole(config.get(name)) for name in _LENGTHS)), None)
    if tokens is None:
        return GUESS, "a guess: its config.json names no length"
    tokens = _scaled(tokens, config)
    sliding = _whole(config.get("sliding_window"))
    if sliding is not None and sliding < tokens and _slides_everywhere(config):
        return sliding, "its config.json (sliding_window)"
    return tokens, "its config.json"


def _scaled(tokens: int, config: Mapping[str, Any]) -> int:
    scaling = config.get("rope_parameters") or config.get("rope_scaling")
    if not isinstance(scaling, Mapping):
        return tokens
    # One for each kind of layer, in some models.
    each = [one for one in scaling.values() if isinstance(one, Mapping)] or [scaling]
    return min(_stretched(tokens, one) for one in each)


def _stretched(tokens: int, scaling: Mapping[str, Any]) -> int:
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    factor = scaling.get("factor")
    if kind in _ALREADY_IN_LENGTH or not isinstance(factor, int | float) or factor <= 1:
        return tokens
    original = _whole(scaling.get("original_max_position_embeddings"))
    return int((original if kind == "yarn" and original else tokens) * factor)


def _slides_everywhere(config: Mapping[str, Any]) -> bool:
    """Whether no layer sees more than the sliding window: what is older is then forgotten."""
    if config.get("use_sliding_window") is False:
        return False
    if kinds := config.get("layer_types"):
        return all(kind == "sliding_attention" for kind in kinds)
    return not (config.get("sliding_window_pattern") or config.get("max_window_layers"))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
