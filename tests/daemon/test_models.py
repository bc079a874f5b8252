"""Which client a name in the settings means."""

import subprocess
import sys

import pytest

from ml_intern.daemon.models import Models, chain_of, known_price
from ml_intern.errors import ConfigError
from ml_intern.llm.weights import WeightsModel
from ml_intern.settings import Settings

WARM = """
import sys
from ml_intern.daemon.models import Models
from ml_intern.settings import Settings
for fallback in ("gpt-5.5", "vllm/b"):
    Models(Settings(model="transformers/org/tiny", fallback_models=(fallback,))).warm()
    print("litellm" in sys.modules)
"""


def test_a_model_from_weights_is_made_once_costs_nothing_and_starts_nothing():
    name = "transformers/org/tiny"
    models = Models(Settings())
    model = models.named(name)
    assert isinstance(model, WeightsModel)
    assert (models.named(name), model.name, model.pid) == (model, name, None)
    assert known_price(name, Settings()).origin == "free"
    models.close()


def test_a_folder_that_holds_no_model_is_an_error_of_the_settings(tmp_path):
    with pytest.raises(ConfigError, match="holds no model"):
        Models(Settings()).named(f"transformers/{tmp_path}")


def test_a_chain_is_the_model_of_the_session_and_then_the_others():
    settings = Settings(model="vllm/a", fallback_models=("gpt-5.5", "vllm/a", "vllm/b"))
    assert chain_of("vllm/a", settings) == ("vllm/a", "gpt-5.5", "vllm/b")
    assert chain_of("vllm/c", settings) == ("vllm/c", "gpt-5.5", "vllm/a", "vllm/b")
    assert chain_of("vllm/a", Settings()) == ("vllm/a",)


@pytest.mark.parametrize("name", ["autopilot", "replay//a.jsonl", "scripted//a.jsonl"])
def test_a_model_that_goes_by_more_than_the_conversation_stands_alone(name):
    assert chain_of(name, Settings(fallback_models=("gpt-5.5",))) == (name,)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("gpt-5.5", "OPENAI_API_KEY"), ("openai-compat/m", "OPENAI_COMPAT_BASE_URL")],
)
def test_what_a_fallback_lacks_is_never_to_be_set_as_that_of_the_first(monkeypatch, name, variable):
    monkeypatch.delenv(variable, raising=False)
    first = Models(Settings(model=name))
    with pytest.raises(ConfigError, match=rf"{variable}.*or `api_(key|base)` in the settings"):
        first.named(name)
    fallback = Models(Settings(api_key="of-the-first", api_base="http://127.0.0.1:9"))
    with pytest.raises(ConfigError, match=variable) as raised:
        fallback.named(name)
    assert "`api_" not in str(raised.value)


def test_a_fallback_is_loaded_for_beforehand_unless_it_cannot_be_used(monkeypatch):
    """In a process of its own, because what is loaded once stays loaded."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
