"""The image recipe: real data, real processes."""

import dataclasses
import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
    pipeline,
)

from ml_intern.recipes import image_classification as recipe
from ml_intern.recipes import score_classifier
from tests.recipes.conftest import (
    RECIPES,
    Scripts,
    check_all_is_on_the_disk_before_it_is_called_whole,
    first_step,
    json_lines,
    run_anew,
    write_lines,
)

pytestmark = pytest.mark.timeout(180)  # they train

SCRIPT = "image_classification.py"
SOURCE = (RECIPES / SCRIPT).read_text(encoding="utf-8")


def settings(images: Path, output_dir: Path) -> list[Any]:
    """Eight short epochs on the tiny data."""
    data = ["--train_dir", images / "train", "--validation_dir", images / "validation"]
    return [*data, "--output_dir", output_dir, "--num_train_epochs", 8, "--learning_rate", 2e-3]


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A finished run: its folder and the metric lines that it printed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    result = run_anew(RECIPES / SCRIPT, *settings(images, folder))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return folder, json_lines(result.stdout)


def test_run_prints_metric_lines_and_nothing_else(trained: tuple[Path, list[Any]]) -> None:
    folder, lines = trained
    assert json_lines((folder / "metrics.jsonl").read_text()) == lines
    assert {line["event"] for line in lines[:-1]} == {"log", "evaluate"}
    log = next(line for line in lines if line["event"] == "log")
    assert list(log) == [
        *("event", "step", "max_steps", "epoch", "loss", "grad_norm", "learning_rate")
    ]
    last = lines[-1]
    assert (last["event"], last["step"], last["max_steps"]) == ("done", 152, 152)
    assert list(last) == [
        *("event", "step", "max_steps", "epoch", "train_loss", "best_metric", "seconds")
    ]


def test_done_marker_tells_how_the_model_came_to_be(trained: tuple[Path, list[Any]]) -> None:
    folder, lines = trained
    done = json.loads((folder / "done.json").read_text())
    accuracies = {
        line["step"]: line["eval_accuracy"] for line in lines if line["event"] == "evaluate"
    }
    assert done["global_step"] == done["max_steps"] == 152
    assert done["best_metric"] == max(accuracies.values()) == accuracies[done["best_step"]]
    assert done["best_metric"] > 0.6
    assert done["arguments"]["num_train_epochs"] == 8
    assert not list(folder.glob("*.tmp"))


def test_new_process_measures_the_accuracy_of_the_best_model(
    scripts: Scripts, trained: tuple[Path, list[Any]], images: Path
) -> None:
    """Weights and preprocessing survive saving: not one prediction differs."""
    folder, _ = trained
    result = scripts.run(
        "score_classifier.py", "--model_dir", folder, "--data", images / "validation"
    )
    (score,) = json_lines(result.stdout)
    assert score["accuracy"] == json.loads((folder / "done.json").read_text())["best_metric"]
    assert result.stderr == ""


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pipeline_reads_what_was_trained_on_grey_images(
    trained: tuple[Path, list[Any]], images: Path, tmp_path: Path, mode: str
) -> None:
    """Pipelines hand over every image in colour."""
    folder, _ = trained
    classify = pipeline("image-classification", str(folder))
    classifier = score_classifier.load_classifier(folder)
    files = sorted((images / "validation").glob("*.png"))[:20]
    expected = classifier.logits(files).softmax(dim=-1)
    for file, scores in zip(files, expected, strict=True):
        Image.open(file).convert(mode).save(tmp_path / file.name)
        best, *_ = classify(str(tmp_path / file.name))
        assert best["label"] == classifier.names[scores.argmax()]
        assert best["score"] == pytest.approx(scores.max().item(), abs=1e-4)


