"""How many tokens a model takes: asked over real HTTP, in each server's own way."""

import socket
from typing import Any

import pytest

from ml_intern.llm.client import Window
from ml_intern.llm.hosted import HostedModel, RequestLoop, hosted_model
from ml_intern.llm.hosted.names import endpoint_of
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import USUAL_ANSWER_TOKENS
from ml_intern.llm.hosted.windows import GUESS, GUESS_TOKENS, KEEP_S, LIST, RETRY_S, SERVER
from ml_intern.llm.hosted.windows import SETTINGS as SET
from tests.llm.hosted.given import SAID, TOOLS, an_endpoint, model_at, no_secrets
from tests.support.model_server import ModelServer, Reply

OPUS = "claude-opus-4-8"
KEYS = {
    "ANTHROPIC_API_KEY": "k",
    "OPENAI_API_KEY": "k",
    "HF_TOKEN": "k",
    "OPENROUTER_API_KEY": "k",
    "DEEPSEEK_API_KEY": "k",
}


class HandClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def models(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"/v1/models": {"object": "list", "data": list(entries)}}


def show(parameters: str = "", trained: int = 131_072) -> dict[str, Any]:
    info = {"general.architecture": "qwen3", "qwen3.context_length": trained}
    return {"/api/show": {"parameters": parameters, "model_info": info}}


def running(**entry: Any) -> dict[str, Any]:
    return {"/api/ps": {"models": [entry]}}


ROUTED = models(
    {
        "id": "Qwen/Qwen3-32B",
        "providers": [
            {"provider": "groq", "status": "live", "context_length": 131_072},
            {"provider": "small", "status": "live", "context_length": 40_960},
            {"provider": "gone", "status": "staging", "context_length": 4096},
            {"provider": "mute", "status": "live"},
        ],
    },
    {"id": "other/model", "providers": [{"provider": "x", "context_length": 512}]},
)


