"""Which names mean a model whose weights are here."""

from pathlib import Path

import pytest

from ml_intern.errors import ConfigError
from ml_intern.llm.weights.names import Place, place_of


def folder(tmp_path: Path, *files: str) -> str:
    for name in files:
        (tmp_path / name).touch()
    return f"transformers/{tmp_path}"


def test_a_folder_of_safetensors_is_a_model(tmp_path):
    name = folder(tmp_path, "config.json", "model.safetensors")
    assert Place(name=name, folder=str(tmp_path)) == place_of(name)


def test_the_folder_may_be_below_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder(tmp_path, "config.json", "model.safetensors")
    assert str(tmp_path) == place_of("transformers/~").folder


@pytest.mark.parametrize("place", ["Qwen/Qwen3-0.6B", "gpt2", "a_b/c.d-e"])
def test_anything_else_is_a_repository(place):
    name = f"transformers/{place}"
    assert Place(name=name, repository=place) == place_of(name)


@pytest.mark.parametrize("place", ["", "a/b/c", "./here", "../x", "a/..", "a b", "https://x/y"])
def test_what_is_neither_is_refused(place):
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        place_of(f"transformers/{place}")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "holds no model"),
        (("model.safetensors",), "holds no model"),
        (("config.json", "pytorch_model.bin"), "pickled"),
        (("adapter_config.json", "adapter_model.safetensors"), "merge it"),
    ],
)
def test_a_folder_without_a_model_is_refused_with_the_reason(tmp_path, files, words):
    with pytest.raises(ConfigError, match=words):
        place_of(folder(tmp_path, *files))


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        place_of(f"transformers/{tmp_path}/none")
    with pytest.raises(ConfigError, match="llamacpp"):
        place_of(f"transformers/{tmp_path}/model.gguf")
