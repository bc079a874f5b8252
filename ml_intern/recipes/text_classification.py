# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "accelerate>=1.10",
#   "datasets>=4.0",
#   "huggingface_hub>=1.0",
#   "numpy>=1.26",
#   "tokenizers>=0.22",
#   "torch>=2.6",
#   "transformers>=5.23",
# ]
# ///
# transformers is annotated in part only:
# mypy: disable-error-code="no-untyped-call"
"""Train a text classifier, from scratch (a small ModernBERT) or from a pretrained model.

From scratch the tokenizer, byte-level BPE, is trained on the training texts: any script will do.

Change a hyper-parameter on the command line, or on its own line of `Arguments`. Standard output
carries one JSON object a line and nothing else; `<output_dir>/metrics.jsonl` is a copy of it.
`<output_dir>/done.json` appears, in one piece, only when training has come to its end and the best
model is saved. A run that was cut short, by SIGTERM, a kill or the end of the machine, goes on from
its newest checkpoint when it is started again with the same arguments.

Exit codes: 0 done, 1 failed (traceback), 2 bad input (one line on stderr), 143 cut short (SIGTERM).
"""

import ast
import copy
import csv
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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn

gc.disable()  # what imports make stays: to look through it for garbage is a fifth of the start

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    EvalPrediction,
    HfArgumentParser,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    PrinterCallback,
    SchedulerType,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers import logging as transformers_logging

gc.freeze()
gc.enable()

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # their ids are 0 to 4
SMOKE_STEPS = 3
RUN = "run.json"  # what a run that has begun in a folder trains
SPLIT_SEED = 0  # runs that differ in `seed` still measure on the same held-out rows


@dataclass(frozen=True)
class Arguments:
    """Every setting on a line of its own; the text below a field is its `--help`."""

    # Data
    dataset_name: str = ""
    """Hub id of the data set; leave empty to read train_file"""
    dataset_config_name: str = ""
    """configuration of the Hub data set"""
    dataset_revision: str = ""
    """commit or branch of the Hub data set"""
    train_split_name: str = "train"
    """split of the Hub data set to train on"""
    validation_split_name: str = "validation"
    """split of the Hub data set to measure on; empty: hold out train_val_split"""
    train_file: str = ""
    """.jsonl or .csv file with a text and a label in each row"""
    validation_file: str = ""
    """file like train_file to measure on; empty: hold out train_val_split"""
    text_column_name: str = "text"
    """column of the texts"""
    label_column_name: str = "label"
    """column of the labels"""
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
    """Hub id or folder of a pretrained model to fine-tune; empty: a new one of the sizes below"""
    model_revision: str = "main"
    """commit or branch of the pretrained model"""
    max_length: int = 128
    """tokens of a text that are read; the rest is cut off"""
    vocab_size: int = 8000
    """most tokens that the new tokenizer may have"""
    do_lower_case: bool = True
    """let the new tokenizer ignore upper and lower case"""
    hidden_size: int = 128
    """width of the new model; a multiple of num_attention_heads"""
    num_hidden_layers: int = 2
    """layers of the new model"""
    num_attention_heads: int = 4
    """attention heads of the new model"""
    intermediate_size: int = 256
    """width of the feed-forward layers of the new model"""
    hidden_dropout_prob: float = 0.1
    """dropout in the layers of the new model"""
    attention_probs_dropout_prob: float = 0.0
    """dropout of attention in the new model (slow on a CPU)"""

    # Training
    num_train_epochs: float = 10.0
    """passes over the training rows"""
    per_device_train_batch_size: int = 32
    """training rows per device and forward pass"""
    per_device_eval_batch_size: int = 256
    """validation rows per device and forward pass"""
    gradient_accumulation_steps: int = 1
    """forward passes per optimizer step"""
    learning_rate: float = 1e-3
    """peak learning rate; about 5e-5 to fine-tune a pretrained model"""
    weight_decay: float = 0.01
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
    seed: int = 42
    """seed of initial weights, order of rows and dropout"""
    deterministic: bool = False
    """use deterministic algorithms only (slower on a GPU; on a CPU the seed is enough)"""
    use_cpu: bool = False
    """stay on the CPU even where CUDA is present"""
    dataloader_num_workers: int = 0
    """processes that make batches; 0: none"""
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
    if bool(args.dataset_name) == bool(args.train_file):
        raise BadInput("--train_file: give either train_file or dataset_name")
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
    if args.vocab_size < SMALLEST_VOCABULARY:
        raise BadInput(f"--vocab_size: {args.vocab_size} is below {SMALLEST_VOCABULARY}")
    if args.push_to_hub and not args.hub_model_id:
        raise BadInput("--hub_model_id: push_to_hub needs it; give owner/name")


