# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pillow>=11",
#   "safetensors>=0.5",
#   "torch>=2.6",
#   "transformers>=5.23",
# ]
# ///
# transformers is annotated in part only:
# mypy: disable-error-code="no-untyped-call"
"""Measure a saved image or text classifier on labelled rows, and print one JSON line.

The model is read from a folder without running any code of its own: safetensors weights only, no
remote code. Rows whose label the model does not know count as wrong.

Exit codes: 0 measured, 1 failed (traceback), 2 bad input (one line on stderr).
"""

import argparse
import csv
import difflib
import gc
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

gc.disable()  # what imports make stays: to look through it for garbage is a fifth of the start

import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers import logging as transformers_logging

gc.freeze()
gc.enable()

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
LONGEST_TEXT = 512  # tokens, where neither tokenizer nor model names a limit


class BadInput(Exception):
    """What a person must change: the argument, what is wrong with it, what to do next."""


class Parser(argparse.ArgumentParser):
    """Argument parser that answers a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise BadInput(f"{message}; see --help")


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(
        description=__doc__.splitlines()[0] if __doc__ else None,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--model_dir", type=Path, required=True, help="folder of a saved model")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder of images with metadata.jsonl or sub-folders; or .jsonl, .csv of texts",
    )
    parser.add_argument("--batch_size", type=int, default=64, help="rows per forward pass")
    parser.add_argument("--text_column", default="text", help="column of the texts")
    parser.add_argument("--label_column", default="label", help="column of the labels")
    args = parser.parse_args(argv)
    if args.batch_size < 1:
        raise BadInput(f"--batch_size: {args.batch_size} is too small; give 1 or more")
    return args


# ---- rows --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """What to classify (image files or texts) and the true name of each."""

    inputs: Sequence[Any]
    labels: Sequence[str]


def read_rows(args: argparse.Namespace, inputs: str) -> Rows:
    """Read labelled images or texts; `inputs` is what the model takes."""
    data: Path = args.data
    if not data.exists():
        raise BadInput(f"--data: {data} does not exist; give a folder of images or a .jsonl file")
    if data.is_dir() != (inputs == "images"):
        wanted = "a folder of images" if inputs == "images" else "a .jsonl or .csv file of texts"
        raise BadInput(f"--data: the model takes {inputs}, so give {wanted}, not {data}")
    if inputs == "texts":
        pairs = list(pick_columns(data, args.text_column, args.label_column))
    elif (data / "metadata.jsonl").is_file():
        named = pick_columns(data / "metadata.jsonl", "file_name", args.label_column)
        pairs = [(data / name, label) for name, label in named]
    else:
        files = sorted(file for file in data.glob("*/*") if file.suffix.lower() in IMAGE_SUFFIXES)
        pairs = [(file, file.parent.name) for file in files]
    if not pairs:
        raise BadInput(f"--data: no rows in {data}; give labelled rows to measure on")
    return Rows([first for first, _ in pairs], [label for _, label in pairs])


def pick_columns(path: Path, column: str, label_column: str) -> Iterator[tuple[Any, str]]:
    """Yield input and label of each record of a file."""
    for number, record in enumerate(read_records(path), start=1):
        for name in (column, label_column):
            if record.get(name) is None:
                known = [str(key) for key in record]
                close = ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.0))
                raise BadInput(f"--data: no {name!r} in row {number} of {path}; nearest: {close}")
        yield record[column], str(record[label_column])


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a .jsonl or .csv file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix.lower() == ".csv":
            yield from csv.DictReader(file)
            return
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as exc:
                raise BadInput(f"--data: {path} line {number} is not JSON ({exc}); fix it") from exc
            if not isinstance(record, dict):
                raise BadInput(f"--data: {path} line {number} is not a JSON object; fix it")
            yield record


# ---- model -------------------------------------------------------------------------------------


def kind_of_input(model_dir: Path) -> str:
    """What the model in a folder takes: "images" or "texts"."""
    if not (model_dir / "config.json").is_file():
        raise BadInput(f"--model_dir: no config.json in {model_dir}; give a saved model")
    if not list(model_dir.glob("*.safetensors")):
        raise BadInput(f"--model_dir: no .safetensors weights in {model_dir}; save the model again")
    config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    architecture = (config.get("architectures") or [""])[0]
    if architecture.endswith("ForImageClassification"):
        return "images"
    if architecture.endswith("ForSequenceClassification"):
        return "texts"
    raise BadInput(f"--model_dir: {architecture or 'the model'} is no image or text classifier")


def load_classifier(model_dir: Path) -> "Classifier":
    """Load a saved model, or say why that can not be done."""
    inputs = kind_of_input(model_dir)
    try:
        return Classifier(model_dir, inputs)
    except (OSError, ValueError, RuntimeError, SafetensorError) as exc:
        reason = str(exc).strip().splitlines()[0]
        raise BadInput(f"--model_dir: can not load {model_dir}: {reason}; save it again") from exc


class Classifier:
    """A saved model with its own preprocessing; no network, no foreign code."""

    def __init__(self, model_dir: Path, inputs: str) -> None:
        local: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        loader: Any = AutoModelForImageClassification
        if inputs == "images":
            self.processor = AutoImageProcessor.from_pretrained(model_dir, backend="pil", **local)
        else:
            loader = AutoModelForSequenceClassification
            self.processor = AutoTokenizer.from_pretrained(model_dir, **local)
        model, loading = loader.from_pretrained(
            model_dir, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **local
        )
        if absent := loading["missing_keys"]:
            raise ValueError(f"the weights lack {len(absent)} tensors, e.g. {min(absent)}")
        self.inputs = inputs
        self.model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self.names: list[str] = [name for _, name in sorted(self.model.config.id2label.items())]

    @torch.inference_mode()
    def logits(self, batch: Sequence[Any]) -> Tensor:
        """Logits [rows, classes] on the CPU for a batch of image files or texts."""
        prepare = self.pixels if self.inputs == "images" else self.tokens
        inputs = {key: value.to(self.model.device) for key, value in prepare(batch).items()}
        logits: Tensor = self.model(**inputs).logits
        return logits.float().cpu()

    def pixels(self, files: Sequence[Path]) -> dict[str, Tensor]:
        """Model inputs for image files."""
        mode = "L" if getattr(self.model.config, "num_channels", 3) == 1 else "RGB"
        images = [open_image(file).convert(mode) for file in files]
        return dict(self.processor(images=images, return_tensors="pt"))

    def tokens(self, texts: Sequence[Any]) -> dict[str, Tensor]:
        """Model inputs for texts, cut at the model's limit and padded to the longest."""
        position_limit = getattr(self.model.config, "max_position_embeddings", LONGEST_TEXT)
        limit = min(self.processor.model_max_length, position_limit)
        encoded = self.processor(
            [str(text) for text in texts],
            truncation=True,
            max_length=limit,
            padding=True,
            return_tensors="pt",
        )
        return dict(encoded)


