"""How hard a model is asked to think: what is sent, over real HTTP, and what comes back."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ml_intern.effort import EFFORTS, Effort, less
from ml_intern.llm.client import ModelReply, with_effort
from ml_intern.llm.hosted import RequestLoop
from ml_intern.llm.hosted.efforts import effort_for
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.providers import PROVIDERS
from ml_intern.messages import Message, ToolMessage, UserMessage
from tests.llm.hosted.given import NAMES, SAID, TOOLS, an_endpoint, model_at
from tests.support.model_server import Call, ModelServer, Reply

KEYS = {
    **dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "GROQ_API_KEY"), "k"),
    "AZURE_API_KEY": "k",
    "AZURE_API_BASE": "https://mine.openai.azure.com",
}
CLAUDE = NAMES["anthropic"]
CALL = Reply(thinking="hm hm", calls=(Call(name="bash"),))


def answered(reply: ModelReply) -> list[Message]:
    answers = [
        ToolMessage(call_id=each.call_id, name=each.name, text="fine")
        for each in reply.message.tool_calls
    ]
    return [reply.message, *answers]


def test_the_levels_in_order() -> None:
    assert [less(each) for each in EFFORTS] == [None, *EFFORTS[:-1]]


@pytest.mark.parametrize(
    ("name", "wanted", "asked"),
    [
        ("gpt-5.5", "xhigh", "xhigh"),
        ("gpt-5.5", "max", "xhigh"),
        ("gpt-5.5", "minimal", "low"),
        ("gpt-5.5", "none", "none"),
        ("gpt-5.1", "xhigh", "high"),
        ("gpt-5", "none", "minimal"),
        ("gpt-5", "minimal", "minimal"),
        ("gpt-5.5-pro", "low", "medium"),
        ("azure/gpt-5.5-pro-2026-04-23", "low", "medium"),
        ("gpt-4o", "high", None),
        ("gpt-9-never-listed", "xhigh", "high"),
        (CLAUDE, "max", "max"),
        (CLAUDE, "minimal", "low"),
        (CLAUDE, "none", "none"),
        ("claude-haiku-4-5", "max", "high"),
        ("groq/openai/gpt-oss-120b", "xhigh", "high"),
        ("groq/llama-3.3-70b-versatile", "high", None),
        ("ollama/qwen3", "xhigh", "high"),
        ("ollama/qwen3", "minimal", "low"),
        ("ollama/qwen3", "none", "none"),
        ("vllm/qwen3", "max", "high"),
        ("hf/Qwen/Qwen3-32B", "medium", "medium"),
    ],
)
def test_a_level_that_a_model_does_not_have_becomes_the_nearest(
    name: str, wanted: Effort, asked: Effort | None
) -> None:
    """LiteLLM would leave it out without a word, and the dearer default would run."""
    assert effort_for(an_endpoint(name, KEYS), wanted) == asked


def _reasoning(per_provider: int) -> list[tuple[str, str]]:
    """Models that reason, by the list: prefix and name, some of each provider."""
    found: dict[str, list[str]] = {}
    for name, entry in litellm().model_cost.items():
        route = entry.get("litellm_provider", "")
        if route in PROVIDERS and entry.get("mode") == "chat" and entry.get("supports_reasoning"):
            found.setdefault(route, []).append(name.removeprefix(f"{route}/"))
    return [(route, name) for route, names in found.items() for name in names[:per_provider]]


def test_no_effort_that_we_ask_for_is_left_out_by_litellm() -> None:
    """Of a few hundred models; an effort that is not sent is one that the reply does not claim."""
    asked = 0
    for route, name in _reasoning(per_provider=25):
        provider = PROVIDERS[route]
        keys = dict.fromkeys(provider.keys, "k")
        where = "https://mine.example" if provider.needs_address else provider.address
        endpoint = an_endpoint(f"{route}/{name}", keys, api_base=where)
        for wanted in EFFORTS:
            effort = effort_for(endpoint, wanted)
            if effort in (None, "none"):
                continue
            asked += 1
            without, sent = (
                litellm().utils.get_optional_params(
                    model=endpoint.model.partition("/")[2],
                    custom_llm_provider=provider.route,
                    max_tokens=16_000,
                    drop_params=True,
                    **given,
                )
                for given in ({}, {"reasoning_effort": effort})
            )
            assert sent != without, (route, name, effort)
    assert asked > 300


def _of_anthropic(body: Any) -> Any:
    return body.get("thinking", {}).get("type"), body.get("output_config", {}).get("effort")


@pytest.mark.parametrize(
    ("dialect", "wanted", "asked", "sent"),
    [
        ("openai", "xhigh", "high", lambda body: body["reasoning_effort"] == "high"),
        ("openai", "none", "none", lambda body: body["reasoning_effort"] == "none"),
        ("openai", None, None, lambda body: "reasoning_effort" not in body),
        ("ollama", "max", "high", lambda body: body["think"] is True),
        ("ollama", "none", "none", lambda body: body["think"] is False),
        ("ollama", None, None, lambda body: "think" not in body),
        ("anthropic", "max", "max", lambda body: _of_anthropic(body) == ("adaptive", "max")),
        ("anthropic", "minimal", "low", lambda body: _of_anthropic(body) == ("adaptive", "low")),
        ("anthropic", "none", "none", lambda body: _of_anthropic(body) == (None, None)),
        ("anthropic", None, None, lambda body: _of_anthropic(body) == (None, None)),
    ],
)
def test_each_provider_is_asked_in_its_own_way(
    loop: RequestLoop,
    dialect: str,
    wanted: Effort | None,
    asked: Effort | None,
    sent: Callable[[Any], bool],
) -> None:
    with ModelServer([Reply(text="x")]) as server:
        reply = model_at(server, loop, dialect, effort=wanted).complete(SAID, TOOLS)
        body = server.last.body
    assert reply.effort == asked
    assert sent(body)
    assert body["messages"]
    assert len(body["tools"]) == 1


def test_a_session_may_have_an_effort_of_its_own(loop: RequestLoop) -> None:
    with ModelServer(lambda _seen: Reply(text="x")) as server:
        model = model_at(server, loop, effort="high")
        assert with_effort(model, "low").complete(SAID, TOOLS).effort == "low"
        assert model.complete(SAID, TOOLS).effort == "high"
    assert [seen.body["reasoning_effort"] for seen in server.requests] == ["low", "high"]


# -- thoughts with a signature ------------------------------------------------------------------


def blocks(body: Any) -> list[list[str]]:
    """The kinds of blocks in each answer of the model."""
    return [
        [block["type"] for block in each["content"]]
        for each in body["messages"]
        if each["role"] == "assistant"
    ]


def test_signed_thoughts_go_back_as_they_came(loop: RequestLoop) -> None:
    with ModelServer([CALL, CALL, Reply(text="done")]) as server:
        model = model_at(server, loop, "anthropic", effort="high")
        first = model.complete(SAID, TOOLS)
        signed = {"type": "thinking", "thinking": "hm hm", "signature": "c2lnbmVk"}
        assert first.message.signed == (signed,)
        assert first.message.model == CLAUDE
        said = [*SAID, *answered(first)]
        said += answered(model.complete(said, TOOLS))
        said.append(UserMessage(text="The plan is open.", injected=True))
        model.complete(said, TOOLS)
        body = server.last.body
    assert blocks(body) == [["thinking", "tool_use"], ["thinking", "tool_use"]]
    assert body["messages"][1]["content"][0] == signed
    assert body["thinking"]["type"] == "adaptive"


def test_thoughts_of_an_earlier_run_stay_here(loop: RequestLoop) -> None:
    with ModelServer([CALL, Reply(thinking="so", text="done"), Reply(text="x")]) as server:
        model = model_at(server, loop, "anthropic", effort="high")
        said = [*SAID, *answered(model.complete(SAID, TOOLS))]
        said += [model.complete(said, TOOLS).message, UserMessage(text="And now?")]
        assert model.complete(said, TOOLS).effort == "high"
        assert blocks(server.last.body) == [["tool_use"], ["text"]]


@pytest.mark.parametrize("change", [{"signed": ()}, {"model": "claude-other"}])
def test_a_run_without_its_signed_thought_goes_on_without_thinking(
    loop: RequestLoop, change: dict[str, Any]
) -> None:
    """Anthropic refuses it otherwise, for ever. The next run thinks again."""
    with ModelServer([CALL, Reply(text="done"), Reply(text="x")]) as server:
        model = model_at(server, loop, "anthropic", effort="high")
        reply = model.complete(SAID, TOOLS)
        reply = dataclasses.replace(reply, message=dataclasses.replace(reply.message, **change))
        said = [*SAID, *answered(reply)]
        last = model.complete(said, TOOLS)
        assert last.effort == "none"
        assert "thinking" not in server.last.body
        assert blocks(server.last.body) == [["tool_use"]]
        said += [last.message, UserMessage(text="And now?")]
        assert model.complete(said, TOOLS).effort == "high"


def test_signed_thoughts_of_one_model_do_not_go_to_another(loop: RequestLoop) -> None:
    with ModelServer([CALL]) as server:
        reply = model_at(server, loop, "anthropic", effort="high").complete(SAID, TOOLS)
    for dialect in ("openai", "ollama"):
        with ModelServer(lambda _seen: Reply(text="x")) as server:
            model_at(server, loop, dialect).complete([*SAID, *answered(reply)], TOOLS)
            assert "c2lnbmVk" not in str(server.last.body)


# -- OpenAI's other interface ---------------------------------------------------------------------

OPENAI = "http://eu.api.openai.com/v1"
"""Asked in the clear, through the stand-in as its proxy; LiteLLM goes by the name of the host."""


@pytest.fixture
def through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelServer], None]:
    def use(server: ModelServer) -> None:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")

    return use


@pytest.mark.parametrize("effort", [None, "high"])
def test_newer_models_of_openai_are_asked_for_tools_where_they_give_them(
    through_a_proxy: Callable[[ModelServer], None], effort: Effort | None
) -> None:
    """The older interface refuses function tools while the model reasons, which it does unasked."""
    replies = [Reply(text="I look.", calls=(Call(name="bash", arguments={"command": "ls"}),)),
               Reply(text="done")]  # fmt: skip
    with RequestLoop() as loop, ModelServer(replies) as server:
        through_a_proxy(server)
        model = model_at(server, loop, name="gpt-5.5", address=OPENAI, effort=effort)
        first = model.complete(SAID, TOOLS)
        last = model.complete([*SAID, *answered(first)], TOOLS)
        assert [seen.path for seen in server.requests] == [f"{OPENAI}/responses"] * 2
        body = server.last.body
    assert (first.message.text, first.stop_reason) == ("I look.", "tool_calls")
    assert [(each.name, each.arguments) for each in first.message.tool_calls] == [
        ("bash", '{"command": "ls"}')
    ]
    assert (last.message.text, last.stop_reason, last.usage.input_tokens) == ("done", "end", 100)
    assert [each["name"] for each in body["tools"]] == ["bash"]
    assert body["input"][-1]["type"] == "function_call_output"
    assert body.get("reasoning", {}).get("effort") == effort
    assert body["max_output_tokens"] > 0


@pytest.mark.parametrize(
    ("name", "effort", "tools"),
    [("gpt-5.5", "none", TOOLS), ("gpt-5.5", None, []), ("gpt-4o", None, TOOLS)],
)
def test_all_others_are_asked_by_the_older_one(
    through_a_proxy: Callable[[ModelServer], None],
    name: str,
    effort: Effort | None,
    tools: list[Any],
) -> None:
    with RequestLoop() as loop, ModelServer([Reply(text="x")]) as server:
        through_a_proxy(server)
        model_at(server, loop, name=name, address=OPENAI, effort=effort).complete(SAID, tools)
        assert server.last.path == f"{OPENAI}/chat/completions"
        assert server.last.body["messages"][-1]["content"] == "Train one."
        assert len(server.last.body.get("tools", [])) == len(tools)


def test_a_server_that_only_speaks_like_openai_is_not_asked_by_another_interface(
    loop: RequestLoop,
) -> None:
    with ModelServer([Reply(text="x")]) as server:
        model_at(server, loop, name="openai/gpt-5.5", effort="high").complete(SAID, TOOLS)
        assert server.last.path == "/v1/chat/completions"
        assert server.last.body["reasoning_effort"] == "high"
