"""The scorer: its numbers, and what it refuses."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.metrics import accuracy_score, f1_score
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

from ml_intern.recipes import score_classifier as recipe
from tests.recipes.conftest import write_lines

COLUMNS = ["event", "rows", "accuracy", "macro_f1", "loss", "per_class", "unknown_labels"]


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A model of three classes with random weights."""
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=8,
        patch_size=4,
        num_channels=1,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        initializer_range=1.0,
        id2label=dict(enumerate("abc")),
        label2id={"a": 0, "b": 1, "c": 2},
    )
    ViTForImageClassification(config).save_pretrained(tmp_path / "model")
    ViTImageProcessorPil(
        size={"height": 8, "width": 8}, image_mean=[0.5], image_std=[0.5]
    ).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Thirty images; one in five has a label that the model does not know."""
    folder = tmp_path / "data"
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    lines = []
    for number in range(30):
        pixels = torch.randint(0, 256, (8, 8), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{number}.png")
        lines.append({"file_name": f"{number}.png", "label": "abcad"[number % 5]})
    write_lines(folder / "metadata.jsonl", lines)
    return folder


def test_numbers_agree_with_scikit_learn(
    model_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--model_dir", str(model_dir), "--data", str(data_dir), "--batch_size", "7"]
    assert recipe.main(args) == 0
    line = json.loads(capsys.readouterr().out)

    classifier = recipe.load_classifier(model_dir)
    logits = classifier.logits([data_dir / f"{number}.png" for number in range(30)])
    predicted = ["abc"[i] for i in logits.argmax(dim=-1).tolist()]
    truth = ["abcad"[number % 5] for number in range(30)]
    assert list(line) == [*COLUMNS, "weights_sha256"]
    assert line["rows"] == 30
    assert line["unknown_labels"] == ["d"]
    assert line["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert line["macro_f1"] == pytest.approx(
        f1_score(truth, predicted, average="macro", zero_division=0)
    )
    assert line["per_class"]["d"] == {"rows": 6, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    weights = (model_dir / "model.safetensors").read_bytes()
    assert line["weights_sha256"] == hashlib.sha256(weights).hexdigest()


def test_weights_of_nan_score_without_a_loss(
    model_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_file(model_dir / "model.safetensors")
    broken = {name: torch.full_like(tensor, float("nan")) for name, tensor in weights.items()}
    save_file(broken, model_dir / "model.safetensors", metadata={"format": "pt"})
    assert recipe.main(["--model_dir", str(model_dir), "--data", str(data_dir)]) == 0
    assert json.loads(capsys.readouterr().out)["loss"] is None


def remove_weights(model_dir: Path) -> None:
    (model_dir / "model.safetensors").unlink()


def pickle_weights(model_dir: Path) -> None:
    weights = load_file(model_dir / "model.safetensors")
    torch.save(weights, model_dir / "pytorch_model.bin")
    (model_dir / "model.safetensors").unlink()


def lose_the_head(model_dir: Path) -> None:
    weights = load_file(model_dir / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "classifier" not in name}
    save_file(kept, model_dir / "model.safetensors", metadata={"format": "pt"})


def cut_weights_short(model_dir: Path) -> None:
    file = model_dir / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def ask_for_foreign_code(model_dir: Path) -> None:
    file = model_dir / "config.json"
    config = json.loads(file.read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    file.write_text(json.dumps(config))
    (model_dir / "own.py").write_text("raise SystemExit('foreign code ran')")


def become_a_language_model(model_dir: Path) -> None:
    file = model_dir / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"architectures": ["GPT2LMHead"]}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (shutil.rmtree, "no config.json"),
        (remove_weights, "no .safetensors weights"),
        (pickle_weights, "no .safetensors weights"),
        (lose_the_head, "the weights lack 2 tensors, e.g. classifier.bias"),
        (cut_weights_short, "can not load"),
        (ask_for_foreign_code, "can not load"),
        (become_a_language_model, "GPT2LMHead is no image or text classifier"),
    ],
)
def test_unfit_model_is_refused(
    spoil: Callable[[Path], Any],
    words: str,
    model_dir: Path,
    data_dir: Path,
    refused: Callable[..., str],
) -> None:
    spoil(model_dir)
    said = refused(recipe, "--model_dir", model_dir, "--data", data_dir)
    assert "--model_dir" in said
    assert words in said


def test_unfit_data_is_refused(
    model_dir: Path, data_dir: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    args = ["--model_dir", model_dir, "--data"]
    assert "does not exist" in refused(recipe, *args, "/nowhere")
    (tmp_path / "empty").mkdir()
    assert "no rows" in refused(recipe, *args, tmp_path / "empty")
    file = write_lines(tmp_path / "rows.jsonl", [])
    assert "takes images" in refused(recipe, *args, file)
    said = refused(recipe, *args, data_dir, "--label_column", "lable")
    assert "no 'lable' in row 1" in said
    assert "nearest: label" in said
    (data_dir / "7.png").unlink()
    assert str(data_dir / "7.png") in refused(recipe, *args, data_dir)
    assert "--batch_size" in refused(recipe, *args, data_dir, "--batch_size", 0)


def test_missing_argument_is_named(refused: Callable[..., str]) -> None:
    assert "--model_dir" in refused(recipe, "--data", "x")
