"""Who can be asked: the providers, their addresses and their keys. Data only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LOCAL_ADDRESS, LOCAL_KEY = "LOCAL_LLM_BASE_URL", "LOCAL_LLM_API_KEY"
"""Of whatever local server there is, where its own variables are not set."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One prefix of a model's name."""

    route: str
    """LiteLLM's word for how it is spoken to."""
    keys: tuple[str, ...] = ()
    """Variables that may hold its key; the first is the one that we name."""
    needs_key: bool = True
    address: str | None = None
    """Its own address; None where LiteLLM knows it, or works it out from an account."""
    address_variables: tuple[str, ...] = ()
    """Variables that replace `address`. A key goes to what they say: they belong together."""
    needs_address: bool = False
    """Nobody but the person knows where it is."""
    ends_in_v1: bool = False
    """Of the address of a gateway, wherever it is."""
    account: tuple[tuple[str, str], ...] = ()
    """What LiteLLM wants besides a key: its word for it, and the variable that may hold it."""
    has_account: bool = False
    """LiteLLM signs in by itself, with a role or a profile of this machine."""
    price_is_listed: bool = True
    """False where a model's price depends on who serves it in the end."""
    is_local: bool = False
    """A server that a person runs, in all likelihood on this machine, for nothing."""
    takes_thinking: bool = False
    """Wants its thoughts back within a run of tool calls; others refuse the field."""
    window_told_by: Literal["", "models", "router", "ollama", "llamacpp", "lm_studio"] = ""
    """How its server tells how many tokens a model takes; empty: it does not."""
    lists_models_at: str | None = None
    """Where `/models` is, if its address is LiteLLM's to know. Public: no key is needed."""
    advice: str = ""
    """What to do when nobody answers, or the model is unknown."""


