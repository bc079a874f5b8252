"""LiteLLM, loaded once and kept from doing anything of its own accord.

Left to itself it fetches a price list and header lists from the web, reads `.env` into the
process, downloads tokenizers, prints, and asks again by itself.
"""

import importlib
import logging
import os
import sys
import warnings
from functools import lru_cache
from types import ModuleType
from typing import Any

_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # in its DEV mode it loads `.env`, secrets and all
    # So many equal pieces in a row are a loop, and end the answer; a table of zeros is none yet.
    "REPEATED_STREAMING_CHUNK_LIMIT": "1000",
}
"""Read by LiteLLM while it is imported."""

_NEVER_AWAITED = r"coroutine '.*(?:stream|completion).*' was never awaited"
"""What Python says of a request that is cancelled while a thread of LiteLLM's prepares it."""
_GATEWAY = "litellm.responses.mcp.litellm_proxy_mcp_handler"
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_LATER = ("httpcore", "openai.resources", "litellm.litellm_core_utils.default_encoding")
"""What LiteLLM would import during the first request, nearly a second's worth."""


class _NoGateway:
    """In the place of LiteLLM's `LiteLLM_Proxy_MCP_Handler`."""

    @staticmethod
    def should_use_litellm_mcp_gateway(tools: object) -> bool:
        return False


def _no_gateway() -> ModuleType:
    """What LiteLLM finds instead of its gateway to MCP servers, of which we want nothing.

    For OpenAI's responses interface it imports the gateway before it looks whether there is any use
    for it, and the gateway the whole proxy server, and the `mcp` package, which is not here.
    """
    module = ModuleType(_GATEWAY)
    vars(module)["LiteLLM_Proxy_MCP_Handler"] = _NoGateway
    return module


def warm() -> None:
    """Import LiteLLM now (seconds), so that the first request need not wait for it."""
    litellm()
    for name in _LATER:
        importlib.import_module(name)


def introduce(model: str) -> None:
    """Keep LiteLLM from asking an Ollama server about `model`, blocking, before it asks the model.

    It does so for models that are not in its price list, wherever it believes the server to be.
    """
    if model.startswith("ollama_chat/"):
        litellm().model_cost.setdefault(model, {"litellm_provider": "ollama_chat", "mode": "chat"})


@lru_cache(maxsize=1)
def litellm() -> Any:
    """The module. Safe from any thread; Python's import lock makes them wait for one import."""
    os.environ.update(_ENVIRONMENT)
    module: Any = importlib.import_module("litellm")
    sys.modules.setdefault(_GATEWAY, _no_gateway())
    module.suppress_debug_info = True
    module.disable_hf_tokenizer_download = True
    module.redact_messages_in_exceptions = True
    module.num_retries = 0
    # Its other transport leaves sessions open and says so on standard error when the process ends.
    module.disable_aiohttp_transport = True
    warnings.filterwarnings("ignore", _NEVER_AWAITED, RuntimeWarning)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    return module