SMALLEST_VOCABULARY = 256 + len(SPECIAL_TOKENS)  # all bytes
AT_LEAST_ONE = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("per_device_train_batch_size", "per_device_eval_batch_size"),
    *("gradient_accumulation_steps", "logging_steps", "max_length"),
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
    """One split: texts and the name of the label of each."""

    argument: str  # where the rows come from, for error messages
    labels: Sequence[str]
    texts: Sequence[str]

    def pick(self, indices: Sequence[int]) -> "Rows":
        """The rows at `indices`, in that order."""
        labels = [self.labels[i] for i in indices]
        return Rows(self.argument, labels, [self.texts[i] for i in indices])


def load_splits(args: Arguments) -> tuple[Rows, Rows]:
    """Read training and validation rows from where the arguments say."""
    train, validation = load_hub(args) if args.dataset_name else load_files(args)
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


def load_files(args: Arguments) -> tuple[Rows, Rows | None]:
    """Read `train_file` and, where there is one, `validation_file`."""
    train = read_file(Path(args.train_file), "--train_file", args)
    if not args.validation_file:
        return train, None
    return train, read_file(Path(args.validation_file), "--validation_file", args)


def read_file(path: Path, argument: str, args: Arguments) -> Rows:
    """Read the texts and labels of one .jsonl or .csv file."""
    if not path.is_file():
        raise BadInput(f"{argument}: no file {path}; give a .jsonl or .csv file")
    texts: list[str] = []
    labels: list[str] = []
    for number, record in enumerate(read_records(path, argument), start=1):
        for name in ("text_column_name", "label_column_name"):
            if record.get(getattr(args, name)) is None:
                close = nearest(getattr(args, name), [str(key) for key in record])
                raise BadInput(
                    f"--{name}: no {getattr(args, name)!r} in row {number} of {path}; "
                    f"nearest: {close}"
                )
        texts.append(str(record[args.text_column_name]))
        labels.append(str(record[args.label_column_name]))
    if not texts:
        raise BadInput(f"{argument}: no rows in {path}; give one text and label a line")
    return Rows(argument, labels, texts)


def read_records(path: Path, argument: str) -> Iterator[dict[str, Any]]:
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
                raise BadInput(f"{argument}: {path} line {number} is not JSON ({exc})") from exc
            if not isinstance(record, dict):
                raise BadInput(f"{argument}: {path} line {number} is not a JSON object")
            yield record


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
    """Rows of one `datasets.Dataset`."""
    for name in ("text_column_name", "label_column_name"):
        if getattr(args, name) not in data.column_names:
            close = nearest(getattr(args, name), data.column_names)
            raise BadInput(f"--{name}: no column {getattr(args, name)!r}; nearest: {close}")
    to_name = getattr(data.features[args.label_column_name], "int2str", str)
    labels, texts = list(data[args.label_column_name]), list(data[args.text_column_name])
    if None in labels:
        raise BadInput(
            f"--label_column_name: row {labels.index(None)} has no label; drop such rows"
        )
    return Rows("--dataset_name", [to_name(label) for label in labels], [str(t) for t in texts])


def shuffled(count: int, seed: int) -> list[int]:
    """The numbers below `count` in an order that depends on `seed` alone."""
    order: list[int] = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    return order


def limit(rows: Rows, count: int) -> Rows:
    """`count` rows drawn at random, the same ones each time; 0: all of them."""
    return rows.pick(shuffled(len(rows.labels), SPLIT_SEED)[:count]) if count else rows