@pytest.mark.parametrize(
    ("name", "pages", "tokens"),
    [
        ("vllm/qwen3", models({"id": "qwen3", "max_model_len": 32_768}), 32_768),
        ("vllm/alias", models({"id": "/models/qwen3", "max_model_len": 32_768}), 32_768),
        (
            "openai-compat/b",
            models({"id": "a", "context_length": 4096}, {"id": "b", "context_window": 65_536}),
            65_536,
        ),
        (
            "openai-compat/b",
            models({"id": "b", "context_length": 1_000_000,
                    "top_provider": {"context_length": 200_000}}),
            200_000,
        ),
        ("openai/mine", models({"id": "mine", "meta": {"n_ctx": 16_384}}), 16_384),
        ("huggingface/Qwen/Qwen3-32B:groq", ROUTED, 131_072),
        ("huggingface/Qwen/Qwen3-32B", ROUTED, 40_960),
        ("huggingface/Qwen/Qwen3-32B:fastest", ROUTED, 40_960),
        (
            "llamacpp/any",
            {"/props": {"default_generation_settings": {"n_ctx": 12_288}, "total_slots": 1}},
            12_288,
        ),
        (
            "lm_studio/qwen3",
            {
                "/api/v0/models": {
                    "data": [
                        {"id": "qwen3", "state": "loaded", "max_context_length": 131_072,
                         "loaded_context_length": 8000},
                        {"id": "b", "state": "not-loaded", "max_context_length": 4096},
                    ]
                }
            },
            8000,
        ),
        ("ollama/qwen3", show("stop      \"x\"\nnum_ctx                 20480"), 20_480),
        ("ollama/qwen3", show() | running(name="qwen3:latest", context_length=16_384), 16_384),
    ],
)  # fmt: skip
def test_the_server_is_believed(
    loop: RequestLoop, name: str, pages: dict[str, Any], tokens: int
) -> None:
    with ModelServer([Reply(text="x")], pages=pages) as server:
        dialect = "ollama" if name.startswith("ollama") else "openai"
        window = model_at(server, loop, dialect, name=name).window()
    answer = min(USUAL_ANSWER_TOKENS, tokens // 4)
    assert (window.tokens, window.answer, window.source) == (tokens, answer, SERVER)


@pytest.mark.parametrize(
    ("name", "pages"),
    [
        ("vllm/qwen3", {}),
        ("vllm/qwen3", {"/v1/models": "not a list"}),
        ("vllm/qwen3", {"/v1/models": {"data": None}}),
        ("vllm/qwen3", models({"id": "qwen3", "max_model_len": "many"})),
        ("vllm/qwen3", models({"id": "qwen3", "max_model_len": 3})),
        ("vllm/qwen3", models({"id": "a", "max_model_len": 1e9}, {"id": "b"})),
        ("huggingface/Qwen/Qwen3-32B:nobody", ROUTED),
        ("lm_studio/b", {"/api/v0/models": {"data": [{"id": "b", "max_context_length": 131_072}]}}),
        ("ollama/qwen3", show() | {"/api/ps": {"models": []}}),
    ],
)
def test_who_does_not_tell_is_guessed_with_caution(
    loop: RequestLoop, name: str, pages: dict[str, Any]
) -> None:
    with ModelServer([Reply(text="x")], pages=pages) as server:
        dialect = "ollama" if name.startswith("ollama") else "openai"
        window = model_at(server, loop, dialect, name=name).window()
    assert (window.tokens, window.answer, window.source) == (GUESS_TOKENS, GUESS_TOKENS // 4, GUESS)


def test_no_guess_is_larger_than_what_a_model_was_trained_for(loop: RequestLoop) -> None:
    pages = show(trained=2048) | {"/api/ps": {"models": []}}
    with ModelServer([Reply(text="x")], pages=pages) as server:
        given = {"context_windows": {"ollama/*": 32_768}}
        assert model_at(server, loop, "ollama").window().tokens == 2048
        assert model_at(server, loop, "ollama", **given).window().tokens == 2048


def test_ollama_is_sent_what_is_counted_with(loop: RequestLoop) -> None:
    """What is longer it drops without a word."""
    pages = show() | {"/api/ps": {"models": []}}
    with ModelServer(lambda _seen: Reply(text="x"), pages=pages) as server:
        model_at(server, loop, "ollama").complete(SAID, TOOLS)
        options = server.last.body["options"]
        assert (options["num_ctx"], options["num_predict"]) == (GUESS_TOKENS, GUESS_TOKENS // 4)
        larger = model_at(server, loop, "ollama", context_windows={"ollama/qwen3": 32_768})
        larger.complete(SAID, TOOLS)
        assert larger.window().source == SET
        assert server.last.body["options"]["num_ctx"] == 32_768


def offline_model(name: str, **given: Any) -> HostedModel:
    return hosted_model(name, RequestLoop(), secrets=KEYS.get, **given)


def test_the_list_is_believed_where_no_server_tells() -> None:
    listed = litellm().model_cost[OPUS]["max_input_tokens"]
    window = Window(tokens=listed, answer=USUAL_ANSWER_TOKENS, source=LIST)
    assert offline_model(OPUS).window() == window


@pytest.mark.parametrize(
    ("name", "given", "thoughts"),
    [
        (OPUS, {}, False),
        (OPUS, {"effort": "none"}, False),
        (OPUS, {"effort": "high"}, True),
        ("claude-opus-5-5", {}, True),
        ("gpt-5.5", {"effort": "high"}, False),
        ("deepseek/deepseek-chat", {}, True),
    ],
)
def test_thoughts_count_where_they_go_back(
    name: str, given: dict[str, Any], thoughts: bool
) -> None:
    assert offline_model(name, **given).window().thoughts is thoughts


@pytest.mark.parametrize(
    ("settings", "tokens", "source"),
    [
        ({OPUS: 50_000}, 50_000, SET),
        ({"claude-*": 60_000, "*": 90_000, "gpt-*": 1024}, 60_000, SET),
        ({OPUS: 50_000_000}, None, LIST),
    ],
)
def test_a_smaller_setting_wins(settings: dict[str, int], tokens: int | None, source: str) -> None:
    window = offline_model(OPUS, context_windows=settings).window()
    assert window.tokens == (tokens or litellm().model_cost[OPUS]["max_input_tokens"])
    assert window.source == source


def test_a_setting_is_better_than_a_guess(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="x")], pages={}) as server:
        window = model_at(server, loop, context_windows={"vllm/*": 65_536}).window()
    assert (window.tokens, window.answer, window.source) == (65_536, USUAL_ANSWER_TOKENS, SET)


def test_the_answer_that_is_kept_free_is_the_one_that_is_asked_for(loop: RequestLoop) -> None:
    pages = models({"id": "qwen3", "max_model_len": 10_000})
    with ModelServer(lambda _seen: Reply(text="x"), pages=pages) as server:
        for given, answer in (({}, 2500), ({"max_output_tokens": 700}, 700)):
            model = model_at(server, loop, **given)
            model.complete(SAID, TOOLS)
            assert model.window().answer == server.last.body["max_tokens"] == answer


# -- when it is asked, and with what ------------------------------------------------------------


def test_it_is_asked_every_ten_minutes_and_sooner_after_a_failure(loop: RequestLoop) -> None:
    clock = HandClock()
    pages = models({"id": "qwen3", "max_model_len": 10_000})
    with ModelServer([Reply(text="x")], pages={}) as server:
        endpoint = endpoint_of("vllm/qwen3", secrets=no_secrets, api_base=server.openai_url)
        model = HostedModel(endpoint, loop, clock=clock)  # type: ignore[arg-type]
        seen = []
        for at in (0.0, RETRY_S - 1, RETRY_S, RETRY_S + KEEP_S - 1, RETRY_S + KEEP_S):
            clock.seconds = at
            if at == RETRY_S:
                server.pages |= pages
            if at == RETRY_S + KEEP_S:
                server.pages.clear()
            seen.append((model.window().tokens, len(server.lookups)))
    assert seen == [(GUESS_TOKENS, 1), (GUESS_TOKENS, 1), (10_000, 2), (10_000, 2), (10_000, 3)]


def test_a_server_that_says_nothing_is_not_waited_for_long(loop: RequestLoop) -> None:
    """What a request to it would say is better than a conversation that is cut to a guess."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"http://127.0.0.1:{silent.getsockname()[1]}"
        given = {"api_base": where, "secrets": no_secrets}
        assert hosted_model("vllm/m", loop, **given).window() is None
        known = hosted_model("vllm/m", loop, **given, context_windows={"*": 50_000}).window()
        assert (known.tokens, known.source) == (50_000, SET)


def test_the_key_goes_to_the_server_of_the_model_and_nowhere_else(loop: RequestLoop) -> None:
    pages = models({"id": "qwen3", "max_model_len": 10_000})
    with ModelServer([Reply(text="x")], pages=pages) as server:
        model_at(server, loop, api_key="mine").window()
        assert server.lookups[-1].headers["authorization"] == "Bearer mine"
        model_at(server, loop).window()
        assert "authorization" not in server.lookups[-1].headers


def test_no_redirect_is_followed(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="x")], pages=models()) as elsewhere:
        there = f"{elsewhere.openai_url}/models"
        with ModelServer([Reply(text="x")], pages={}, moved={"/v1/models": there}) as server:
            assert model_at(server, loop, api_key="mine").window().source == GUESS
            assert len(server.lookups) == 1
        assert elsewhere.lookups == []


@pytest.mark.parametrize(("offline", "asked"), [("0", 2), ("1", 1)])
def test_nobody_far_away_is_asked_offline(
    loop: RequestLoop, monkeypatch: pytest.MonkeyPatch, offline: str, asked: int
) -> None:
    """The stand-in is also the proxy through which somebody far away would be asked."""
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    pages = models({"id": "qwen3", "max_model_len": 10_000})
    with ModelServer([Reply(text="x")], pages=pages) as server:
        monkeypatch.setenv("http_proxy", server.url)
        assert model_at(server, loop).window().source == SERVER
        far = hosted_model("vllm/qwen3", loop, api_base="http://gpu.example/v1", secrets=no_secrets)
        assert far.window().source == GUESS
        assert len(server.lookups) == asked


@pytest.mark.parametrize(
    ("name", "given", "told_by"),
    [
        (OPUS, {}, ""),
        ("gpt-5.5", {}, ""),
        ("gpt-5.5", {"api_base": "http://127.0.0.1:1/v1"}, "models"),
        ("openrouter/x/y", {}, "models"),
        ("hf/Qwen/Qwen3-32B", {}, "router"),
        ("groq/x", {}, ""),
        ("ollama/x", {}, "ollama"),
    ],
)
def test_who_is_asked(name: str, given: dict[str, Any], told_by: str) -> None:
    keys = {**KEYS, "GROQ_API_KEY": "k"}
    assert an_endpoint(name, keys, **given).window_told_by == told_by


# -- money -------------------------------------------------------------------------------------


def test_more_than_the_window_is_never_reserved_for() -> None:
    price = litellm().model_cost["gpt-4o"]
    model = offline_model("gpt-4o", max_output_tokens=1)
    huge = [*SAID, type(SAID[1])(text="x" * 5_000_000)]
    most = model.worst_cost_micro_usd(huge, [], None)
    assert most == pytest.approx(
        (price["max_input_tokens"] * price["input_cost_per_token"]) * 1e6, abs=20
    )
    guessed = offline_model("gpt-4o", max_output_tokens=1, context_windows={"*": 8000})
    assert guessed.worst_cost_micro_usd(huge, [], None) == most
