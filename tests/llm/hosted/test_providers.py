"""The table of providers: LiteLLM knows every route in it, and gets through on it."""

import pytest

from ml_intern.llm.hosted import RequestLoop
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.providers import ALIASES, FAMILIES, PROVIDERS
from ml_intern.messages import AssistantMessage, CallId, ToolCall, ToolMessage
from tests.llm.hosted.given import SAID, TOOLS, model_at
from tests.support.model_server import Call, ModelServer, Reply

DIALECTS_OF_THEIR_OWN = {"anthropic", "bedrock", "cohere_chat", "gemini", "ollama", "vertex_ai"}
CALL = ToolCall(call_id=CallId("call_1"), name="bash", arguments="{}")


def test_litellm_knows_every_route() -> None:
    known = {str(getattr(each, "value", each)) for each in litellm().provider_list}
    assert {provider.route for provider in PROVIDERS.values()} <= known


def test_aliases_and_families_lead_to_providers() -> None:
    assert {*ALIASES.values(), *(provider for _, provider in FAMILIES)} <= set(PROVIDERS)
    assert not set(ALIASES) & set(PROVIDERS)


def test_who_needs_a_key_says_which() -> None:
    assert all(each.keys for each in PROVIDERS.values() if each.needs_key)


@pytest.mark.parametrize("prefix", sorted(set(PROVIDERS) - DIALECTS_OF_THEIR_OWN))
def test_a_conversation_gets_through_with_the_key(loop: RequestLoop, prefix: str) -> None:
    said = [
        *SAID,
        AssistantMessage(thinking="hm", tool_calls=(CALL,)),
        ToolMessage(call_id=CALL.call_id, name="bash", text="fine"),
    ]
    with ModelServer([Reply(), Reply(text="Next.", calls=(Call(name="bash"),))]) as server:
        model = model_at(server, loop, name=f"{prefix}/some-model", api_key="sk-mine")
        message = model.complete(said, TOOLS).message
    assert message.text == "Next."
    assert [(call.name, call.arguments) for call in message.tool_calls] == [("bash", "{}")]
    assert [value for value in server.last.headers.values() if value.endswith("sk-mine")]
    sent_thoughts = [each.get("reasoning_content") for each in server.last.body["messages"]]
    assert ("hm" in sent_thoughts) is PROVIDERS[prefix].takes_thinking
