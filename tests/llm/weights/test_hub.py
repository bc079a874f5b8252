"""Models of the Hub: weighed before they are fetched, fetched once, and then without a network."""

import sys
from pathlib import Path

import pytest

from ml_intern.errors import Refused, Retryable
from ml_intern.llm.weights import Wanted, weights_model
from ml_intern.messages import ToolSpec, UserMessage
from tests.llm.weights import tiny
from tests.llm.weights.hub import ModelHub

pytestmark = pytest.mark.timeout(300)

ASKED = [UserMessage(text="What is twice 21?")]
DOUBLE = ToolSpec(name="double", description="Double it.", parameters={"type": "object"})
TOKEN = "hf_not_a_real_token"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "cache"


def client(name, hub):
    return weights_model(
        f"transformers/org/{name}",
        python=Path(sys.executable),
        wanted=Wanted(),
        token=lambda: TOKEN,
        endpoint=hub.url,
    )


def test_a_model_is_fetched_once_and_then_needs_no_hub(folder, tmp_path, monkeypatch):
    odd = tiny.variant(folder, tmp_path / "odd")
    (odd / "pytorch_model.bin").write_bytes(b"a pickle")
    (odd / "modeling.py").write_text("raise SystemExit")
    with ModelHub(tiny=odd) as hub:
        model = client("tiny", hub)
        assert model.window().tokens == 32_768
        reply = model.complete(ASKED, [DOUBLE])
        model.close()
    assert reply.message.tool_calls[0].name == "double"
    fetched = {path.rpartition("/")[2] for _, path, _, size in hub.seen if size}
    assert "model.safetensors" in fetched
    assert not {"pytorch_model.bin", "modeling.py"} & fetched
    assert {token for _, _, token, _ in hub.seen} == {TOKEN}

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again = client("tiny", hub)
    assert again.complete(ASKED, [DOUBLE]).message == reply.message
    again.close()


def test_one_that_does_not_fit_is_not_fetched(folder, tmp_path):
    large = tiny.configured(tiny.variant(folder, tmp_path / "large"), num_hidden_layers=100_000_000)
    weights_bytes = (large / "model.safetensors").stat().st_size
    (large / "tokenizer.json").write_text("never fetched")
    with ModelHub(large=large) as hub:
        model = client("large", hub)
        with pytest.raises(Refused, match="no room"):
            model.complete(ASKED, [])
        model.close()
    assert not [path for _, path, _, _ in hub.seen if "tokenizer.json" in path]
    assert max(size for _, path, _, size in hub.seen if "safetensors" in path) < weights_bytes


def test_what_the_hub_does_not_have_is_refused(folder, tmp_path):
    pickled = tiny.variant(folder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with ModelHub(pickled=pickled) as hub:
        model = client("none", hub)
        with pytest.raises(Refused, match="no model org/none") as caught:
            model.complete(ASKED, [])
        model.close()
        pickled = client("pickled", hub)
        with pytest.raises(Refused, match="pickled ones run code"):
            pickled.complete(ASKED, [])
        pickled.close()
    assert caught.value.trouble == "model"


def test_a_hub_that_is_away_is_asked_again(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with ModelHub() as hub:
        model = client("tiny", hub)
        with pytest.raises(Retryable, match="not in the cache"):
            model.complete(ASKED, [])
        assert (model.window().tokens, model.window().source) == (32_768, "a guess")
        model.close()
    assert hub.seen == []
