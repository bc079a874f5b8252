# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "accelerate>=1.10",
#   "datasets>=4.0",
#   "huggingface_hub>=1.0",
#   "numpy>=1.26",
#   "pillow>=11",
#   "torch>=2.6",
#   "transformers>=5.23",
# ]
# ///
# transformers is annotated in part only:
# mypy: disable-error-code="no-untyped-call"
"""Train an image classifier, from scratch (a small ViT) or from a pretrained model.

Change a hyper-parameter on the command line, or on its own line of `Arguments`. Standard output
carries one JSON object a line and nothing else; `<output_dir>/metrics.jsonl` is a copy of it.
`<output_dir>/done.json` appears, in one piece, only when training has come to its end and the best
model is saved. A run that was cut short, by SIGTERM, a kill or the end of the machine, goes on from
its newest checkpoint when it is started again with the same arguments.

Exit codes: 0 done, 1 failed (traceback), 2 bad input (one line on stderr), 143 cut short (SIGTERM).
"""

import ast
import copy
import difflib
import gc
import inspect
import itertools
import json
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn

gc.disable()  # what imports make stays: to look through it for garbage is a fifth of the start

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    EvalPrediction,
    HfArgumentParser,
    PreTrainedModel,
    PrinterCallback,
    SchedulerType,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
    set_seed,
)
from transformers import logging as transformers_logging

gc.freeze()
gc.enable()

IMAGES_IN_MEMORY_BYTES = 2 * 1024**3  # pixels of a split above this are decoded batch by batch
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
SMOKE_STEPS = 3
RUN = "run.json"  # what a run that has begun in a folder trains
SPLIT_SEED = 0  # runs that differ in `seed` still measure on the same held-out rows


@dataclass(frozen=True)
class Arguments:
    """Every setting on a line of its own; the text below a field is its `--help`."""

    # Data
    dataset_name: str = ""
    """Hub id of the data set; leave empty to read train_dir"""
    dataset_config_name: str = ""
    """configuration of the Hub data set"""
    dataset_revision: str = ""
    """commit or branch of the Hub data set"""
    train_split_name: str = "train"
    """split of the Hub data set to train on"""
    validation_split_name: str = "validation"
    """split of the Hub data set to measure on; empty: hold out train_val_split"""
    train_dir: str = ""
    """folder with metadata.jsonl (file_name, label) or with one sub-folder per label"""
    validation_dir: str = ""
    """folder like train_dir to measure on; empty: hold out train_val_split"""
    image_column_name: str = "image"
    """image column of the Hub data set"""
    label_column_name: str = "label"
    """label column of the Hub data set or of metadata.jsonl"""
    train_val_split: float = 0.1
    """share of the training rows that is held out when there is no validation data"""
    max_train_samples: int = 0
    """use only so many training rows, drawn at random; 0: all"""
    max_eval_samples: int = 0
    """use only so many validation rows, drawn at random; 0: all"""
    num_labels: int = 0
    """number of classes; 0: count them in the data"""

    # Model
    model_name_or_path: str = ""
    """Hub id or folder of a pretrained model to fine-tune; empty: a new ViT of the sizes below"""
    model_revision: str = "main"
    """commit or branch of the pretrained model"""
    image_size: int = 0
    """side in pixels; 0: longest side of the first training image, rounded up to 4, at most 224"""
    patch_size: int = 0
    """side of a patch in pixels; 0: the smallest that gives at most 8 patches a side"""
    num_channels: int = 0
    """1 trains on grey, 3 on colour; 0: as the training images are; either takes any image later"""
    hidden_size: int = 64
    """width of the new ViT; a multiple of num_attention_heads"""
    num_hidden_layers: int = 2
    """layers of the new ViT"""
    num_attention_heads: int = 4
    """attention heads of the new ViT"""
    intermediate_size: int = 128
    """width of the feed-forward layers of the new ViT"""
    hidden_dropout_prob: float = 0.0
    """dropout in the layers of the new ViT"""
    attention_probs_dropout_prob: float = 0.0
    """dropout of attention in the new ViT"""

    # Training
    num_train_epochs: float = 25.0
    """passes over the training rows"""
    per_device_train_batch_size: int = 32
    """training rows per device and forward pass"""
    per_device_eval_batch_size: int = 256
    """validation rows per device and forward pass"""
    gradient_accumulation_steps: int = 1
    """forward passes per optimizer step"""
    learning_rate: float = 1e-3
    """peak learning rate; about 5e-5 to fine-tune a pretrained model"""
    weight_decay: float = 0.05
    """weight decay of AdamW"""
    warmup_steps: float = 0.1
    """steps of rising learning rate; below 1 a share of all steps"""
    lr_scheduler_type: str = "cosine"
    """what the learning rate does after warm-up, e.g. cosine, linear, constant_with_warmup"""
    label_smoothing_factor: float = 0.0
    """share of the target spread over all classes"""
    max_grad_norm: float = 1.0
    """gradients are clipped to this norm"""
    gradient_checkpointing: bool = False
    """recompute activations in the backward pass: less memory, about a third more time"""
    augment: float = 0.3
    """strength, 0 to 1, of random rotation, zoom, shift and noise on training images; 0: none"""
    seed: int = 42
    """seed of initial weights, order of rows, dropout and augmentation"""
    deterministic: bool = False
    """use deterministic algorithms only (slower on a GPU; on a CPU the seed is enough)"""
    use_cpu: bool = False
    """stay on the CPU even where CUDA is present"""
    dataloader_num_workers: int = 0
    """processes that decode images; 0: none"""
    logging_steps: int = 10
    """optimizer steps between two log lines"""

    # Output
    output_dir: str = "output"
    """folder for the best model, checkpoints, metrics.jsonl and done.json"""
    overwrite_output_dir: bool = False
    """delete what an earlier run of this script left in output_dir"""
    resume_from_checkpoint: str = ""
    """folder of a checkpoint, or 'last'; empty: only what was cut short goes on"""
    push_to_hub: bool = False
    """upload the model to hub_model_id at the end"""
    hub_model_id: str = ""
    """Hub repository for push_to_hub"""
    hub_private_repo: bool = True
    """make the Hub repository private when it is new"""

    # What to do
    dummy_forward: bool = False
    """one forward, backward and optimizer step at full size, one JSON line, no files"""
    smoke: bool = False
    """three optimizer steps and one evaluation on a few rows in a temporary folder"""


