"""What a `reproduce/` folder holds: file contents from records, and the text that explains them."""

import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.training.environment import Environment, recipe_file, training_side
from ml_intern.tools.training.finished import Finished
from ml_intern.tools.training.recipe import parameters
from ml_intern.tools.training.scorer import SCORER

_HEADER = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.MULTILINE)
_ALWAYS = ("torch", "transformers", "safetensors")
_DATA_ARGUMENTS = {
    "train_dir": "train",
    "train_file": "train",
    "validation_dir": "validation",
    "validation_file": "validation",
}
_OF_THIS_MACHINE = ("training_python", "disk_free_bytes", "available_memory_bytes")


def dependencies(source: bytes) -> list[str]:
    """Names of the packages in a script's inline header."""
    match = _HEADER.search(source.decode("utf-8", "replace"))
    if match is None:
        return []
    text = "\n".join(line[2:] for line in match[1].splitlines())
    try:
        listed = tomllib.loads(text).get("dependencies", [])
    except tomllib.TOMLDecodeError:
        return []
    return [re.split(r"[^\w.-]", name, maxsplit=1)[0] for name in listed]


def needed_packages(finished: Finished) -> list[str]:
    """What training and scoring import."""
    scorer = recipe_file(SCORER).read_bytes()
    return [*_ALWAYS, *dependencies(finished.job.source()), *dependencies(scorer)]


def requirements(environment: Environment) -> str:
    """The resolved versions, in a form that a package index can serve."""
    lines = [f"# Python {environment.python}"]
    for name, version in environment.requirements.items():
        public, _, local = version.partition("+")
        note = f"  # measured with the build +{local}" if local else ""
        lines.append(f"{name}=={public}{note}")
    return "\n".join(lines) + "\n"


def layout(name: str, splits: Mapping[str, Path]) -> dict[str, str]:
    """Where each split lies in the bundle: as in the workspace, so that relative defaults hold."""
    return {split: f"data/{name}/{split}{path.suffix}" for split, path in splits.items()}


def data_arguments(source: bytes, where: Mapping[str, str]) -> list[str]:
    """What to tell the script, if it can be told, about where the data lies."""
    known = parameters(source.decode("utf-8", "replace"))
    used = [
        name
        for name in _DATA_ARGUMENTS
        if name in known and known[name].default and _DATA_ARGUMENTS[name] in where
    ]
    return [part for name in used for part in (f"--{name}", where[_DATA_ARGUMENTS[name]])]


def documents(
    finished: Finished, where: Mapping[str, str], hardware: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON files."""
    tests = {"test": finished.test} if finished.test is not None else {}
    measured = {"validation": finished.validation, **tests}
    return {
        "run.json": {
            "arguments": data_arguments(finished.job.source(), where),
            "environment": finished.job.fact.get("environment") or {},
            "script_sha256": finished.job.sha256,
            "data": {split: path for split, path in where.items() if split in ("train", *measured)},
        },
        "metrics.json": {
            "weights_sha256": finished.validation["weights_sha256"],
            "splits": {
                split: {key: found.get(key) for key in ("rows", "metrics", "per_class")}
                for split, found in measured.items()
            },
        },
        "dataset.json": _dataset_document(finished, where),
        "hardware.json": {
            key: value for key, value in hardware.items() if key not in _OF_THIS_MACHINE
        },
    }


def _dataset_document(finished: Finished, where: Mapping[str, str]) -> dict[str, Any]:
    """What is known of the data, without the folders of this machine."""
    arguments = {**(finished.dataset.record.get("arguments") or {})}
    if "source" in arguments:
        arguments["source"] = finished.dataset.source_name
    known = {**finished.dataset.record, "source": finished.dataset.source_name, **where}
    return {**known, "arguments": arguments}


def scripts(finished: Finished) -> dict[str, bytes]:
    """The code: what trained it, what scored it, what does both again."""
    return {
        "train.py": finished.job.source(),
        "score_classifier.py": recipe_file(SCORER).read_bytes(),
        "reproduce.py": training_side("reproduce").read_bytes(),
    }


def plain_files(paths: Iterable[Path]) -> list[Path]:
    """Every file at or below `paths`. Raises InputError at a link or anything else not plain."""
    found = []
    for path in paths:
        below = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
        for entry in below:
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                raise InputError(f"{entry.name} is no plain file; prepare the data again.")
            if entry.is_file():
                found.append(entry)
    return found


def copy_split(source: Path, target: Path) -> None:
    """Copy a file or a folder of plain files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copyfile(source, target, follow_symlinks=False)


def readme(finished: Finished, where: Mapping[str, str], *, with_data: bool) -> str:
    """How to use the bundle."""
    lines = [
        "# Reproduce",
        "",
        "```",
        "pip install -r requirements.txt",
        "python reproduce.py",
        "```",
        "",
        "trains the model again with `train.py`, scores it with `score_classifier.py` on the",
        "same splits, and compares every metric with `metrics.json` to within 1e-6. It sets the",
        "variables in `run.json`; `OMP_NUM_THREADS` matters to the last digits. With other",
        "hardware (`hardware.json`) or other versions expect small differences.",
        "",
        "## Data",
        "",
        f"`{finished.dataset.source_name}`, fingerprint `{finished.dataset.fingerprint}`;",
        "how it was split is in `dataset.json`.",
    ]
    if not with_data:
        wanted = "\n".join(f"- {split}: `{path}`" for split, path in where.items())
        lines += [
            "",
            "The splits are too large to lie here. Make them again from the source with the seed",
            "and the fractions in `dataset.json` (ml-intern's prepare_dataset does it), as",
            "",
            wanted,
        ]
    return "\n".join(lines) + "\n"


def as_json(document: Any) -> bytes:
    """A JSON file for people."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