class TokenRows(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Rows of one split as whole batches: input_ids, attention_mask [b, tokens] and labels [b].

    Texts are tokenized once; a batch is as wide as its longest text.
    """

    def __init__(self, rows: Rows, names: Sequence[str], tokenizer: Any) -> None:
        ids = {name: number for number, name in enumerate(names)}
        self.labels = torch.tensor([ids[label] for label in rows.labels])
        encoded = tokenizer(list(rows.texts), truncation=True, return_attention_mask=False)
        self.tokens = [torch.tensor(tokens) for tokens in encoded["input_ids"]]
        self.pad_id: int = tokenizer.pad_token_id

    def few(self, count: int) -> "TokenRows":
        """At most `count` of the rows, drawn at random, the same ones each time."""
        order = shuffled(len(self), SPLIT_SEED)[:count]
        rows = copy.copy(self)
        rows.labels, rows.tokens = self.labels[order], [self.tokens[i] for i in order]
        return rows

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        """One batch; the data loader calls this with all indices of a batch at once."""
        tokens = [self.tokens[i] for i in indices]
        mask = [torch.ones_like(row) for row in tokens]
        return {
            "input_ids": pad_sequence(tokens, batch_first=True, padding_value=self.pad_id),
            "attention_mask": pad_sequence(mask, batch_first=True),
            "labels": self.labels[indices],
        }

    def example_batch(self, size: int) -> dict[str, Tensor]:
        """A batch of exactly `size` rows: as many classes as will fit, then the longest texts."""
        longest = sorted(range(len(self)), key=lambda row: -len(self.tokens[row]))
        first = {label: row for row, label in reversed(list(enumerate(self.labels.tolist())))}
        order = [first[label] for label in sorted(first, reverse=True)]
        if size > 1:
            order.insert(1, longest[0])
        rows = itertools.cycle(dict.fromkeys([*order, *longest]))
        return self.__getitems__(list(itertools.islice(rows, size)))


def as_is(batch: Any) -> Any:
    """Collator: `TokenRows` hands out whole batches already."""
    return batch


# ---- model -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """All that training needs: the model, its tokenizer and the two splits."""

    model: PreTrainedModel
    tokenizer: Any
    train: TokenRows
    validation: TokenRows


def build_task(args: Arguments, checkpoint: Path | None = None) -> Task:
    """Load the data, then the model that fits it, with the weights of a checkpoint if there is one.

    The Trainer does not load a checkpoint rightly by itself: a model that is saved under other
    names than it has in memory keeps its present weights for all those names.
    """
    train, validation = load_splits(args)
    names = sorted({*train.labels, *validation.labels})
    if args.model_name_or_path:
        model, tokenizer = load_pretrained(args, names)
    else:
        tokenizer = train_tokenizer(args, train.texts)
        model = build_model(args, names, tokenizer)
    if checkpoint:
        model = type(model).from_pretrained(checkpoint, dtype=torch.float32)
    if args.gradient_checkpointing:
        model.activation_checkpointing_enable()
    splits = (TokenRows(rows, names, tokenizer) for rows in (train, validation))
    return Task(model, tokenizer, *splits)


def label_config(args: Arguments, names: Sequence[str]) -> dict[str, Any]:
    """The label part of a model configuration; a given `num_labels` is taken at its word."""
    count = args.num_labels or len(names)
    named = [names[i] if i < len(names) else f"LABEL_{i}" for i in range(count)]
    return {
        "id2label": dict(enumerate(named)),
        "label2id": {name: number for number, name in enumerate(named)},
    }


def load_pretrained(args: Arguments, names: Sequence[str]) -> tuple[PreTrainedModel, Any]:
    """A pretrained model with a head for our labels, and its own tokenizer."""
    source: dict[str, Any] = {"revision": args.model_revision}
    try:
        tokenizer = AutoTokenizer.from_pretrained(args.model_name_or_path, **source)
        set_seed(args.seed)  # the new head is drawn at random
        model = AutoModelForSequenceClassification.from_pretrained(
            args.model_name_or_path,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            **label_config(args, names),
            **source,
        )
    except (OSError, ValueError) as exc:
        reason = str(exc).strip().splitlines()[0]
        raise BadInput(f"--model_name_or_path: {args.model_name_or_path}: {reason}") from exc
    longest = getattr(model.config, "max_position_embeddings", args.max_length)
    if args.max_length > min(longest, tokenizer.model_max_length):
        limit = min(longest, tokenizer.model_max_length)
        raise BadInput(f"--max_length: {args.max_length} is too long; the model reads {limit}")
    tokenizer.model_max_length = args.max_length
    if tokenizer.pad_token is None:  # a decoder
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def train_tokenizer(args: Arguments, texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE learned from the training texts: no text has unknown tokens."""
    steps: list[normalizers.Normalizer] = [normalizers.NFKC()]
    if args.do_lower_case:
        steps.append(normalizers.Lowercase())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=args.vocab_size,
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    named = {f"{token[1:-1].lower()}_token": token for token in SPECIAL_TOKENS}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=args.max_length, **named
    )