def test_grey_model_sees_a_colour_image_as_if_it_were_grey() -> None:
    torch.manual_seed(7)
    config = ViTConfig(image_size=8, patch_size=2, num_channels=1, hidden_size=16, num_labels=3)
    grey = ViTForImageClassification(config).eval()
    colour = recipe.in_colour(grey).eval()
    narrow = ViTImageProcessorPil(
        size={"height": 8, "width": 8}, image_mean=[0.5], image_std=[0.5], do_convert_rgb=False
    )
    wide = recipe.processor_in_colour(narrow)

    def logits(model: Any, processor: Any, picture: Image.Image) -> torch.Tensor:
        with torch.inference_mode():
            return model(**processor(images=[picture], return_tensors="pt")).logits

    pixels = torch.randint(0, 256, (8, 8), dtype=torch.uint8)
    noise = Image.fromarray(pixels.numpy())
    picture = Image.merge("RGB", (noise, noise.rotate(90), noise.rotate(180)))
    expected = logits(grey, narrow, picture.convert("L"))
    assert torch.allclose(logits(colour, wide, picture.convert("L")), expected, atol=1e-5)
    rounded = logits(colour, wide, picture) - expected  # Pillow rounds the grey of each pixel
    another = logits(colour, wide, noise) - expected
    assert rounded.norm() < 0.1 * another.norm()


def test_run_cut_by_sigterm_goes_on_to_the_same_weights(
    scripts: Scripts, trained: tuple[Path, list[Any]], images: Path, tmp_path: Path
) -> None:
    """Same seed, same result, with a stop in the middle of an epoch or without one."""
    with scripts.started(SCRIPT, *settings(images, tmp_path)) as (process, said):
        while json.loads(said.readline())["step"] < 60:
            pass
        process.send_signal(signal.SIGTERM)
        rest = json_lines(said.read())
    assert process.returncode == 128 + signal.SIGTERM
    assert rest[-1]["event"] == "interrupted"
    assert not (tmp_path / "done.json").exists()

    resumed = scripts.run(SCRIPT, *settings(images, tmp_path), "--resume_from_checkpoint", "last")

    folder, whole = trained
    assert resumed.returncode == 0, resumed.stderr
    evaluations = [line for line in whole if line["event"] == "evaluate"]
    told = json_lines((tmp_path / "metrics.jsonl").read_text())
    assert [line for line in told if line["event"] == "evaluate"] == evaluations
    assert told[-1] | {"seconds": 0} == whole[-1] | {"seconds": 0}
    weights = [(run / "model.safetensors").read_bytes() for run in (tmp_path, folder)]
    assert weights[0] == weights[1]


def saved_beit(folder: Path) -> Path:
    """A model whose loss, unlike ViT's, does not know how many rows a whole step has."""
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    sizes = {"intermediate_size": 64, "image_size": 8, "patch_size": 2, "num_channels": 1}
    config = BeitConfig(**shape, **sizes, num_labels=10, drop_path_rate=0)
    BeitForImageClassification(config).save_pretrained(folder)
    size = {"height": 8, "width": 8}
    processor = ViTImageProcessorPil(
        size=size, image_mean=[0.5], image_std=[0.5], do_convert_rgb=False
    )
    processor.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("pretrained", [False, True])
