"""What most tests here begin with: a conversation, tools, and a model at a scripted server."""

from collections.abc import Mapping
from typing import Any

from ml_intern.llm.hosted import HostedModel, RequestLoop, hosted_model
from ml_intern.llm.hosted.names import Endpoint, endpoint_of
from ml_intern.messages import Message, SystemMessage, ToolSpec, UserMessage
from tests.support.model_server import ModelServer

SAID: list[Message] = [SystemMessage(text="You train models."), UserMessage(text="Train one.")]
TOOLS = [
    ToolSpec(
        name="bash",
        description="Runs a command.",
        parameters={"type": "object", "properties": {"command": {"type": "string"}}},
    )
]
NAMES = {"openai": "vllm/qwen3", "anthropic": "claude-opus-4-8", "ollama": "ollama/qwen3"}
"""A model by the dialect it is spoken to in."""
DIALECTS = list(NAMES)


def no_secrets(_name: str) -> str | None:
    """The secrets of a process that has none."""
    return None


def an_endpoint(name: str, variables: Mapping[str, str] | None = None, **given: Any) -> Endpoint:
    """Where a model is, for a process with these variables only."""
    return endpoint_of(name, secrets=(variables or {}).get, **given)


def model_at(
    server: ModelServer, loop: RequestLoop, dialect: str = "openai", **given: Any
) -> HostedModel:
    """A model that is asked at `server`, in `dialect`; with patience for a busy machine."""
    limits = {"request_timeout_s": 30.0, "stall_timeout_s": 30.0}
    return hosted_model(
        given.pop("name", NAMES[dialect]),
        loop,
        api_base=given.pop("address", address(server, dialect)),
        secrets=no_secrets,
        **{**limits, **given},
    )


def address(server: ModelServer, dialect: str) -> str:
    return server.openai_url if dialect == "openai" else server.url
