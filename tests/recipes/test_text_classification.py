"""The text recipe: real data, real processes."""

import dataclasses
import inspect
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_intern.recipes import image_classification
from ml_intern.recipes import text_classification as recipe
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

SCRIPT = "text_classification.py"
SOURCE = (RECIPES / SCRIPT).read_text(encoding="utf-8")


def settings(texts: Path, output_dir: Path) -> list[Any]:
    """A narrow model, six short epochs on the tiny data."""
    data = ["--train_file", texts / "train.jsonl", "--validation_file", texts / "validation.jsonl"]
    size = ["--hidden_size", 64, "--intermediate_size", 128, "--max_length", 32]
    return [*data, *size, "--output_dir", output_dir, "--num_train_epochs", 6, "--logging_steps", 2]


@pytest.fixture(scope="module")
def trained(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A finished run: its folder and the metric lines that it printed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    result = run_anew(RECIPES / SCRIPT, *settings(texts, folder))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return folder, json_lines(result.stdout)


def test_run_learns_and_leaves_its_marker(trained: tuple[Path, list[Any]]) -> None:
    folder, lines = trained
    done = json.loads((folder / "done.json").read_text())
    assert json_lines((folder / "metrics.jsonl").read_text()) == lines
    assert {line["event"] for line in lines} == {"log", "evaluate", "done"}
    assert done["best_metric"] == lines[-1]["best_metric"] > 0.8
    assert done["global_step"] == done["max_steps"] == lines[-1]["step"] == 48


def test_new_process_measures_the_accuracy_of_the_best_model(
    scripts: Scripts, trained: tuple[Path, list[Any]], texts: Path
) -> None:
    folder, _ = trained
    data = texts / "validation.jsonl"
    result = scripts.run("score_classifier.py", "--model_dir", folder, "--data", data)
    (score,) = json_lines(result.stdout)
    assert score["accuracy"] == json.loads((folder / "done.json").read_text())["best_metric"]
    assert set(score["per_class"]) == {"code", "prose"}
    assert result.stderr == ""


def test_run_cut_by_sigterm_goes_on_to_the_same_weights(
    scripts: Scripts, trained: tuple[Path, list[Any]], texts: Path, tmp_path: Path
) -> None:
    with scripts.started(SCRIPT, *settings(texts, tmp_path)) as (process, said):
        while json.loads(said.readline())["step"] < 18:
            pass
        process.send_signal(signal.SIGTERM)
        said.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert not (tmp_path / "done.json").exists()

    resumed = scripts.run(SCRIPT, *settings(texts, tmp_path), "--resume_from_checkpoint", "last")

    folder, _ = trained
    assert resumed.returncode == 0, resumed.stderr
    weights = [(run / "model.safetensors").read_bytes() for run in (tmp_path, folder)]
    assert weights[0] == weights[1]


def test_run_that_was_killed_goes_on_by_itself_to_the_same_weights(
    scripts: Scripts, trained: tuple[Path, list[Any]], texts: Path, tmp_path: Path
) -> None:
    with scripts.started(SCRIPT, *settings(texts, tmp_path)) as (process, said):
        while json.loads(said.readline())["step"] < 18:
            pass
        process.kill()
    saved = max(map(recipe.step_of, tmp_path.glob("checkpoint-*")))
    assert saved >= 8
    with (tmp_path / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"event":"log","st')  # as a crash may leave it

    args = recipe.parse_arguments([str(arg) for arg in settings(texts, tmp_path)])
    with pytest.raises(recipe.BadInput, match="had other arguments"):
        recipe.choose_start(dataclasses.replace(args, learning_rate=0.5), tmp_path)

    resumed = scripts.run(SCRIPT, *settings(texts, tmp_path))
    folder, whole = trained
    assert resumed.returncode == 0, resumed.stderr
    assert json_lines(resumed.stdout)[0]["step"] > saved
    steps = [line["step"] for line in json_lines((tmp_path / "metrics.jsonl").read_text())]
    assert steps == [line["step"] for line in whole]
    weights = [(run / "model.safetensors").read_bytes() for run in (tmp_path, folder)]
    assert weights[0] == weights[1]
    done = json.loads((tmp_path / "done.json").read_text())
    assert done["global_step"] == done["max_steps"]

    with pytest.raises(recipe.BadInput, match="of an earlier run that is over"):
        recipe.choose_start(args, tmp_path)


@pytest.mark.parametrize("field", dataclasses.fields(recipe.Arguments), ids=lambda f: f.name)
def test_default_stands_alone_on_its_line(field: Any) -> None:
    (default,) = re.findall(rf"^    {field.name}: \w+ = (.*)$", SOURCE, flags=re.MULTILINE)
    assert field.default == eval(default)


def test_help_explains_every_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        recipe.main(["--help"])
    said = capsys.readouterr().out
    for field in dataclasses.fields(recipe.Arguments):
        assert f"--{field.name}" in said
        assert field.metadata["help"]


def test_dummy_forward_takes_the_longest_texts(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recipe.main([*map(str, settings(texts, tmp_path / "run")), "--dummy-forward"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["input_shape"] == [32, 32]
    assert line["logits_shape"] == [32, 2]
    assert line["sequence_length"] == 32
    assert 300 < line["vocab_size"] <= 8000
    assert 0 < line["train_rows_at_max_length"] < line["train_rows"] == 240
    assert not (tmp_path / "run").exists()


def test_smoke_run_leaves_nothing_behind(
    texts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert recipe.main([*map(str, settings(texts, tmp_path / "run")), "--smoke"]) == 0
    assert len(json.loads(capsys.readouterr().out)["losses"]) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_batch_in_parts_makes_the_same_step(
    smoothing: float, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A memory repair trades rows per pass for passes, and must change nothing else."""
    steps = []
    for rows, passes in ((32, 1), (8, 4)):
        given = [
            *settings(texts, tmp_path / str(rows)),
            *("--per_device_train_batch_size", rows, "--gradient_accumulation_steps", passes),
            *("--num_train_epochs", 1, "--max_train_samples", 64, "--logging_steps", 1),
            *("--hidden_dropout_prob", 0, "--label_smoothing_factor", smoothing),
        ]
        assert recipe.main(list(map(str, given))) == 0
        steps.append(first_step(capsys.readouterr().out))
    assert steps[1] == pytest.approx(steps[0], rel=1e-3)


def test_diverging_run_stops_with_floating_point_error(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [*map(str, settings(texts, tmp_path)), "--learning_rate", "1e30"]
    with pytest.raises(FloatingPointError, match=r"is nan at step \d+ \(learning_rate=1e\+30\)"):
        recipe.main(args)
    assert not (tmp_path / "done.json").exists()


def test_one_class_too_few_fails_in_torch_words(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": f"class {i % 3}"} for i in range(40)]
    data = write_lines(tmp_path / "rows.jsonl", rows)
    with pytest.raises(IndexError, match=r"Target 2 is out of bounds"):
        recipe.main(["--train_file", str(data), "--num_labels", "2", "--dummy_forward"])


def test_data_set_is_read_through_the_datasets_library(
    texts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A local folder goes the same way as an id on the Hub; a tenth of it is held out."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    args = ["--dataset_name", str(texts), "--validation_split_name", "", "--dummy_forward"]
    assert recipe.main(args) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["train_rows"], line["validation_rows"], line["num_labels"]) == (216, 24, 2)


def test_saved_model_is_fine_tuned_without_network(
    trained: tuple[Path, list[Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A head for other labels; the tokenizer comes along, and sets how long a text may be."""
    folder, _ = trained
    rows = [{"text": f"text {i}", "label": f"class {i % 3}"} for i in range(40)]
    data = write_lines(tmp_path / "rows.jsonl", rows)
    args = ["--train_file", str(data), "--model_name_or_path", str(folder), "--dummy_forward"]
    assert recipe.main([*args, "--max_length", "33"]) == 2
    assert "--max_length: 33 is too long; the model reads 32" in capsys.readouterr().err
    assert recipe.main([*args, "--max_length", "16", "--gradient_checkpointing"]) == 0
    assert json.loads(capsys.readouterr().out)["logits_shape"] == [32, 3]


@pytest.mark.parametrize(
    "text", ["Привет, мир", "北京的天气很好", "สวัสดีชาวโลก", "مرحبا بالعالم", "🙂🙃", ""]
)
def test_new_tokenizer_knows_every_script(text: str) -> None:
    """Also characters that were in no training text."""
    args = recipe.Arguments(train_file="x", vocab_size=300)
    tokenizer = recipe.train_tokenizer(args, ["hello world", "Привет"])
    tokens = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in tokens
    assert (tokens[0], tokens[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_csv_columns_are_read_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("id,body,kind\n" + '1,"a, b",x\n2,c,y\n' * 20)
    names = ["--text_column_name", "body", "--label_column_name", "kind"]
    assert recipe.main(["--train_file", str(data), *names, "--dummy_forward"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["train_rows"], line["validation_rows"], line["num_labels"]) == (36, 4, 2)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--train_file", "/nowhere"], ["--train_file", "/nowhere", ".jsonl"]),
        (["--text_column_name", "txt"], ["--text_column_name", "'txt'", "nearest: text"]),
        (["--hidden_size", "63"], ["--hidden_size", "63", "num_attention_heads=4"]),
        (["--vocab_size", "100"], ["--vocab_size", "100", "261"]),
        (["--model_name_or_path", "/nowhere"], ["--model_name_or_path", "/nowhere"]),
        (["--max-lenght", "1"], ["--max-lenght", "nearest: --max_length"]),
    ],
)
def test_bad_argument_is_answered_in_one_line(
    args: list[str], words: list[str], texts: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    said = refused(recipe, *settings(texts, tmp_path / "run"), *args)
    assert [word for word in words if word not in said] == []
    assert not (tmp_path / "run").exists()


def test_bad_data_is_answered_in_one_line(tmp_path: Path, refused: Callable[..., str]) -> None:
    path = tmp_path / "rows.jsonl"
    for content, words in (
        ("", "no rows"),
        ('{"text": "a"', "line 1 is not JSON"),
        ("[1]\n", "line 1 is not a JSON object"),
        ('{"text": "a", "label": "x"}\n' * 5, "one label 'x'"),
        ('{"text": "a", "label": null}\n', "no 'label' in row 1"),
    ):
        path.write_text(content)
        assert words in refused(recipe, "--train_file", path, "--dummy_forward")


def test_what_both_recipes_define_is_the_same() -> None:
    """They can not import a shared module, so a correction in one must reach the other."""
    own = {"Arguments", "Rows", "Task", "main"}
    own |= {"check_arguments", "load_splits", "load_hub", "read_split", "train", "smoke"}
    own |= {"build_task", "build_model", "build_trainer", "load_pretrained", "save_best"}
    own |= {"as_is", "dummy_forward", "describe_model"}
    different = [
        name
        for name, thing in vars(recipe).items()
        if getattr(thing, "__module__", None) == recipe.__name__
        and name not in own
        and hasattr(image_classification, name)
        and inspect.getsource(thing) != inspect.getsource(getattr(image_classification, name))
    ]
    assert different == []


def test_what_is_called_whole_is_on_the_disk(scripts: Scripts, texts: Path, tmp_path: Path) -> None:
    folder, told = tmp_path / "run", tmp_path / "told"
    result = scripts.run_synced(told, SCRIPT, *settings(texts, folder), "--num_train_epochs", 3)
    assert result.returncode == 0, result.stderr
    check_all_is_on_the_disk_before_it_is_called_whole(folder, told)