def test_a_batch_in_parts_makes_the_same_step(
    pretrained: bool, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A memory repair trades rows per pass for passes, and must change nothing else."""
    model = ["--model_name_or_path", saved_beit(tmp_path / "beit")] if pretrained else []
    steps = []
    for rows, passes in ((32, 1), (8, 4)):
        given = [
            *(*settings(images, tmp_path / str(rows)), *model),
            *("--per_device_train_batch_size", rows, "--gradient_accumulation_steps", passes),
            *("--num_train_epochs", 1, "--max_train_samples", 64, "--logging_steps", 1),
            *("--augment", 0, "--hidden_dropout_prob", 0),
        ]
        assert recipe.main(list(map(str, given))) == 0
        steps.append(first_step(capsys.readouterr().out))
    assert steps[1] == pytest.approx(steps[0], rel=1e-3)


def test_diverging_run_stops_with_floating_point_error(
    scripts: Scripts, images: Path, tmp_path: Path
) -> None:
    result = scripts.run(SCRIPT, *settings(images, tmp_path), "--learning_rate", 1e30)
    assert result.returncode == 1
    assert re.search(
        r"\nFloatingPointError: loss is nan at step \d+ \(learning_rate=1e\+30\)", result.stderr
    )
    assert json_lines(result.stdout)[-1]["loss"] is None
    assert not (tmp_path / "done.json").exists()


def test_copied_file_runs_alone_with_defaults_rewritten(images: Path, tmp_path: Path) -> None:
    changes = {
        "train_dir": str(images / "train"),
        "validation_dir": str(images / "validation"),
        "per_device_train_batch_size": 16,
        "hidden_size": 32,
        "dummy_forward": True,
    }
    source = SOURCE
    for name, value in changes.items():
        source = rewrite(source, name, value)
    (tmp_path / "train.py").write_text(source, encoding="utf-8")
    result = run_anew(tmp_path / "train.py", cwd=tmp_path)
    (line,) = json_lines(result.stdout)
    assert line["input_shape"] == [16, 1, 8, 8]
    assert line["hidden_size"] == 32
    assert [file.name for file in tmp_path.iterdir()] == ["train.py"]


def rewrite(source: str, name: str, value: Any) -> str:
    """Change the default of one argument on its line."""
    changed, count = re.subn(
        rf"^    {name}: (\w+) = (.*)$",
        lambda match: f"    {name}: {match[1]} = {value!r}",
        source,
        flags=re.MULTILINE,
    )
    assert count == 1
    return changed


@pytest.mark.parametrize("field", dataclasses.fields(recipe.Arguments), ids=lambda f: f.name)
def test_default_stands_alone_on_its_line(field: Any) -> None:
    (default,) = re.findall(rf"^    {field.name}: \w+ = (.*)$", SOURCE, flags=re.MULTILINE)
    assert default not in ("", "field(")
    assert field.default == eval(default)


def test_help_explains_every_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        recipe.main(["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    for field in dataclasses.fields(recipe.Arguments):
        assert f"--{field.name}" in said
        assert field.metadata["help"]
    assert "peak learning rate" in said
    assert "--dummy-forward" in said


def test_dummy_forward_describes_the_real_step(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recipe.main([*map(str, settings(images, tmp_path / "run")), "--dummy-forward"]) == 0
    line = json.loads(capsys.readouterr().out)
    expected = {
        "event": "dummy_forward",
        "parameters": 69706,  # of the model that is saved: it takes colour
        "num_labels": 10,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "sequence_length": 17,
        "vocab_size": None,
        "input_shape": [32, 1, 8, 8],
        "logits_shape": [32, 10],
        "per_device_train_batch_size": 32,
        "gradient_accumulation_steps": 1,
        "train_rows": 600,
        "validation_rows": 100,
        "output_dir": str(tmp_path / "run"),
    }
    assert {key: line[key] for key in expected} == expected
    assert 1.5 < line["loss"] < 4
    assert line["peak_memory_bytes"] > 100 * 1024**2
    assert not (tmp_path / "run").exists()


def test_smoke_run_leaves_nothing_behind(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert recipe.main([*map(str, settings(images, tmp_path / "run")), "--smoke"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "smoke"
    assert len(line["losses"]) == line["steps"] == 3
    assert 0 <= line["eval_accuracy"] <= 1
    assert list(tmp_path.iterdir()) == []


def test_one_class_too_few_fails_in_torch_words(images: Path) -> None:
    args = [*map(str, settings(images, images)), "--num_labels", "9"]
    with pytest.raises(IndexError, match=r"Target 9 is out of bounds"):
        recipe.main([*args, "--dummy_forward"])


def test_sub_folders_name_labels_and_rows_are_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Colour images of 30 x 20 pixels become 32 x 32, and an eighth of them is held out."""
    for label, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        (tmp_path / label).mkdir()
        for number in range(20):
            Image.new("RGB", (30, 20), colour).save(tmp_path / label / f"{number}.jpg")
    args = ["--train_dir", str(tmp_path), "--train_val_split", "0.125", "--dummy_forward"]
    assert recipe.main(args) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["input_shape"] == [32, 3, 32, 32]
    assert (line["train_rows"], line["validation_rows"]) == (35, 5)


def test_data_set_is_read_through_the_datasets_library(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    refused: Callable[..., str],
) -> None:
    """A local folder goes the same way as an id on the Hub."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    args = ["--dataset_name", str(images), "--dummy_forward"]
    assert recipe.main(args) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["train_rows"], line["validation_rows"], line["num_labels"]) == (600, 100, 10)
    assert "nearest: image" in refused(recipe, *args, "--image_column_name", "img")
    assert "Unknown split" in refused(recipe, *args, "--validation_split_name", "dev")


def test_saved_model_is_fine_tuned_without_network(
    trained: tuple[Path, list[Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A head for other labels; the rest of the weights and the preprocessing come along."""
    folder, _ = trained
    for label, shade in (("dark", 0), ("light", 255)):
        (tmp_path / label).mkdir()
        for number in range(10):
            Image.new("L", (16, 16), shade).save(tmp_path / label / f"{number}.png")
    assert (
        recipe.main(
            [
                *("--train_dir", str(tmp_path), "--model_name_or_path", str(folder)),
                *("--dummy_forward", "--gradient_checkpointing"),
            ]
        )
        == 0
    )
    line = json.loads(capsys.readouterr().out)
    assert line["logits_shape"] == [32, 2]
    assert line["input_shape"] == [32, 3, 8, 8]


def test_images_that_do_not_fit_in_memory_train_the_same(
    images: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    args = recipe.parse_arguments([str(arg) for arg in settings(images, images)])
    kept, read = (recipe.build_task(args).train for _ in range(2))
    kept.decode_once()
    monkeypatch.setattr(recipe, "IMAGES_IN_MEMORY_BYTES", 0)
    read.decode_once()
    assert read.pixels is None
    assert kept.pixels is not None
    rows = [3, 1, 2]
    assert kept.__getitems__(rows)["pixel_values"].equal(read.__getitems__(rows)["pixel_values"])


def test_fresh_run_does_not_mix_with_an_earlier_one(
    trained: tuple[Path, list[Any]], images: Path, refused: Callable[..., str]
) -> None:
    folder, _ = trained
    said = refused(recipe, *settings(images, folder))
    assert "--output_dir" in said
    assert "--resume_from_checkpoint last" in said
    assert (folder / "done.json").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--train_dir", "/nowhere"], ["--train_dir", "/nowhere", "metadata.jsonl"]),
        (["--validation_dir", "/nowhere"], ["--validation_dir", "/nowhere"]),
        (["--label_column_name", "lable"], ["--label_column_name", "'lable'", "nearest: label"]),
        (["--patch_size", "3"], ["--patch_size", "image_size=8", "1, 2, 4, 8"]),
        (["--hidden_size", "63"], ["--hidden_size", "63", "num_attention_heads=4"]),
        (["--per_device_train_batch_size", "0"], ["--per_device_train_batch_size", "1 or more"]),
        (["--lr_scheduler_type", "cosin"], ["--lr_scheduler_type", "nearest: cosine"]),
        (["--learning_rate", "fast"], ["--learning_rate", "fast"]),
        (["--learning-rat", "1"], ["--learning-rat", "nearest: --learning_rate"]),
        (["--model_name_or_path", "/nowhere"], ["--model_name_or_path", "/nowhere"]),
        (["--resume_from_checkpoint", "/nowhere"], ["--resume_from_checkpoint", "last"]),
        (["--num_labels", "1"], ["--num_labels", "2 or more"]),
        (["--push_to_hub"], ["--hub_model_id"]),
        (["--dataset_name", "owner/name"], ["--train_dir", "dataset_name"]),
    ],
)
def test_bad_argument_is_answered_in_one_line(
    args: list[str], words: list[str], images: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    said = refused(recipe, *settings(images, tmp_path / "run"), *args)
    assert [word for word in words if word not in said] == []
    assert not (tmp_path / "run").exists()


def test_bad_data_is_answered_in_one_line(tmp_path: Path, refused: Callable[..., str]) -> None:
    lines = [{"file_name": f"{i}.png", "label": "one"} for i in range(9)]
    for line in lines:
        Image.new("L", (8, 8)).save(tmp_path / line["file_name"])
    args = ["--train_dir", tmp_path, "--dummy_forward"]

    write_lines(tmp_path / "metadata.jsonl", [])
    assert f"no images in {tmp_path}" in refused(recipe, *args)

    write_lines(tmp_path / "metadata.jsonl", lines)
    assert "one label 'one'" in refused(recipe, *args)

    lines[0]["label"] = lines[1]["label"] = lines[2]["label"] = "two"
    write_lines(tmp_path / "metadata.jsonl", lines)
    (tmp_path / "4.png").write_bytes(b"no image")
    assert str(tmp_path / "4.png") in refused(recipe, *args)

    Image.new("I;16", (8, 8)).save(tmp_path / "4.png")
    assert "convert it to 8 bits" in refused(recipe, *args)

    (tmp_path / "metadata.jsonl").write_text('{"file_name": \n')
    assert "line 1 is not JSON" in refused(recipe, *args)


def test_unfinished_checkpoint_is_passed_over(tmp_path: Path) -> None:
    for step in (9, 10, 11):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step, text in ((9, '{"global_step": 9}'), (10, '{"global_step": 10}'), (11, '{"glob')):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(text)
    args = recipe.Arguments(resume_from_checkpoint="last", output_dir=str(tmp_path))
    assert recipe.find_checkpoint(args, tmp_path) == tmp_path / "checkpoint-10"
    shutil.rmtree(tmp_path / "checkpoint-10")
    assert recipe.find_checkpoint(args, tmp_path) == tmp_path / "checkpoint-9"


def test_checkpoint_with_an_empty_file_is_passed_over(tmp_path: Path) -> None:
    """As a power cut may leave it."""
    for step, weights in ((9, "w"), (10, "")):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_text(weights)
        (folder / "trainer_state.json").write_text(f'{{"global_step": {step}}}')
    assert recipe.newest_checkpoint(tmp_path) == tmp_path / "checkpoint-9"


def test_only_a_run_of_the_same_arguments_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    args = recipe.Arguments(output_dir=str(tmp_path))
    folder = tmp_path / "checkpoint-9"
    folder.mkdir()
    (folder / "trainer_state.json").write_text('{"global_step": 9}')
    with pytest.raises(recipe.BadInput):
        recipe.choose_start(args, tmp_path)

    recipe.write_whole(tmp_path / recipe.RUN, recipe.what_it_trains(args))
    assert recipe.choose_start(args, tmp_path) == folder
    assert (
        recipe.choose_start(dataclasses.replace(args, overwrite_output_dir=True), tmp_path) is None
    )
    with pytest.raises(recipe.BadInput, match="had other arguments"):
        recipe.choose_start(dataclasses.replace(args, learning_rate=0.5), tmp_path)

    (tmp_path / "done.json").write_text("{}")
    with pytest.raises(recipe.BadInput, match="is over"):
        recipe.choose_start(args, tmp_path)


def test_run_that_was_cut_before_its_first_checkpoint_starts_afresh(tmp_path: Path) -> None:
    args = recipe.Arguments(output_dir=str(tmp_path))
    (tmp_path / "checkpoint-9").mkdir()
    recipe.write_whole(tmp_path / recipe.RUN, recipe.what_it_trains(args))
    assert recipe.choose_start(args, tmp_path) is None


def test_scorer_and_recipe_prepare_an_image_alike(
    trained: tuple[Path, list[Any]], images: Path
) -> None:
    folder, _ = trained
    args = recipe.parse_arguments([str(arg) for arg in settings(images, images)])
    batch = recipe.build_task(args).validation[0]
    classifier = score_classifier.load_classifier(folder)
    pixels = classifier.pixels([images / "validation" / "600.png"])["pixel_values"]
    assert pixels.equal(batch["pixel_values"].expand(-1, 3, -1, -1))  # grey in all of them


def test_the_seed_draws_the_new_head_of_a_pretrained_model(tmp_path: Path) -> None:
    folder = str(saved_beit(tmp_path / "beit"))
    heads = [
        recipe.load_pretrained(
            recipe.Arguments(model_name_or_path=folder, seed=seed), ["red", "green"]
        )[0].classifier.weight
        for seed in (1, 1, 2)
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_what_is_called_whole_is_on_the_disk(
    scripts: Scripts, images: Path, tmp_path: Path
) -> None:
    folder, told = tmp_path / "run", tmp_path / "told"
    result = scripts.run_synced(told, SCRIPT, *settings(images, folder), "--num_train_epochs", 3)
    assert result.returncode == 0, result.stderr
    check_all_is_on_the_disk_before_it_is_called_whole(folder, told)
