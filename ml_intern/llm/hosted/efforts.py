"""With which effort a model is asked to think, of what it can, before anybody asks it.

LiteLLM leaves out, without a word, an effort that its list denies a model; the dearer default would
run. So a level that is not there is replaced here by the nearest that is, and the reply says so.
"""

from collections.abc import Sequence
from typing import Any

from ml_intern.effort import EFFORTS, Effort
from ml_intern.llm.hosted.names import Endpoint
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import listed

USUAL: tuple[Effort, ...] = ("low", "medium", "high")
_OFF_IS_UNDERSTOOD = (
    "anthropic", "bedrock", "deepseek", "gemini", "ollama_chat", "openrouter", "vertex_ai",
)  # fmt: skip
"""Routes on which LiteLLM knows how to ask for no thinking at all."""


def effort_for(endpoint: Endpoint, wanted: Effort) -> Effort | None:
    """The nearest that the model has: lower ones first, but thinking is not turned off unasked.

    None: it has none, so nothing is said of it.
    """
    levels = _levels(endpoint)
    if wanted in levels:
        return wanted
    at = EFFORTS.index(wanted)
    below = [each for each in reversed(EFFORTS[:at]) if each != "none"]
    return next((each for each in [*below, *EFFORTS[at:]] if each in levels), None)


def thinks_always(endpoint: Endpoint) -> bool:
    """Whether it thinks whatever it is asked."""
    return bool((listed(litellm(), endpoint) or {}).get("thinking_always_on"))


def _levels(endpoint: Endpoint) -> Sequence[Effort]:
    if endpoint.is_like_openai or endpoint.provider.route == "ollama_chat":
        return ("none", *USUAL)
    known = [each for each in _known(endpoint) if each == "none" or _is_sent(endpoint, each)]
    is_understood = endpoint.provider.route in _OFF_IS_UNDERSTOOD
    return ["none", *known] if known and is_understood and "none" not in known else known


def _known(endpoint: Endpoint) -> Sequence[Effort]:
    """By the list; of a model that it does not have, the usual ones."""
    entry = listed(litellm(), endpoint)
    if entry is None:
        return USUAL
    if (named := entry.get("reasoning_effort_levels")) is not None:
        return [each for each in EFFORTS if each in named]
    if not entry.get("supports_reasoning"):
        return ()
    return [each for each in EFFORTS if _is_flagged(entry, each)]


def _is_flagged(entry: dict[str, Any], level: Effort) -> bool:
    """The usual ones unless the list denies them, the others only where it names them."""
    return bool(entry.get(f"supports_{level}_reasoning_effort", level in USUAL))


def _is_sent(endpoint: Endpoint, level: Effort) -> bool:
    """Whether LiteLLM passes it on in any form."""
    with_it = _parameters(endpoint, reasoning_effort=level)
    return with_it is not None and with_it != _parameters(endpoint)


def _parameters(endpoint: Endpoint, **more: str) -> Any:
    """What LiteLLM makes of a request's parameters; None: it does not take them."""
    route, _, name = endpoint.model.partition("/")
    try:
        return litellm().utils.get_optional_params(
            model=name, custom_llm_provider=route, max_tokens=1, drop_params=True, **more
        )
    except litellm().exceptions.BadRequestError:
        return None