def open_image(path: Path) -> Image.Image:
    """Decode one image; 16-bit ones are refused because Pillow would clip them to white."""
    try:
        image = Image.open(path)
        image.load()
    except (OSError, ValueError) as exc:
        raise BadInput(f"--data: can not read image {path} ({exc}); remove or repair it") from exc
    if image.mode[0] in "IF":
        raise BadInput(f"--data: image {path} has {image.mode} pixels; convert it to 8 bits")
    return image


def weights_sha256(model_dir: Path) -> str:
    """SHA-256 of the weight files, in the order of their names, as one stream."""
    digest = hashlib.sha256()
    for file in sorted(model_dir.glob("*.safetensors")):
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


# ---- score -------------------------------------------------------------------------------------


def score(classifier: Classifier, rows: Rows, batch_size: int) -> dict[str, Any]:
    """Accuracy, macro F1 and mean loss of a classifier over rows."""
    ids = {name: number for number, name in enumerate(classifier.names)}
    predicted: list[str] = []
    losses: list[float] = []
    for start in range(0, len(rows.labels), batch_size):
        logits = classifier.logits(rows.inputs[start : start + batch_size])
        truth = torch.tensor([ids.get(x, -1) for x in rows.labels[start : start + batch_size]])
        predicted += [classifier.names[i] for i in logits.argmax(dim=-1).tolist()]
        known = truth >= 0
        losses += torch.nn.functional.cross_entropy(
            logits[known], truth[known], reduction="none"
        ).tolist()
    per_class = score_classes(rows.labels, predicted)
    hits = sum(truth == guess for truth, guess in zip(rows.labels, predicted, strict=True))
    loss = math.fsum(losses) / len(losses) if losses else math.nan
    return {
        "rows": len(rows.labels),
        "accuracy": hits / len(rows.labels),
        "macro_f1": math.fsum(entry["f1"] for entry in per_class.values()) / len(per_class),
        "loss": loss if math.isfinite(loss) else None,
        "per_class": per_class,
        "unknown_labels": sorted(set(rows.labels) - set(ids)),
    }


def score_classes(labels: Sequence[str], predicted: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows, precision, recall and F1 of each label that is true or predicted somewhere."""
    true_count, guess_count = Counter(labels), Counter(predicted)
    hit_count = Counter(t for t, guess in zip(labels, predicted, strict=True) if t == guess)
    return {
        label: {
            "rows": true_count[label],
            "precision": hit_count[label] / max(guess_count[label], 1),
            "recall": hit_count[label] / max(true_count[label], 1),
            "f1": 2 * hit_count[label] / (true_count[label] + guess_count[label]),
        }
        for label in sorted({*labels, *predicted})
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        args = parse_arguments(sys.argv[1:] if argv is None else argv)
        classifier = load_classifier(args.model_dir)
        rows = read_rows(args, classifier.inputs)
        measured = score(classifier, rows, args.batch_size)
    except BadInput as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    line = {"event": "score", **measured, "weights_sha256": weights_sha256(args.model_dir)}
    print(json.dumps(line, separators=(",", ":"), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