class BadInput(Exception):
    """What a person must change: the argument, what is wrong with it, what to do next."""


# ---- arguments ---------------------------------------------------------------------------------


class Parser(HfArgumentParser):
    """Argument parser that answers a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage."""
        raise BadInput(f"{message}; see --help")


def describe_fields(cls: type) -> None:
    """Give each field of a dataclass the string below it as `help`, for the parser."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    texts = {
        line.target.id: str(below.value.value).replace("%", "%%")
        for line, below in itertools.pairwise(definition.body)
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }
    for field in fields(cls):
        field.metadata = {"help": texts.get(field.name)}  # type: ignore[assignment]  # read-only type


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read the command line and check every value that can be checked without the data."""
    describe_fields(Arguments)
    summary = (__doc__ or "").split("\n")[0]
    parser = Parser(Arguments, description=summary, allow_abbrev=False)  # type: ignore[arg-type]
    args, unknown = parser.parse_args_into_dataclasses(
        list(argv), return_remaining_strings=True, look_for_args_file=False
    )
    if unknown:
        known = [f"--{field.name}" for field in fields(Arguments)]
        raise BadInput(f"{unknown[0]}: no such argument; nearest: {nearest(unknown[0], known)}")
    assert isinstance(args, Arguments)
    check_arguments(args)
    return args


def check_arguments(args: Arguments) -> None:
    """Refuse values that can not work."""
    if bool(args.dataset_name) == bool(args.train_dir):
        raise BadInput("--train_dir: give either train_dir or dataset_name")
    for name in AT_LEAST_ONE:
        if getattr(args, name) < 1:
            raise BadInput(f"--{name}: {getattr(args, name)} is too small; give 1 or more")
    for name in SHARES:
        if not 0 <= getattr(args, name) < 1:
            raise BadInput(f"--{name}: {getattr(args, name)} is out of range; give 0 <= x < 1")
    if args.num_train_epochs <= 0:
        raise BadInput(f"--num_train_epochs: {args.num_train_epochs} must be more than 0")
    if args.num_labels < 0 or args.num_labels == 1:
        raise BadInput(f"--num_labels: {args.num_labels} classes; give 2 or more, or 0 to count")
    schedules = [schedule.value for schedule in SchedulerType]
    if args.lr_scheduler_type not in schedules:
        close = nearest(args.lr_scheduler_type, schedules)
        raise BadInput(f"--lr_scheduler_type: no {args.lr_scheduler_type!r}; nearest: {close}")
    if args.hidden_size % args.num_attention_heads:
        raise BadInput(
            f"--hidden_size: {args.hidden_size} is not divisible by num_attention_heads="
            f"{args.num_attention_heads}; change one of the two"
        )
    if args.push_to_hub and not args.hub_model_id:
        raise BadInput("--hub_model_id: push_to_hub needs it; give owner/name")


AT_LEAST_ONE = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("per_device_train_batch_size", "per_device_eval_batch_size"),
    *("gradient_accumulation_steps", "logging_steps"),
)
SHARES = (
    *("train_val_split", "label_smoothing_factor"),
    *("hidden_dropout_prob", "attention_probs_dropout_prob"),
)


def nearest(name: str, names: Sequence[str]) -> str:
    """The three names most like `name`, for an error message."""
    return ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0.0))


# ---- data --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """One split: the name of each row's label, and a way to its image, file or decoded."""

    argument: str  # where the rows come from, for error messages
    labels: Sequence[str]
    image_at: Callable[[int], Any]

    def pick(self, indices: Sequence[int]) -> "Rows":
        """The rows at `indices`, in that order; images are still fetched one at a time."""
        labels = [self.labels[i] for i in indices]
        return Rows(self.argument, labels, lambda i: self.image_at(indices[i]))