def build_model(
    args: Arguments, names: Sequence[str], tokenizer: PreTrainedTokenizerFast
) -> PreTrainedModel:
    """A new ModernBERT with random weights, drawn from `seed`.

    Of the encoders tried on a few hundred rows (BERT, DistilBERT, mean pooling) it learned best.
    """
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=args.hidden_size,
        num_hidden_layers=args.num_hidden_layers,
        num_attention_heads=args.num_attention_heads,
        intermediate_size=args.intermediate_size,
        max_position_embeddings=args.max_length,
        layer_types=["full_attention"] * args.num_hidden_layers,
        classifier_pooling="cls",
        mlp_dropout=args.hidden_dropout_prob,
        embedding_dropout=args.hidden_dropout_prob,
        classifier_dropout=args.hidden_dropout_prob,
        attention_dropout=args.attention_probs_dropout_prob,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        cls_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **label_config(args, names),
    )
    set_seed(args.seed)
    return ModernBertForSequenceClassification(config)


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


class TextTrainer(Trainer):
    """A Trainer whose checkpoints outlive a power cut."""

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
) -> Trainer:
    """A Trainer for the task that reports to `lines`."""
    sample_size = min(len(task.train), args.per_device_eval_batch_size)
    sample = task.train.__getitems__(list(range(sample_size)))
    trainer = TextTrainer(
        model=task.model,
        args=settings,
        processing_class=task.tokenizer,
        train_dataset=task.train,
        eval_dataset=task.validation,
        data_collator=as_is,
        compute_metrics=measure,
        preprocess_logits_for_metrics=keep_argmax,
        callbacks=[ReportMetrics(lines, sample), StopOnTerm()],
    )
    trainer.remove_callback(PrinterCallback)  # it prints on standard output
    # A step in parts takes the mean of their losses. Left to itself the Trainer leaves the dividing
    # to every model whose forward has **kwargs, and most of those that classify do not divide.
    trainer.model_accepts_loss_kwargs = False
    return trainer


def train(args: Arguments) -> int:
    """Train to the end, keep the best model, and return the exit code."""
    output_dir = Path(args.output_dir)
    checkpoint = choose_start(args, output_dir)
    task = build_task(args, checkpoint)
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
    """Copy the best model out of its checkpoint; what is in memory is the last one."""
    best = output_dir / f"checkpoint-{state.best_global_step}"
    for file in (best / "config.json", *best.glob("model*.safetensors*")):
        shutil.copyfile(file, output_dir / file.name)
    task.tokenizer.save_pretrained(output_dir)


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
        **describe_model(model, batch),
        input_shape=list(batch["input_ids"].shape),
        logits_shape=list(outputs.logits.shape),
        loss=outputs.loss.item(),
        per_device_train_batch_size=args.per_device_train_batch_size,
        gradient_accumulation_steps=args.gradient_accumulation_steps,
        precision="bfloat16" if on_cuda else "float32",
        optimizer="adamw_torch",
        peak_memory_bytes=peak_memory_bytes(),
        device=model.device.type,
        train_rows=len(task.train),
        train_rows_at_max_length=sum(len(row) >= args.max_length for row in task.train.tokens),
        validation_rows=len(task.validation),
        output_dir=args.output_dir,
    )
    return 0


def describe_model(model: PreTrainedModel, batch: dict[str, Tensor]) -> dict[str, Any]:
    """Sizes of a model; null where its kind has no such thing."""
    config = model.config
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "num_labels": config.num_labels,
        "hidden_size": getattr(config, "hidden_size", None),
        "num_hidden_layers": getattr(config, "num_hidden_layers", None),
        "num_attention_heads": getattr(config, "num_attention_heads", None),
        "sequence_length": batch["input_ids"].shape[1],
        "vocab_size": getattr(config, "vocab_size", None),
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
