"""Tiny real data for the recipes, and a way to run them as the processes they are."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.support.nursery import Child, Nursery

WITHOUT_TORCH = importlib.util.find_spec("torch") is None
collect_ignore_glob = ["test_*.py"] if WITHOUT_TORCH else []  # they need the train extra
RECIPES = Path(__file__).parents[2] / "ml_intern" / "recipes"
OFFLINE = {"HF_HUB_OFFLINE": "1"}
LIMIT_S = 120.0


def environment() -> dict[str, str]:
    """The environment of a recipe's process: one thread, no network."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **OFFLINE}


def run_anew(script: Path, *args: Any, cwd: Path | None = None) -> Any:
    """Run a script as a person does, imports and all; its answer is that of `Scripts.run`."""
    return subprocess.run(
        [sys.executable, str(script), *map(str, args)],
        env=environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


class Scripts:
    """Runs recipes as processes of their own, which find their imports in memory."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery = nursery
        self._folder = folder

    def run(self, script: str, *args: Any) -> Any:
        """Run one to its end; its answer has `returncode`, `stdout` and `stderr`."""
        return self._ended("tests.recipes.as_script", RECIPES / script, *args)

    def run_synced(self, told: Path, script: str, *args: Any) -> Any:
        """The same; `told` tells what reached the disk (see `tests/recipes/synced.py`)."""
        return self._ended("tests.recipes.synced", told, RECIPES / script, *args)

    @contextmanager
    def started(self, script: str, *args: Any) -> Iterator[tuple[Child, TextIO]]:
        """One that runs, and its standard output while it comes."""
        output, errors = self._new("output"), self._new("errors")
        os.mkfifo(output)
        child = self._child("tests.recipes.as_script", RECIPES / script, *args, to=(output, errors))
        with output.open() as said:
            yield child, said
            child.wait(LIMIT_S)

    def _ended(self, module: str, *words: Any) -> subprocess.CompletedProcess[str]:
        output, errors = self._new("output"), self._new("errors")
        status = self._child(module, *words, to=(output, errors)).wait(LIMIT_S)
        return subprocess.CompletedProcess(words, status, output.read_text(), errors.read_text())

    def _child(self, module: str, *words: Any, to: tuple[Path, Path]) -> Child:
        output, errors = to
        return self._nursery.child(
            module,
            *map(str, words),
            environment=environment(),
            folder=self._folder,
            output=output,
            errors=errors,
        )

    def _new(self, name: str) -> Path:
        return self._folder / f"{name}-{len(list(self._folder.iterdir()))}.txt"


def check_all_is_on_the_disk_before_it_is_called_whole(output_dir: Path, told: Path) -> None:
    """In which order a script has its files on the disk and names them whole."""
    synced: set[str] = set()
    checkpoints = 0
    for line in told.read_text().splitlines():
        verb, _, path = line.partition(" ")
        if verb == "saves":
            checkpoints += 1
            folder = Path(path).parent
            files = {str(file) for file in folder.iterdir()} if folder.exists() else set()
            assert files - synced <= {path}, path
        elif path == str(output_dir / "done.json.tmp"):
            assert {str(file) for file in output_dir.glob("*.safetensors")} <= synced
        synced.add(path)
    assert checkpoints >= 3
    assert (output_dir / "done.json").exists()


def json_lines(text: str) -> list[dict[str, Any]]:
    """All lines of a text, each of which must be one JSON object."""
    return [json.loads(line) for line in text.splitlines()]


def first_step(lines: str) -> tuple[float, float]:
    """Loss and gradient norm of the first step that a run logged."""
    line = next(line for line in json_lines(lines) if line["event"] == "log")
    assert line["step"] == 1
    return line["loss"], line["grad_norm"]


def write_images(folder: Path, numbers: range) -> Path:
    """Write some of scikit-learn's 8x8 grey images as PNG files with a metadata.jsonl."""
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    folder.mkdir(parents=True)
    lines = []
    for number in numbers:
        pixels = (data.images[number] * 15).astype("uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append({"file_name": f"{number}.png", "label": f"class {data.target[number]}"})
    write_lines(folder / "metadata.jsonl", lines)
    return folder


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def sentences_and_statements() -> list[dict[str, str]]:
    """Docstrings and statements of some standard modules, in turn: prose and code."""
    prose: list[str] = []
    code: list[str] = []
    for name in ("argparse", "inspect", "pathlib", "shutil", "tarfile", "typing"):
        source = Path(sysconfig.get_paths()["stdlib"], f"{name}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                prose.append((ast.get_docstring(node) or "")[:120])
                code.append(ast.unparse(node.body[-1])[:120])
    pairs = zip(filter(None, prose), filter(None, code), strict=False)
    return [
        row
        for text, statement in pairs
        for row in ({"text": text, "label": "prose"}, {"text": statement, "label": "code"})
    ]


@pytest.fixture(scope="session")
def recipes_nursery() -> Iterator[Nursery]:
    with Nursery("tests.recipes.warm", **OFFLINE) as made:
        yield made


@pytest.fixture
def scripts(recipes_nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Scripts:
    return Scripts(recipes_nursery, tmp_path_factory.mktemp("scripts"))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `train` (600 images of 10 classes) and `validation` (100 others)."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder / "train", range(600))
    write_images(folder / "validation", range(600, 700))
    return folder


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files `train.jsonl` (240 texts of 2 classes) and `validation.jsonl` (60 others)."""
    folder = tmp_path_factory.mktemp("texts")
    rows = sentences_and_statements()
    write_lines(folder / "train.jsonl", rows[:240])
    write_lines(folder / "validation.jsonl", rows[240:300])
    return folder


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a recipe's `main` with bad input and return its one line on standard error."""

    def run(recipe: Any, *args: Any) -> str:
        assert recipe.main([str(arg) for arg in args]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        return said.err

    return run