def load_splits(args: Arguments) -> tuple[Rows, Rows]:
    """Read training and validation rows from where the arguments say."""
    train, validation = load_hub(args) if args.dataset_name else load_folders(args)
    if validation is None:
        order = shuffled(len(train.labels), SPLIT_SEED)
        held_out = max(1, round(args.train_val_split * len(order)))
        train, validation = train.pick(order[held_out:]), train.pick(order[:held_out])
    train = limit(train, args.max_train_samples)
    validation = limit(validation, args.max_eval_samples)
    if not train.labels or not validation.labels:
        raise BadInput(f"{train.argument}: too few rows to train and to measure; add rows")
    if len(set(train.labels)) < 2:
        raise BadInput(
            f"{train.argument}: all {len(train.labels)} training rows have the one label "
            f"{train.labels[0]!r}; give rows of two classes or check --label_column_name"
        )
    return train, validation


def load_folders(args: Arguments) -> tuple[Rows, Rows | None]:
    """Read `train_dir` and, where there is one, `validation_dir`."""
    train = read_folder(Path(args.train_dir), "--train_dir", args.label_column_name)
    if not args.validation_dir:
        return train, None
    return train, read_folder(Path(args.validation_dir), "--validation_dir", args.label_column_name)


def read_folder(folder: Path, argument: str, label_column: str) -> Rows:
    """Read one image folder: by its metadata.jsonl, else by the names of its sub-folders."""
    if not folder.is_dir():
        raise BadInput(f"{argument}: no folder {folder}; give one with images and metadata.jsonl")
    if (folder / "metadata.jsonl").is_file():
        pairs = list(read_metadata(folder / "metadata.jsonl", argument, label_column))
    else:
        files = sorted(folder.glob("*/*"))
        pairs = [(f, f.parent.name) for f in files if f.suffix.lower() in IMAGE_SUFFIXES]
    if not pairs:
        raise BadInput(
            f"{argument}: no images in {folder}; give metadata.jsonl lines "
            '{"file_name": .., "label": ..} or one sub-folder per label'
        )
    paths = [path for path, _ in pairs]
    return Rows(argument, [label for _, label in pairs], paths.__getitem__)


def read_metadata(path: Path, argument: str, label_column: str) -> Iterator[tuple[Path, str]]:
    """Yield image file and label of each line of a metadata.jsonl."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as exc:
            raise BadInput(f"{argument}: {path} line {number} is not JSON ({exc}); fix it") from exc
        for column, name in (("file_name", "file_name"), (label_column, "label_column_name")):
            if not isinstance(row, dict) or row.get(column) is None:
                close = nearest(column, [str(key) for key in row])
                raise BadInput(
                    f"--{name}: no {column!r} in line {number} of {path}; nearest: {close}"
                )
        yield path.parent / row["file_name"], str(row[label_column])


def load_hub(args: Arguments) -> tuple[Rows, Rows | None]:
    """Read the splits of a Hub data set."""
    import datasets  # half a second that a local folder need not pay

    datasets.disable_progress_bars()
    splits: list[Rows] = []
    for split in filter(None, (args.train_split_name, args.validation_split_name)):
        try:
            data = datasets.load_dataset(
                args.dataset_name,
                args.dataset_config_name or None,
                split=split,
                revision=args.dataset_revision or None,
            )
        except (OSError, ValueError) as exc:
            reason = str(exc).strip().splitlines()[0]
            raise BadInput(f"--dataset_name: {args.dataset_name}, split {split}: {reason}") from exc
        splits.append(read_split(data, args))
    return splits[0], splits[1] if len(splits) > 1 else None


def read_split(data: Any, args: Arguments) -> Rows:
    """Rows of one `datasets.Dataset`; images stay encoded until they are asked for."""
    for name in ("image_column_name", "label_column_name"):
        if getattr(args, name) not in data.column_names:
            close = nearest(getattr(args, name), data.column_names)
            raise BadInput(f"--{name}: no column {getattr(args, name)!r}; nearest: {close}")
    to_name: Callable[[Any], str] = getattr(data.features[args.label_column_name], "int2str", str)
    labels = list(data[args.label_column_name])
    if None in labels:
        raise BadInput(
            f"--label_column_name: row {labels.index(None)} has no label; drop such rows"
        )
    images = data[args.image_column_name]
    return Rows("--dataset_name", [to_name(label) for label in labels], images.__getitem__)


def shuffled(count: int, seed: int) -> list[int]:
    """The numbers below `count` in an order that depends on `seed` alone."""
    order: list[int] = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    return order


def limit(rows: Rows, count: int) -> Rows:
    """`count` rows drawn at random, the same ones each time; 0: all of them."""
    return rows.pick(shuffled(len(rows.labels), SPLIT_SEED)[:count]) if count else rows


def open_image(rows: Rows, index: int) -> Image.Image:
    """Decode one image; 16-bit ones are refused because Pillow would clip them to white."""
    source = rows.image_at(index)
    try:
        image = source if isinstance(source, Image.Image) else Image.open(source)
        image.load()
    except (OSError, ValueError) as exc:
        raise BadInput(f"{rows.argument}: can not read {source} ({exc}); remove it") from exc
    if image.mode[0] in "IF":
        raise BadInput(f"{rows.argument}: {source} has {image.mode} pixels; convert it to 8 bits")
    return image


class PixelRows(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Rows of one split as whole batches {"pixel_values": [b, c, h, w], "labels": [b]}."""

    def __init__(self, rows: Rows, names: Sequence[str], processor: Any, mode: str) -> None:
        self.rows = rows
        self.names = names
        self.processor = processor
        self.mode = mode
        ids = {name: number for number, name in enumerate(names)}
        self.labels = torch.tensor([ids[label] for label in rows.labels])
        self.pixels: Tensor | None = None

    def decode(self, indices: Sequence[int]) -> Tensor:
        """Pixels of some rows as the model wants them, float32 [rows, channels, height, width]."""
        images = [open_image(self.rows, i).convert(self.mode) for i in indices]
        pixels: Tensor = self.processor(images=images, return_tensors="pt")["pixel_values"]
        return pixels

    def decode_once(self) -> None:
        """Decode all rows now if they fit in memory; else they are decoded at each access."""
        row_bytes = 4 * self.decode([0]).numel()
        if row_bytes * len(self) <= IMAGES_IN_MEMORY_BYTES:
            self.pixels = self.decode(range(len(self)))

    def few(self, count: int) -> "PixelRows":
        """At most `count` of the rows, drawn at random, the same ones each time."""
        order = shuffled(len(self), SPLIT_SEED)[:count]
        return PixelRows(self.rows.pick(order), self.names, self.processor, self.mode)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        """One batch; the data loader calls this with all indices of a batch at once."""
        pixels = self.decode(indices) if self.pixels is None else self.pixels[indices]
        return {"pixel_values": pixels, "labels": self.labels[indices]}

    def example_batch(self, size: int) -> dict[str, Tensor]:
        """A batch of exactly `size` rows with as many classes as will fit, the last one first."""
        first = {label: row for row, label in reversed(list(enumerate(self.labels.tolist())))}
        order = [first[label] for label in sorted(first, reverse=True)]
        rows = itertools.cycle(dict.fromkeys([*order, *range(len(self))]))
        return self.__getitems__(list(itertools.islice(rows, size)))