def _cloud(route: str, *keys: str, takes_thinking: bool = False) -> Provider:
    return Provider(route=route, keys=keys, takes_thinking=takes_thinking)


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider(
        route="anthropic",
        keys=("ANTHROPIC_API_KEY",),
        address="https://api.anthropic.com",
        address_variables=("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"),
    ),
    "openai": Provider(
        route="openai",
        keys=("OPENAI_API_KEY",),
        address="https://api.openai.com/v1",
        address_variables=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    ),
    "huggingface": Provider(
        route="openai",
        keys=("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        address="https://router.huggingface.co/v1",
        price_is_listed=False,
        window_told_by="router",
        advice="https://huggingface.co/models?inference_provider=all lists what it serves.",
    ),
    "ollama": Provider(
        route="ollama_chat",
        keys=("OLLAMA_API_KEY", LOCAL_KEY),
        needs_key=False,
        address="http://127.0.0.1:11434",
        address_variables=("OLLAMA_API_BASE", "OLLAMA_BASE_URL", "OLLAMA_HOST", LOCAL_ADDRESS),
        is_local=True,
        price_is_listed=False,
        takes_thinking=True,
        window_told_by="ollama",
        advice="`ollama serve` starts it, `ollama list` shows its models, `ollama pull NAME` "
        "fetches one.",
    ),
    "vllm": Provider(
        route="openai",
        keys=("VLLM_API_KEY", LOCAL_KEY),
        needs_key=False,
        address="http://127.0.0.1:8000/v1",
        address_variables=("VLLM_API_BASE", "VLLM_BASE_URL", LOCAL_ADDRESS),
        is_local=True,
        price_is_listed=False,
        takes_thinking=True,
        window_told_by="models",
        advice="`vllm serve NAME --enable-auto-tool-choice --tool-call-parser PARSER` starts it.",
    ),
    "llamacpp": Provider(
        route="openai",
        keys=("LLAMA_API_KEY", "LLAMACPP_API_KEY", LOCAL_KEY),
        needs_key=False,
        address="http://127.0.0.1:8080/v1",
        address_variables=("LLAMACPP_API_BASE", "LLAMACPP_BASE_URL", LOCAL_ADDRESS),
        is_local=True,
        price_is_listed=False,
        takes_thinking=True,
        window_told_by="llamacpp",
        advice="`llama-server --jinja -m FILE` starts it.",
    ),
    "lm_studio": Provider(
        route="openai",
        keys=("LM_STUDIO_API_KEY", "LMSTUDIO_API_KEY", LOCAL_KEY),
        needs_key=False,
        address="http://127.0.0.1:1234/v1",
        address_variables=("LM_STUDIO_API_BASE", "LMSTUDIO_BASE_URL", LOCAL_ADDRESS),
        is_local=True,
        price_is_listed=False,
        takes_thinking=True,
        window_told_by="lm_studio",
        advice="`lms server start` starts it, `lms ls` shows its models.",
    ),
    "openai-compat": Provider(
        route="openai",
        keys=("OPENAI_COMPAT_API_KEY",),
        needs_key=False,
        address_variables=("OPENAI_COMPAT_BASE_URL",),
        needs_address=True,
        ends_in_v1=True,
        price_is_listed=False,
        takes_thinking=True,
        window_told_by="models",
        advice="The name after openai-compat/ is the one by which your gateway knows the model.",
    ),
    "azure": Provider(
        route="azure",
        needs_address=True,
        keys=("AZURE_API_KEY",),
        address_variables=("AZURE_API_BASE",),
        account=(("api_version", "AZURE_API_VERSION"),),
        advice="The name after azure/ is that of your deployment.",
    ),
    "bedrock": Provider(
        route="bedrock",
        has_account=True,
        keys=("AWS_BEARER_TOKEN_BEDROCK",),
        needs_key=False,
        account=(
            ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
            ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
            ("aws_session_token", "AWS_SESSION_TOKEN"),
            ("aws_region_name", "AWS_REGION_NAME"),
        ),
    ),
    "vertex_ai": Provider(
        route="vertex_ai",
        has_account=True,
        needs_key=False,
        account=(
            ("vertex_credentials", "VERTEXAI_CREDENTIALS"),
            ("vertex_project", "VERTEXAI_PROJECT"),
            ("vertex_location", "VERTEXAI_LOCATION"),
        ),
    ),
    "litellm_proxy": Provider(
        route="litellm_proxy",
        keys=("LITELLM_PROXY_API_KEY",),
        needs_key=False,
        address_variables=("LITELLM_PROXY_API_BASE",),
        needs_address=True,
        window_told_by="models",
    ),
    "gemini": _cloud("gemini", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "openrouter": Provider(
        route="openrouter",
        keys=("OPENROUTER_API_KEY",),
        takes_thinking=True,
        window_told_by="models",
        lists_models_at="https://openrouter.ai/api/v1",
    ),
    "deepseek": _cloud("deepseek", "DEEPSEEK_API_KEY", takes_thinking=True),
    "moonshot": _cloud("moonshot", "MOONSHOT_API_KEY", takes_thinking=True),
    "mistral": _cloud("mistral", "MISTRAL_API_KEY"),
    "xai": _cloud("xai", "XAI_API_KEY"),
    "zai": _cloud("zai", "ZAI_API_KEY"),
    "groq": _cloud("groq", "GROQ_API_KEY"),
    "cerebras": _cloud("cerebras", "CEREBRAS_API_KEY"),
    "cohere_chat": _cloud("cohere_chat", "COHERE_API_KEY", "CO_API_KEY"),
    "dashscope": _cloud("dashscope", "DASHSCOPE_API_KEY"),
    "deepinfra": _cloud("deepinfra", "DEEPINFRA_API_KEY"),
    "fireworks_ai": _cloud("fireworks_ai", "FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    "hyperbolic": _cloud("hyperbolic", "HYPERBOLIC_API_KEY"),
    "minimax": _cloud("minimax", "MINIMAX_API_KEY"),
    "nebius": _cloud("nebius", "NEBIUS_API_KEY"),
    "novita": _cloud("novita", "NOVITA_API_KEY"),
    "nvidia_nim": _cloud("nvidia_nim", "NVIDIA_NIM_API_KEY"),
    "ovhcloud": _cloud("ovhcloud", "OVHCLOUD_API_KEY"),
    "sambanova": _cloud("sambanova", "SAMBANOVA_API_KEY"),
    "scaleway": _cloud("scaleway", "SCW_SECRET_KEY"),
    "together_ai": _cloud("together_ai", "TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
    "vercel_ai_gateway": _cloud("vercel_ai_gateway", "VERCEL_AI_GATEWAY_API_KEY"),
}

ALIASES: Mapping[str, str] = {
    "claude": "anthropic",
    "fireworks": "fireworks_ai",
    "google": "gemini",
    "hf": "huggingface",
    "hosted_vllm": "vllm",
    "llama.cpp": "llamacpp",
    "llama_cpp": "llamacpp",
    "lmstudio": "lm_studio",
    "ollama_chat": "ollama",
    "together": "together_ai",
}

FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gpt-|chatgpt-|codex-|o\d(?:-|$)"), "openai"),
    (re.compile(r"gemini-"), "gemini"),
    (re.compile(r"deepseek-"), "deepseek"),
    (re.compile(r"mistral-|codestral-|devstral-|magistral-|ministral-"), "mistral"),
    (re.compile(r"grok-"), "xai"),
    (re.compile(r"kimi-|moonshot-"), "moonshot"),
    (re.compile(r"glm-"), "zai"),
)
"""Whose a name without a prefix is, by how it begins."""
