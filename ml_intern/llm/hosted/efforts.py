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
    if not _is_passed_on(endpoint):
        return ()
    entry = listed(litellm(), endpoint)
    if entry is None:
        return _with_off(USUAL, endpoint)
    if (named := entry.get("reasoning_effort_levels")) is not None:
        return [each for each in EFFORTS if each in named]
    if not entry.get("supports_reasoning"):
        return ()
    return _with_off([each for each in EFFORTS if _is_flagged(entry, each)], endpoint)


def _is_flagged(entry: dict[str, Any], level: Effort) -> bool:
    """The usual ones unless the list denies them, the others only where it names them."""
    return bool(entry.get(f"supports_{level}_reasoning_effort", level in USUAL))


def _with_off(levels: Sequence[Effort], endpoint: Endpoint) -> Sequence[Effort]:
    is_understood = endpoint.provider.route in _OFF_IS_UNDERSTOOD
    return ("none", *levels) if is_understood and "none" not in levels else levels


def _is_passed_on(endpoint: Endpoint) -> bool:
    route, _, name = endpoint.model.partition("/")
    known = litellm().get_supported_openai_params(model=name, custom_llm_provider=route)
    return "reasoning_effort" in (known or ())