def as_is(batch: Any) -> Any:
    """Collator: `PixelRows` hands out whole batches already."""
    return batch


def augment_pixels(pixels: Tensor, strength: float) -> Tensor:
    """Rotate, zoom and shift each image [b, c, h, w] a little, at random, and add noise."""
    if not strength:
        return pixels
    rows = len(pixels)
    random = torch.rand(rows, 4, device=pixels.device) * 2 - 1  # uniform in [-1, 1)
    angle, zoom = random[:, 0] * 0.35 * strength, 1 + random[:, 1] * 0.15 * strength
    cos, sin, shift = zoom * angle.cos(), zoom * angle.sin(), random[:, 2:] * 0.18 * strength
    transform = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1)
    grid = torch.nn.functional.affine_grid(
        transform.view(rows, 2, 3), list(pixels.shape), align_corners=False
    )
    moved = torch.nn.functional.grid_sample(
        pixels, grid, padding_mode="border", align_corners=False
    )
    return moved + strength * torch.randn_like(moved)


# ---- model -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """All that training needs: the model, its image processor and the two splits."""

    model: PreTrainedModel
    processor: Any
    train: PixelRows
    validation: PixelRows


def build_task(args: Arguments, checkpoint: Path | None = None) -> Task:
    """Load the data, then the model that fits it, with the weights of a checkpoint if there is one.

    The Trainer does not load a checkpoint rightly by itself: a model that is saved under other
    names than it has in memory (a ViT is) keeps its present weights for all those names.
    """
    train, validation = load_splits(args)
    names = sorted({*train.labels, *validation.labels})
    if args.model_name_or_path:
        model, processor = load_pretrained(args, names)
    else:
        processor = build_processor(args, train)
        model = build_model(args, names, processor)
    if checkpoint:
        model = type(model).from_pretrained(checkpoint, dtype=torch.float32)
    if args.gradient_checkpointing:
        model.activation_checkpointing_enable()
    mode = "L" if getattr(model.config, "num_channels", 3) == 1 else "RGB"
    splits = (PixelRows(rows, names, processor, mode) for rows in (train, validation))
    return Task(model, processor, *splits)


def label_config(args: Arguments, names: Sequence[str]) -> dict[str, Any]:
    """The label part of a model configuration; a given `num_labels` is taken at its word."""
    count = args.num_labels or len(names)
    named = [names[i] if i < len(names) else f"LABEL_{i}" for i in range(count)]
    return {
        "id2label": dict(enumerate(named)),
        "label2id": {name: number for number, name in enumerate(named)},
    }


def load_pretrained(args: Arguments, names: Sequence[str]) -> tuple[PreTrainedModel, Any]:
    """A pretrained model with a head for our labels, and its own image processor."""
    source: dict[str, Any] = {"revision": args.model_revision}
    try:
        processor = AutoImageProcessor.from_pretrained(
            args.model_name_or_path, backend="pil", **source
        )
        set_seed(args.seed)  # the new head is drawn at random
        model = AutoModelForImageClassification.from_pretrained(
            args.model_name_or_path,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            **label_config(args, names),
            **source,
        )
    except (OSError, ValueError) as exc:
        reason = str(exc).strip().splitlines()[0]
        raise BadInput(f"--model_name_or_path: {args.model_name_or_path}: {reason}") from exc
    return model, processor


