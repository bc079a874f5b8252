"""From a name as people write it to an address and a key; which key may go where."""

import pytest

from ml_intern.errors import ConfigError
from tests.llm.hosted.given import an_endpoint

KEYS = {
    name: f"value of {name}"
    for name in (
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "GROQ_API_KEY",
        "GEMINI_API_KEY",
    )
}


@pytest.mark.parametrize(
    ("name", "model", "api_base"),
    [
        ("claude-opus-4-8", "anthropic/claude-opus-4-8", "https://api.anthropic.com"),
        ("anthropic/claude-opus-4-8", "anthropic/claude-opus-4-8", "https://api.anthropic.com"),
        ("gpt-5.5", "openai/gpt-5.5", "https://api.openai.com/v1"),
        ("openai/gpt-5.5", "openai/gpt-5.5", "https://api.openai.com/v1"),
        ("o4-mini", "openai/o4-mini", "https://api.openai.com/v1"),
        ("ollama/qwen2.5-coder:32b", "ollama_chat/qwen2.5-coder:32b", "http://127.0.0.1:11434"),
        ("ollama_chat/llama3.1:8b", "ollama_chat/llama3.1:8b", "http://127.0.0.1:11434"),
        ("vllm/Qwen/Qwen3-8B", "openai/Qwen/Qwen3-8B", "http://127.0.0.1:8000/v1"),
        ("llamacpp/any", "openai/any", "http://127.0.0.1:8080/v1"),
        ("lm_studio/qwen3", "openai/qwen3", "http://127.0.0.1:1234/v1"),
        ("hf/Qwen/Qwen3-32B", "openai/Qwen/Qwen3-32B", "https://router.huggingface.co/v1"),
        (
            "huggingface/moonshotai/Kimi-K2.6:novita",
            "openai/moonshotai/Kimi-K2.6:novita",
            "https://router.huggingface.co/v1",
        ),
        (
            "huggingface/together/Qwen/Qwen3-32B",
            "openai/Qwen/Qwen3-32B:together",
            "https://router.huggingface.co/v1",
        ),
        ("bedrock/us.anthropic.claude-v1:0", "bedrock/us.anthropic.claude-v1:0", None),
        ("gemini/gemini-3-pro", "gemini/gemini-3-pro", None),
        ("groq/llama-4", "groq/llama-4", None),
        ("  Claude-Opus-4-8 ", "anthropic/Claude-Opus-4-8", "https://api.anthropic.com"),
    ],
)
def test_a_name_leads_to_a_route_and_an_address(
    name: str, model: str, api_base: str | None
) -> None:
    endpoint = an_endpoint(name, KEYS)
    assert (endpoint.name, endpoint.model, endpoint.api_base) == (name, model, api_base)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("antropic/claude-opus-4-8", "Did you mean anthropic/...?"),
        ("olama/llama3", "Did you mean ollama/...?"),
        ("Qwen/Qwen3-32B", "is written huggingface/Qwen/Qwen3-32B"),
        ("llama3.1", "ollama/qwen2.5-coder:32b"),
        ("", "Write the provider before the name"),
        ("http://box:8000/v1", "Set `api_base` in the settings to it"),
        ("ollama/", "lacks a name after the slash"),
    ],
)
def test_an_unknown_name_is_answered_with_what_to_write(name: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        an_endpoint(name, KEYS)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("claude-opus-4-8", "ANTHROPIC_API_KEY"),
        ("gpt-5.5", "OPENAI_API_KEY"),
        ("hf/Qwen/Qwen3-32B", "HF_TOKEN"),
        ("openrouter/x/y", "OPENROUTER_API_KEY"),
        ("azure/mine", "AZURE_API_BASE"),
    ],
)
def test_what_is_missing_is_named_before_anybody_is_asked(name: str, variable: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        an_endpoint(name)


def test_either_name_of_the_hub_token_is_a_key() -> None:
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        assert an_endpoint("hf/Qwen/Qwen3-32B", {variable: "hf_1"}).key == "hf_1"


def test_a_providers_key_goes_to_no_other_address() -> None:
    elsewhere = "https://gateway.example/v1"
    for name in ("gpt-5.5", "claude-opus-4-8", "hf/Qwen/Qwen3-32B"):
        assert an_endpoint(name, KEYS, api_base=elsewhere).key is None
        assert an_endpoint(name, KEYS, api_base=elsewhere, api_key="own").key == "own"


def test_the_key_goes_where_the_providers_own_variable_points() -> None:
    variables = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}
    endpoint = an_endpoint("gpt-5.5", variables)
    assert (endpoint.api_base, endpoint.key) == ("https://eu.api.openai.com/v1", "k")


def test_a_local_server_gets_no_key_of_a_cloud() -> None:
    for name in ("vllm/m", "ollama/m", "llamacpp/m", "lm_studio/m"):
        assert an_endpoint(name, KEYS).key is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("127.0.0.1:11435", "http://127.0.0.1:11435"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:11434", "http://127.0.0.1:11434"),
        (":11500", "http://127.0.0.1:11500"),
        ("gpu-box", "http://gpu-box:11434"),
        ("http://gpu-box:80/", "http://gpu-box:80"),
        ("https://ollama.example", "https://ollama.example"),
    ],
)
def test_ollama_host_is_understood_as_ollama_does(said: str, meant: str) -> None:
    assert an_endpoint("ollama/m", {"OLLAMA_HOST": said}).api_base == meant


@pytest.mark.parametrize(
    ("name", "address", "key", "meant"),
    [
        ("ollama/m", "OLLAMA_BASE_URL", "OLLAMA_API_KEY", "http://box:9000"),
        ("vllm/m", "VLLM_BASE_URL", "VLLM_API_KEY", "http://box:9000/v1"),
        ("llamacpp/m", "LLAMACPP_BASE_URL", "LLAMACPP_API_KEY", "http://box:9000/v1"),
        ("lm_studio/m", "LMSTUDIO_BASE_URL", "LMSTUDIO_API_KEY", "http://box:9000/v1"),
        (
            "openai-compat/v/m",
            "OPENAI_COMPAT_BASE_URL",
            "OPENAI_COMPAT_API_KEY",
            "http://box:9000/v1",
        ),
        *(
            (f"{local}/m", "LOCAL_LLM_BASE_URL", "LOCAL_LLM_API_KEY", f"http://box:9000{path}")
            for local, path in (
                ("ollama", ""),
                ("vllm", "/v1"),
                ("llamacpp", "/v1"),
                ("lm_studio", "/v1"),
            )
        ),
    ],
)
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_the_variables_of_the_retired_project_are_understood(
    name: str, address: str, key: str, meant: str, path: str
) -> None:
    endpoint = an_endpoint(name, {address: f"http://box:9000{path}", key: "sk-fake"})
    assert (endpoint.api_base, endpoint.key) == (meant, "sk-fake")


def test_a_servers_own_variables_come_before_those_of_any_local_one() -> None:
    variables = {
        "VLLM_BASE_URL": "http://own:8000",
        "VLLM_API_KEY": "own",
        "LOCAL_LLM_BASE_URL": "http://any:8000",
        "LOCAL_LLM_API_KEY": "any",
    }
    endpoint = an_endpoint("vllm/m", variables)
    assert (endpoint.api_base, endpoint.key) == ("http://own:8000/v1", "own")


def test_the_key_of_any_local_server_goes_to_no_cloud() -> None:
    endpoint = an_endpoint("gpt-5.5", KEYS | {"LOCAL_LLM_API_KEY": "any"})
    assert endpoint.key == KEYS["OPENAI_API_KEY"]


def test_a_gateway_keeps_its_own_path_and_needs_its_address() -> None:
    given = {"OPENAI_COMPAT_BASE_URL": "https://llm.example/team-a"}
    endpoint = an_endpoint("openai-compat/vertex/claude-opus-5", given)
    assert endpoint.api_base == "https://llm.example/team-a/v1"
    assert endpoint.model == "openai/vertex/claude-opus-5"
    with pytest.raises(ConfigError, match="Set OPENAI_COMPAT_BASE_URL"):
        an_endpoint("openai-compat/m")


def test_a_local_servers_address_may_lack_its_path() -> None:
    for given in ("http://127.0.0.1:9000", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/v1"):
        assert an_endpoint("vllm/m", api_base=given).api_base == "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize("address", ["ftp://x/v1", "http://", "http://x:port/v1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="not an http"):
        an_endpoint("gpt-5.5", KEYS, api_base=address)


def test_no_sentence_shows_a_key_or_a_password_in_an_address() -> None:
    endpoint = an_endpoint("vllm/m", api_base="http://me:hunter2@box:8000/v1", api_key="sk-1")
    assert endpoint.who == "vllm/m at http://box:8000/v1"
    assert "hunter2" not in endpoint.who
    assert "sk-1" not in repr(endpoint)
    with pytest.raises(ConfigError) as raised:
        an_endpoint("vllm/m", api_base="http://me:hunter2@box:port/v1")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "api_base", "is_free"),
    [
        ("ollama/m", None, True),
        ("vllm/m", "http://localhost:8000/v1", True),
        ("llamacpp/m", "http://[::1]:8080/v1", True),
        ("vllm/m", "http://gpu-box:8000/v1", False),
        ("openai/m", "http://127.0.0.1:8000/v1", False),
    ],
)
def test_only_a_server_of_ones_own_on_this_machine_is_free(
    name: str, api_base: str | None, is_free: bool
) -> None:
    assert an_endpoint(name, KEYS, api_base=api_base).is_free is is_free


def test_what_to_set_for_a_key_is_where_the_key_came_from() -> None:
    assert an_endpoint("gpt-5.5", KEYS).key_hint == "OPENAI_API_KEY"
    for given in ({"api_key": "k"}, {"api_base": "https://gateway.example/v1"}):
        assert an_endpoint("gpt-5.5", KEYS, **given).key_hint == "`api_key` in the settings"


def test_an_account_is_taken_from_where_secrets_are() -> None:
    variables = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION_NAME": "r"}
    assert an_endpoint("bedrock/m", variables).account == {
        "aws_access_key_id": "id",
        "aws_secret_access_key": "s",
        "aws_region_name": "r",
    }
    azure = an_endpoint(
        "azure/mine", {"AZURE_API_BASE": "https://me.azure.com", "AZURE_API_KEY": "k"}
    )
    assert (azure.api_base, azure.key) == ("https://me.azure.com", "k")


def test_what_is_nearly_a_provider_is_named_without_the_list_of_all():
    with pytest.raises(ConfigError) as near:
        an_endpoint("vllmm/x")
    assert "Did you mean vllm/...?" in str(near.value)
    assert "Providers:" not in str(near.value)
    with pytest.raises(ConfigError, match="Providers: anthropic, "):
        an_endpoint("qqqq")


@pytest.mark.parametrize("is_own", [True, False])
def test_only_the_model_of_the_settings_is_said_to_have_one_without_a_key(is_own):
    """It cannot stand in for another one."""
    with pytest.raises(ConfigError, match="needs a key") as refused:
        an_endpoint("gpt-5.5", is_own=is_own)
    assert ("autopilot" in str(refused.value)) is is_own