def build_processor(args: Arguments, rows: Rows) -> ViTImageProcessorPil:
    """The image processor of a new model; pixels end up in [-1, 1]."""
    first = open_image(rows, 0)
    size = args.image_size or min(224, math.ceil(max(first.size) / 4) * 4)
    grey = args.num_channels == 1 or (args.num_channels == 0 and first.mode in ("1", "L", "LA"))
    channels = 1 if grey else 3
    return ViTImageProcessorPil(
        size={"height": size, "width": size},
        image_mean=[0.5] * channels,
        image_std=[0.5] * channels,
        do_convert_rgb=not grey,
    )


def build_model(args: Arguments, names: Sequence[str], processor: Any) -> PreTrainedModel:
    """A new ViT with random weights, drawn from `seed`."""
    size = processor.size["height"]
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    fine = (d for d in divisors if d >= min(2, size) and size // d <= 8)
    patch_size = args.patch_size or next(fine)
    if size % patch_size:
        raise BadInput(
            f"--patch_size: image_size={size} is not divisible by {patch_size}; use one of "
            f"{', '.join(map(str, divisors))} or another --image_size"
        )
    config = ViTConfig(
        image_size=size,
        patch_size=patch_size,
        num_channels=len(processor.image_mean),
        hidden_size=args.hidden_size,
        num_hidden_layers=args.num_hidden_layers,
        num_attention_heads=args.num_attention_heads,
        intermediate_size=args.intermediate_size,
        hidden_dropout_prob=args.hidden_dropout_prob,
        attention_probs_dropout_prob=args.attention_probs_dropout_prob,
        **label_config(args, names),
    )
    set_seed(args.seed)
    return ViTForImageClassification(config)


def is_grey(model: PreTrainedModel) -> bool:
    """Whether it is a ViT of one channel, which `in_colour` can widen."""
    return isinstance(model, ViTForImageClassification) and model.config.num_channels == 1


def in_colour(model: PreTrainedModel) -> PreTrainedModel:
    """A model that sees any image as this one sees it when it is made grey; itself if not grey.

    Pipelines hand over every image in colour. The weights of the one channel are shared among three
    as Pillow weighs them when it makes an image grey, so that every score stays what it was.
    """
    if not is_grey(model):
        return model
    config = copy.deepcopy(model.config)
    assert isinstance(config, ViTConfig)
    config.num_channels = 3
    weights = {name: weight.cpu() for name, weight in model.state_dict().items()}
    (name,) = [name for name in weights if name.endswith("patch_embeddings.projection.weight")]
    shares = torch.tensor(GREY_OF_RGB).view(1, 3, 1, 1)
    coloured = ViTForImageClassification(config)
    coloured.load_state_dict({**weights, name: weights[name] * shares})
    return coloured


def processor_in_colour(processor: Any) -> Any:
    """The image processor of a model that was widened."""
    wide = copy.deepcopy(processor)
    wide.image_mean, wide.image_std = 3 * [*processor.image_mean], 3 * [*processor.image_std]
    wide.do_convert_rgb = True
    return wide


GREY_OF_RGB = (0.299, 0.587, 0.114)  # ITU-R 601-2


# ---- metrics -----------------------------------------------------------------------------------


class MetricLines:
    """Writes metrics as JSON lines on standard output, with a copy in `path`.

    Numbers that are not finite become null, since JSON has no word for them.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path

    def write(self, event: str, **values: Any) -> None:
        """Write one line and flush it."""
        finite = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in values.items()
        }
        line = json.dumps({"event": event, **finite}, separators=(",", ":"), ensure_ascii=False)
        print(line, flush=True)
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def forget_after(self, step: int) -> None:
        """Drop the lines that a resumed run is going to write again."""
        if not self.path or not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and step_in(line) <= step]
        self.path.write_text("".join(kept), encoding="utf-8")


def step_in(line: str) -> float:
    """Step of a metric line; one that a crash has torn stands behind all others."""
    with suppress(ValueError, KeyError, TypeError):
        return int(json.loads(line)["step"])
    return math.inf


class ReportMetrics(TrainerCallback):
    """Turns what the Trainer logs into metric lines, and stops a run whose numbers are broken."""

    def __init__(self, lines: MetricLines, train_sample: dict[str, Tensor]) -> None:
        self.lines = lines
        self.train_sample = train_sample

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write a log line; raise when the loss or the gradient is no number any more."""
        if "loss" not in kwargs["logs"]:
            return
        values = {key: kwargs["logs"].get(key) for key in ("loss", "grad_norm", "learning_rate")}
        self.lines.write("log", **progress(state), **values)
        check_finite(state, args, values)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write an evaluation line; among equal accuracies the latest model is kept."""
        values = {key: kwargs["metrics"][key] for key in ("eval_loss", "eval_accuracy")}
        train_accuracy = accuracy_on(kwargs["model"], self.train_sample)
        self.lines.write("evaluate", **progress(state), **values, train_accuracy=train_accuracy)
        check_finite(state, args, {"loss": values["eval_loss"]})
        best = state.best_metric
        if best is not None and best == values["eval_accuracy"]:
            state.best_metric = math.nextafter(best, -math.inf)  # so that this one is better

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Log before the checkpoint is taken, so that a resumed run lacks no loss."""
        control.should_log = True


def progress(state: TrainerState) -> dict[str, Any]:
    """Where training stands."""
    return {"step": state.global_step, "max_steps": state.max_steps, "epoch": state.epoch}


def check_finite(
    state: TrainerState, args: TrainingArguments, values: dict[str, float | None]
) -> None:
    """Raise when a number is not finite or a loss is exactly 0.0, as weights of NaN also give."""
    for name in ("loss", "grad_norm"):
        value = values.get(name)
        if value is None or (math.isfinite(value) and not (name == "loss" and value == 0.0)):
            continue
        raise FloatingPointError(
            f"{name} is {value} at step {state.global_step} (learning_rate={args.learning_rate}): "
            "training has diverged; lower learning_rate, lengthen warmup_steps or check the inputs"
        )


@torch.no_grad()
def accuracy_on(model: PreTrainedModel, batch: dict[str, Tensor]) -> float:
    """Share of one batch of training rows that the model gets right, without dropout."""
    model.eval()
    inputs = {key: value.to(model.device) for key, value in batch.items() if key != "labels"}
    predicted = model(**inputs).logits.argmax(dim=-1).cpu()
    return float((predicted == batch["labels"]).float().mean())


def keep_argmax(logits: Tensor | tuple[Tensor, ...], labels: Tensor) -> Tensor:
    """Predicted class [b] in place of logits [b, classes], so that evaluation stays small."""
    return (logits[0] if isinstance(logits, tuple) else logits).argmax(dim=-1)


def measure(prediction: EvalPrediction) -> dict[str, float]:
    """Accuracy over the validation rows."""
    return {"accuracy": float(np.mean(prediction.predictions == prediction.label_ids))}


def mean_loss(history: Sequence[dict[str, Any]]) -> float | None:
    """Training loss over all steps, also those before a resume."""
    total, last = 0.0, 0
    for entry in history:
        if "loss" in entry:
            total += entry["loss"] * (entry["step"] - last)
            last = entry["step"]
    return round(total / last, 6) if last else None


# ---- training ----------------------------------------------------------------------------------


class ImageTrainer(Trainer):
    """A Trainer that augments as it steps, with random numbers that a checkpoint restores."""

    def __init__(self, *, augment: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.augment = augment
        self.remove_callback(PrinterCallback)  # it prints on standard output
        # A step in parts takes the mean of their losses. Left to itself the Trainer leaves the
        # dividing to every model whose forward has **kwargs, and many of those do not divide.
        self.model_accepts_loss_kwargs = False

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Tensor:
        """Augment on the device, then step."""
        pixels = augment_pixels(inputs["pixel_values"].to(self.args.device), self.augment)
        return super().training_step(model, {**inputs, "pixel_values": pixels}, *args, **kwargs)

    def _save_rng_state(self, output_dir: str) -> None:
        """Its state, which makes a checkpoint one, is saved next: all else is on the disk then."""
        super()._save_rng_state(output_dir)
        sync_files(Path(output_dir))


class StopOnTerm(TrainerCallback):
    """SIGTERM ends training after the step in hand, with a checkpoint of that step.

    At the end of an epoch the evaluation and checkpoint that are due anyway take its place.
    """

    def __init__(self) -> None:
        self.asked = False
        self.handler_before: Any = signal.SIG_DFL

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """From here on there is something to save."""
        self.handler_before = signal.signal(signal.SIGTERM, self.remember)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The last checkpoint is there: from here on SIGTERM may end the process at once."""
        signal.signal(signal.SIGTERM, self.handler_before)

    def remember(self, *_: object) -> None:
        """Signal handler: only sets the flag."""
        self.asked = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop, and within an epoch save where we are."""
        if self.asked:
            control.should_training_stop = control.should_log = True
            control.should_save = is_cut(state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Do not measure or save half an epoch a second time."""
        if self.asked and is_cut(state):
            control.should_evaluate = control.should_save = False


def is_cut(state: TrainerState) -> bool:
    """Whether training stands inside an epoch that it should have finished."""
    return state.global_step < state.max_steps and not float(state.epoch or 0.0).is_integer()


def training_arguments(args: Arguments, output_dir: Path, **changes: Any) -> TrainingArguments:
    """Our arguments as the Trainer's, with `changes` on top."""
    shared = {field.name for field in fields(TrainingArguments)} & set(asdict(args))
    ours = {name: getattr(args, name) for name in shared - set(KEPT_FROM_TRAINER)}
    on_cpu = args.use_cpu or not torch.cuda.is_available()
    settings: dict[str, Any] = {
        **ours,
        "output_dir": str(output_dir),
        "use_cpu": on_cpu,
        "bf16": not on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "full_determinism": args.deterministic,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 2,
        "metric_for_best_model": "eval_accuracy",
        "greater_is_better": True,
        "logging_nan_inf_filter": False,
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "report_to": "none",
        **changes,
    }
    return TrainingArguments(**settings)


# We resume, push and checkpoint activations ourselves.
KEPT_FROM_TRAINER = (
    *("resume_from_checkpoint", "gradient_checkpointing"),
    *("push_to_hub", "hub_model_id", "hub_private_repo"),
)


def build_trainer(
    args: Arguments, task: Task, settings: TrainingArguments, lines: MetricLines
) -> ImageTrainer:
    """A Trainer for the task that reports to `lines`."""
    sample_size = min(len(task.train), args.per_device_eval_batch_size)
    sample = task.train.__getitems__(list(range(sample_size)))
    return ImageTrainer(
        augment=args.augment,
        model=task.model,
        args=settings,
        processing_class=task.processor,
        train_dataset=task.train,
        eval_dataset=task.validation,
        data_collator=as_is,
        compute_metrics=measure,
        preprocess_logits_for_metrics=keep_argmax,
        callbacks=[ReportMetrics(lines, sample), StopOnTerm()],
    )


def train(args: Arguments) -> int:
    """Train to the end, keep the best model, and return the exit code."""
    output_dir = Path(args.output_dir)
    checkpoint = choose_start(args, output_dir)
    task = build_task(args, checkpoint)
    task.train.decode_once()
    task.validation.decode_once()
    clear_output(output_dir, checkpoint)
    write_whole(output_dir / RUN, what_it_trains(args))
    lines = MetricLines(output_dir / "metrics.jsonl")
    trainer = build_trainer(args, task, training_arguments(args, output_dir), lines)
    lines.forget_after(step_of(checkpoint) if checkpoint else -1)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = round(time.monotonic() - started, 3)
    state = trainer.state
    if state.global_step < state.max_steps:
        lines.write("interrupted", **progress(state))
        print("stopped by SIGTERM; the same arguments again go on from here", file=sys.stderr)
        return 128 + signal.SIGTERM
    save_best(task, state, output_dir)
    sync_files(output_dir)
    write_done(args, state, seconds)
    if args.push_to_hub:
        push(args)
    best = {"train_loss": mean_loss(state.log_history), "best_metric": state.best_metric}
    lines.write("done", **progress(state), **best, seconds=seconds)
    return 0


def choose_start(args: Arguments, output_dir: Path) -> Path | None:
    """The checkpoint to go on from, or None to start afresh, if the folder is free for that."""
    checkpoint = find_checkpoint(args, output_dir)
    if not checkpoint and not args.overwrite_output_dir and was_cut_short(args, output_dir):
        return newest_checkpoint(output_dir)
    earlier = [*output_dir.glob("checkpoint-*"), *output_dir.glob("done.json")]
    if earlier and not checkpoint and not args.overwrite_output_dir:
        raise BadInput(
            f"--output_dir: {output_dir} holds {earlier[0].name} of an earlier run that is over or "
            "had other arguments; use another folder, --resume_from_checkpoint last or "
            "--overwrite_output_dir"
        )
    return checkpoint


def what_it_trains(args: Arguments) -> dict[str, Any]:
    """The arguments, without those that only say where to and from where on."""
    return {name: value for name, value in asdict(args).items() if name not in ABOUT_PLACES}


ABOUT_PLACES = (
    *("output_dir", "overwrite_output_dir", "resume_from_checkpoint"),
    *("push_to_hub", "hub_model_id", "hub_private_repo"),
)


def was_cut_short(args: Arguments, output_dir: Path) -> bool:
    """Whether a run of exactly these arguments began here and did not come to its end."""
    with suppress(OSError, ValueError):
        begun = json.loads((output_dir / RUN).read_text(encoding="utf-8"))
        return begun == what_it_trains(args) and not (output_dir / "done.json").exists()
    return False


def clear_output(output_dir: Path, checkpoint: Path | None) -> None:
    """Remove what an earlier run left that this one would contradict."""
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / "done.json").unlink(missing_ok=True)
    if not checkpoint:
        for folder in output_dir.glob("checkpoint-*"):
            shutil.rmtree(folder)


def find_checkpoint(args: Arguments, output_dir: Path) -> Path | None:
    """The checkpoint that `resume_from_checkpoint` means; 'last' of none starts afresh."""
    wanted = args.resume_from_checkpoint
    if wanted.lower() in ("", "false"):
        return None
    if wanted.lower() in ("last", "true"):
        return newest_checkpoint(output_dir)
    if step_of(Path(wanted)) < 0:
        raise BadInput(f"--resume_from_checkpoint: {wanted} is no whole checkpoint; try 'last'")
    return Path(wanted)


def newest_checkpoint(output_dir: Path) -> Path | None:
    """The whole checkpoint of the latest step, if there is one."""
    whole = [folder for folder in output_dir.glob("checkpoint-*") if step_of(folder) >= 0]
    if not whole:
        print(f"no checkpoint in {output_dir}; starting afresh", file=sys.stderr)
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """Step of a checkpoint, or -1 when it is missing or was cut short.

    Its state is saved last, when all else is on the disk; only that may be empty or torn after a
    power cut. Other trainers' files may be there and empty all the same.
    """
    with suppress(OSError, ValueError, KeyError):
        if any(file.stat().st_size == 0 for file in checkpoint.iterdir() if file.is_file()):
            return -1
        return int(json.loads((checkpoint / "trainer_state.json").read_text())["global_step"])
    return -1


def save_best(task: Task, state: TrainerState, output_dir: Path) -> None:
    """Take the best model out of its checkpoint; what is in memory is the last one."""
    best = output_dir / f"checkpoint-{state.best_global_step}"
    processor = task.processor
    if is_grey(task.model):
        grey = type(task.model).from_pretrained(best, dtype=torch.float32)
        in_colour(grey).save_pretrained(output_dir)
        processor = processor_in_colour(processor)
    else:
        for file in (best / "config.json", *best.glob("model*.safetensors*")):
            shutil.copyfile(file, output_dir / file.name)
    processor.save_pretrained(output_dir)


def write_done(args: Arguments, state: TrainerState, train_seconds: float) -> None:
    """Put done.json in place in one piece: whoever sees it may trust the folder."""
    content = {
        "global_step": state.global_step,
        "max_steps": state.max_steps,
        "epoch": state.epoch,
        "best_metric": state.best_metric,
        "best_step": state.best_global_step,
        "train_seconds": train_seconds,
        "seed": args.seed,
        "arguments": asdict(args),
    }
    write_whole(Path(args.output_dir) / "done.json", content)


def sync_files(folder: Path) -> None:
    """Have a folder's files on the disk, and their names, before anything says that they are."""
    files = [file for file in folder.iterdir() if file.is_file()]
    for path in (*files, folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """Put a JSON file in place in one piece."""
    partial = path.with_suffix(".json.tmp")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def push(args: Arguments) -> None:
    """Upload the model, without checkpoints, to its Hub repository."""
    from huggingface_hub import HfApi  # only those who push need it

    api = HfApi()
    api.create_repo(args.hub_model_id, private=args.hub_private_repo, exist_ok=True)
    api.upload_folder(
        repo_id=args.hub_model_id,
        folder_path=args.output_dir,
        ignore_patterns=["checkpoint-*", "done.json*", f"{RUN}*"],
    )


# ---- trial runs --------------------------------------------------------------------------------


def dummy_forward(args: Arguments) -> int:
    """One optimizer step with real data at full size: will it fit, will it run?"""
    task = build_task(args)
    on_cuda = torch.cuda.is_available() and not args.use_cpu
    model = task.model.to("cuda" if on_cuda else "cpu").train()  # type: ignore[arg-type]
    batch = task.train.example_batch(args.per_device_train_batch_size)
    batch = {key: value.to(model.device) for key, value in batch.items()}
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay
    )
    with torch.autocast(model.device.type, torch.bfloat16, enabled=on_cuda):
        outputs = model(**batch)
    outputs.loss.backward()
    optimizer.step()
    MetricLines().write(
        "dummy_forward",
        **describe_model(in_colour(model)),
        input_shape=list(batch["pixel_values"].shape),
        logits_shape=list(outputs.logits.shape),
        loss=outputs.loss.item(),
        per_device_train_batch_size=args.per_device_train_batch_size,
        gradient_accumulation_steps=args.gradient_accumulation_steps,
        precision="bfloat16" if on_cuda else "float32",
        optimizer="adamw_torch",
        peak_memory_bytes=peak_memory_bytes(),
        device=model.device.type,
        train_rows=len(task.train),
        validation_rows=len(task.validation),
        output_dir=args.output_dir,
    )
    return 0


def describe_model(model: PreTrainedModel) -> dict[str, Any]:
    """Sizes of a model; null where its kind has no such thing."""
    config = model.config
    size, patch = getattr(config, "image_size", None), getattr(config, "patch_size", None)
    patches = (size // patch) ** 2 + 1 if isinstance(size, int) and isinstance(patch, int) else None
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "num_labels": config.num_labels,
        "hidden_size": getattr(config, "hidden_size", None),
        "num_hidden_layers": getattr(config, "num_hidden_layers", None),
        "num_attention_heads": getattr(config, "num_attention_heads", None),
        "sequence_length": patches,
        "vocab_size": None,
    }


def peak_memory_bytes() -> int:
    """Most memory that was in use: of the GPU where there is one in use, else of this process."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def smoke(args: Arguments) -> int:
    """A few real steps and one evaluation; nothing stays behind."""
    task = build_task(args)
    count = 4 * args.per_device_train_batch_size
    task = replace(task, train=task.train.few(count), validation=task.validation.few(count))
    with tempfile.TemporaryDirectory() as folder:
        settings = training_arguments(
            args,
            Path(folder),
            max_steps=SMOKE_STEPS,
            logging_steps=1,
            save_strategy="no",
            eval_strategy="no",
        )
        trainer = build_trainer(args, task, settings, Silent())
        trainer.train()
        metrics = trainer.evaluate()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    measured = {key: metrics[key] for key in ("eval_loss", "eval_accuracy")}
    MetricLines().write("smoke", steps=trainer.state.global_step, losses=losses, **measured)
    return 0


class Silent(MetricLines):
    """Metric lines that nobody wants."""

    def write(self, event: str, **values: Any) -> None:
        """Write nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        args = parse_arguments(sys.argv[1:] if argv is None else argv)
        if args.dummy_forward:
            return dummy_forward(args)
        return smoke(args) if args.smoke else train(args)
    except BadInput as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
