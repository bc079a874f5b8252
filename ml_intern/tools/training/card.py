"""The text of a model card. Every number in it is handed in as it was measured or recorded.

Pure: from `Card` to Markdown with the front matter that the Hub reads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ml_intern.tools.hub.licences import Ingredient, Licence
from ml_intern.tools.hub.source import HubSource
from ml_intern.tools.papers.recipe.comparison import Compared, Comparison
from ml_intern.tools.training.attempts import Attempt
from ml_intern.tools.training.certainty import caution, interval_95
from ml_intern.tools.training.front_matter import front_matter
from ml_intern.tools.untrusted import cleaned

_NO_LICENSE = "License: not stated. Add `license` to the head of this card before you pass it on."
_NO_TRACE = "The trace of the session stayed where this model was made, so none is linked here."
_TITLE = re.compile(r"^# .*$", re.MULTILINE)
_MARKUP = re.compile(r"[\\`*_\[\]<>#!~$&]")
_MOST_CLASSES = 60
_UNINTERESTING = frozenset(
    (
        *("dummy_forward", "smoke", "output_dir", "overwrite_output_dir", "logging_steps"),
        *("push_to_hub", "hub_model_id", "hub_private_repo", "resume_from_checkpoint"),
        *("train_dir", "validation_dir", "test_dir", "train_file", "validation_file", "test_file"),
        *("train_split_name", "validation_split_name", "train_val_split", "dataset_name"),
        *("image_column_name", "text_column_name", "label_column_name", "model_revision"),
        *("dataset_config_name", "dataset_revision", "dataloader_num_workers", "num_labels"),
    )
)

_USE_IMAGE = """\
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

folder = "."  # this folder, or the id of this repository on the Hub
processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
model = AutoModelForImageClassification.from_pretrained(folder)
image = Image.open("picture.png").convert("{mode}")
inputs = processor(images=[image], return_tensors="pt")
with torch.inference_mode():
    scores = model(**inputs).logits.softmax(dim=-1)[0]
print(model.config.id2label[scores.argmax().item()], scores.max().item())
"""

_USE_TEXT = """\
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = "."  # this folder, or the id of this repository on the Hub
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder)
longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)
inputs = tokenizer("A text.", truncation=True, max_length=longest, return_tensors="pt")
with torch.inference_mode():
    scores = model(**inputs).logits.softmax(dim=-1)[0]
print(model.config.id2label[scores.argmax().item()], scores.max().item())
"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that a card says, and nothing else."""

    model_name: str
    summary: str
    limitations: str
    task: str
    config: Mapping[str, Any]
    """Of the model: `config.json`."""
    dataset: Mapping[str, Any]
    """The record of its preparation."""
    dataset_name: str
    hub_dataset: HubSource | None = None
    """Where it is one of the Hub."""
    validation: Mapping[str, Any]
    """The `evaluation` fact."""
    test: Mapping[str, Any] | None
    """None: the test split was spent on other weights."""
    parameters: int | None
    arguments: Mapping[str, Any]
    done: Mapping[str, Any]
    hardware: Mapping[str, Any]
    threads: str | None
    attempts: Sequence[Attempt]
    changes: Sequence[Mapping[str, Any]]
    """The `change_agreed` facts."""
    picture: str | None
    made_of: Sequence[Ingredient] = ()
    licence: Licence | None = None
    """Of this model; None: nobody has said one, and what it is made of leaves it open."""
    trace_url: str = ""
    """Of the session that made it; empty: it is nowhere that could be named."""
    paper: Comparison | None = None
    """With the paper whose experiment was planned, if one was."""


def render(card: Card) -> str:
    """The whole README.md."""
    sections = [
        f"# {_one_line(card.model_name)}",
        card.summary.strip(),
        _headline(card),
        "## How to use",
        _usage(card),
        "## Training data",
        _data(card),
        "## Training",
        _training(card),
        "## Results",
        _results(card),
        *_paper(card.paper),
        "## How it came about",
        _history(card),
        "## Limitations",
        _limitations(card),
        "## License",
        _license(card),
        "## Reproduce",
        _reproduce(),
    ]
    body = "\n\n".join(section for section in sections if section)
    return f"{front_matter(_metadata(card))}\n{body}\n"


def entitled(text: str, name: str) -> str:
    """A card that `render` has written, under another name: in its title and in its model index."""
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    metadata = yaml.safe_load(head)
    for model in metadata["model-index"]:
        model["name"] = name
    return front_matter(metadata) + _TITLE.sub(lambda _: f"# {name}", body, count=1)


def _metadata(card: Card) -> dict[str, Any]:
    model_type = card.config.get("model_type")
    tags = [card.task, *([str(model_type)] if model_type else []), "ml-intern"]
    data: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": card.task,
        "tags": tags,
    }
    if card.licence is not None:
        data |= card.licence.head()
    if bases := _on_hub(card, "model"):
        data["base_model"] = bases
    if datasets := _on_hub(card, "dataset"):
        data["datasets"] = datasets
    data["metrics"] = ["accuracy", "f1"]
    results = [_index_entry(card, found) for found in (card.validation, card.test) if found]
    data["model-index"] = [{"name": _one_line(card.model_name), "results": results}]
    return data


def _index_entry(card: Card, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    names = {"accuracy": "Accuracy", "f1": "Macro F1", "loss": "Loss"}
    values = {**evaluation["metrics"], "f1": evaluation["metrics"]["macro_f1"]}
    return {
        "task": {"type": card.task, "name": _words(card.task)},
        "dataset": _indexed_dataset(card, evaluation["split"]),
        "metrics": [
            {"type": kind, "value": values[kind], "name": f"{name} ({evaluation['split']})"}
            for kind, name in names.items()
            if values[kind] is not None
        ],
    }


def _indexed_dataset(card: Card, split: str) -> dict[str, Any]:
    """`split` is one of ours: where the source had none of that name it was made from others."""
    found = card.hub_dataset
    if found is None:
        return {"name": card.dataset_name, "type": card.dataset_name, "split": split}
    return {
        "name": found.repo.id,
        "type": found.repo.id,
        **({"config": found.config} if found.config else {}),
        "revision": found.revision,
        "split": split,
    }


def _on_hub(card: Card, role: str) -> list[str]:
    """The ids of those ingredients that are repositories of the Hub."""
    return [each.name for each in card.made_of if each.role == role and each.repo is not None]


def _headline(card: Card) -> str:
    kind = card.config.get("architectures") or [card.config.get("model_type", "model")]
    size = f" with {card.parameters:,} parameters" if card.parameters else ""
    scores = [
        f"{card.validation['metrics']['accuracy']:.2%} of {card.validation['rows']} validation"
    ]
    if card.test is not None:
        scores.append(f"{card.test['metrics']['accuracy']:.2%} of {card.test['rows']} test")
    return (
        f"A `{kind[0]}`{size} for {_words(card.task)} into {len(card.dataset['labels'])} classes. "
        f"It gets {' and '.join(scores)} examples right."
    )


def _usage(card: Card) -> str:
    mode = "L" if card.config.get("num_channels") == 1 else "RGB"
    code = _USE_IMAGE.format(mode=mode) if card.task == "image-classification" else _USE_TEXT
    return f"```python\n{code}```"


def _data(card: Card) -> str:
    rows = card.dataset["rows"]
    lines = [
        f"`{_one_line(card.dataset_name)}`, fingerprint `{card.dataset['fingerprint']}`.",
        "",
        *_table(("split", "examples"), [(split, count) for split, count in rows.items()]),
        "",
        _dropped(card.dataset.get("dropped") or {}),
        *_taken_for_no_label(card.dataset.get("taken_for_no_label") or {}),
        "",
        *_balance(card.dataset),
    ]
    return "\n".join(lines).rstrip()


def _dropped(dropped: Mapping[str, int]) -> str:
    found = [f"{count} ({_words(why)})" for why, count in dropped.items() if count]
    return (
        f"Left out before splitting: {', '.join(found)}." if found else "No example was left out."
    )


def _taken_for_no_label(texts: Mapping[str, int]) -> list[str]:
    found = [f"`{_one_line(text)}` ({count})" for text, count in texts.items()]
    return [f"Taken for a missing label: {', '.join(found)}."] if found else []


def _balance(dataset: Mapping[str, Any]) -> list[str]:
    counts: Mapping[str, Any] = dataset.get("class_counts") or {}
    if not counts:
        return [
            f"Classes: {', '.join(_cell(label) for label in dataset['labels'][:_MOST_CLASSES])}."
        ]
    if all(isinstance(found, Mapping) for found in counts.values()):
        splits = list(counts)
        rows = [
            (label, *(counts[split].get(label, 0) for split in splits))
            for label in dataset["labels"][:_MOST_CLASSES]
        ]
        return _table(("class", *splits), rows)
    return _table(("class", "examples"), list(counts.items())[:_MOST_CLASSES])


def _training(card: Card) -> str:
    done = card.done
    facts = [
        f"{_number(done['global_step'])} optimizer steps" if "global_step" in done else "",
        f"{_number(done['epoch'])} epochs" if done.get("epoch") is not None else "",
        f"{done['train_seconds']:.1f} s" if done.get("train_seconds") is not None else "",
        f"best model at step {_number(done['best_step'])}" if done.get("best_step") else "",
    ]
    lines = [f"{', '.join(fact for fact in facts if fact)}.".lstrip(".")]
    if card.picture is not None:
        lines += ["", f"![Loss and accuracy over the steps of training]({card.picture})"]
    lines += ["", *_table(("argument", "value"), _arguments(card)), "", _hardware(card)]
    return "\n".join(lines).strip()


def _arguments(card: Card) -> list[tuple[str, Any]]:
    """What was set; where 0 means "as the data has it", what the model then got."""
    known = {
        name: card.config.get(name, value) if value == 0 and isinstance(value, int) else value
        for name, value in card.arguments.items()
        if name not in _UNINTERESTING
    }
    return [
        (f"`{name}`", _argument(name, value))
        for name, value in known.items()
        if value not in ("", None) and not (value == 0 and isinstance(value, int))
    ]


def _argument(name: str, value: Any) -> str:
    if name == "warmup_steps" and isinstance(value, int | float) and 0 < value < 1:
        return f"{value:.4g} (as a share of all steps)"
    return _number(value)


def _hardware(card: Card) -> str:
    gpus = [gpu["name"] for gpu in card.hardware.get("gpus", [])]
    packages = card.hardware.get("packages", {})
    versions = [
        f"{name} {packages[name]}" for name in ("torch", "transformers") if name in packages
    ]
    machine = " and ".join(gpus) or "a CPU"
    cores = f", {card.hardware['cpus']} cores" if "cpus" in card.hardware else ""
    threads = f", {card.threads} thread{'' if card.threads == '1' else 's'}" if card.threads else ""
    memory = card.hardware.get("memory_bytes")
    room = f", {memory / 2**30:.0f} GiB of memory" if memory else ""
    software = f"; {', '.join(versions)}" if versions else ""
    return f"Trained on {machine}{cores}{room}{threads}{software}."


def _results(card: Card) -> str:
    found = [evaluation for evaluation in (card.validation, card.test) if evaluation is not None]
    names = {"accuracy": "accuracy", "macro_f1": "macro F1", "loss": "loss"}
    rows = [
        (shown, *(_metric(evaluation["metrics"][name]) for evaluation in found))
        for name, shown in names.items()
    ]
    intervals = [interval_95(e["metrics"]["accuracy"], e["rows"]) for e in found]
    rows.insert(1, ("95 % interval", *(f"{low:.4f} to {high:.4f}" for low, high in intervals)))
    rows.append(("examples", *(evaluation["rows"] for evaluation in found)))
    lines = _table(("", *(evaluation["split"] for evaluation in found)), rows)
    cautions = [
        f"{evaluation['split'].capitalize()}: {text}"
        for evaluation, interval in zip(found, intervals, strict=True)
        if (text := caution(evaluation["rows"], *interval))
    ]
    noted = [part for text in cautions for part in ("", text)]
    return "\n".join([*lines, *noted, "", _provenance(card), "", *_per_class(found)]).rstrip()


def _provenance(card: Card) -> str:
    words = (
        "Measured by ml-intern's own scorer on these weights "
        f"(sha256 `{card.validation['weights_sha256']}`). Decisions were made on validation; "
    )
    if card.test is None:
        return words + "the test split was spent on other weights, so there is no test score."
    return words + "test was kept out of reach of the training code and was scored once."


def _per_class(found: Sequence[Mapping[str, Any]]) -> list[str]:
    per_class = [evaluation.get("per_class") or {} for evaluation in found]
    labels = list(dict.fromkeys(label for classes in per_class for label in classes))
    heads = [
        f"{evaluation['split']} {name}"
        for evaluation in found
        for name in ("precision", "recall", "F1", "examples")
    ]
    rows = [
        (label, *(cell for classes in per_class for cell in _class_cells(classes.get(label))))
        for label in labels[:_MOST_CLASSES]
    ]
    left = len(labels) - _MOST_CLASSES
    note = [f"{left} more classes are in `reproduce/metrics.json`."] if left > 0 else []
    return [*_table(("class", *heads), rows), *note] if rows else []


def _class_cells(scores: Mapping[str, Any] | None) -> list[str]:
    if scores is None:
        return ["n/a"] * 4
    shown = [_metric(scores.get(name)) for name in ("precision", "recall", "f1")]
    return [*shown, str(scores.get("rows", "n/a"))]


def _paper(found: Comparison | None) -> list[str]:
    """What the paper says beside what was done here, and each sentence that says it."""
    if found is None:
        return []
    quotes = list(dict.fromkeys((each.section, each.sentence) for each in found.compared))
    rows = [
        (_verbatim(each.what), _verbatim(each.paper), each.here, each.why, _number_of(quotes, each))
        for each in found.compared
    ]
    where = f" ({_verbatim(found.url)})" if "://" in found.url else ""
    lines = [
        f"{_verbatim(found.title)}{where}. What it says stands in the sentences below the table; "
        "what was done here, in `done.json` and in the results above.",
        "",
        *_table(("", "paper", "here", "why", "sentence"), rows),
        "",
        *(f"{number}. {_quote(*quote)}" for number, quote in enumerate(quotes, 1)),
    ]
    if found.chosen:
        chosen = "; ".join(f"{each.what} {each.here}" for each in found.chosen)
        lines += ["", f"Not found in the paper and chosen here: {chosen}."]
    return ["## From the paper", "\n".join(lines)]


def _number_of(quotes: Sequence[tuple[str, str]], each: Compared) -> int:
    return quotes.index((each.section, each.sentence)) + 1


def _quote(section: str, sentence: str) -> str:
    where = f" ({_verbatim(section)})" if section else ""
    return f"“{_verbatim(sentence)}”{where}"


def _licences(made_of: Ingredient) -> str:
    """As others name them."""
    return ", ".join(_verbatim(one.shown) for one in made_of.licences) or "—"


def _verbatim(text: str) -> str:
    """Words from outside, so that a page shows them as they are and does nothing else with them."""
    return _MARKUP.sub(r"\\\g<0>", _one_line(cleaned(text).text))


def _history(card: Card) -> str:
    runs = [
        f"{number}. {_one_line(attempt.ending)}."
        + (f" Changed: {'; '.join(attempt.changes)}." if attempt.changes else "")
        for number, attempt in enumerate(card.attempts, start=1)
    ]
    agreed = [
        f"- {_one_line(str(change['what']))}: {_one_line(str(change['was']))} → "
        f"{_one_line(str(change['becomes']))}"
        for change in card.changes
    ]
    words = ["", "Agreed with the person who asked for this model:", ""] if agreed else []
    return "\n".join([*runs, *words, *agreed, "", _trace(card)])


def _trace(card: Card) -> str:
    if not card.trace_url:
        return _NO_TRACE
    return f"The session step by step, for those who may read it: [its trace]({card.trace_url})."


def _limitations(card: Card) -> str:
    own = (
        f"It knows only the classes above and was measured on {card.validation['rows']} validation "
        f"and {card.dataset['rows'].get('test', 0)} test examples of one dataset. On data of "
        "another kind it has not been measured. Biases of the dataset are biases of the model."
    )
    return "\n\n".join(text for text in (card.limitations.strip(), own) if text)


def _license(card: Card) -> str:
    """Of this model, and of everything that it is made of."""
    own = f"License: `{card.licence.shown}`." if card.licence is not None else _NO_LICENSE
    rows = [(each.role, each.name, _licences(each), each.note) for each in card.made_of]
    made = ["", "What it is made of:", "", *_table(("", "", "license", ""), rows)] if rows else []
    return "\n".join([own, *made])


def _reproduce() -> str:
    return (
        "`reproduce/` holds the script, the data splits, the resolved requirements and what was "
        "measured:\n\n"
        "```\npip install -r reproduce/requirements.txt\npython reproduce/reproduce.py\n```\n\n"
        "It trains again, scores again, and compares."
    )


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]


def _cell(value: Any) -> str:
    return _one_line(str(value)).replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _words(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


def _metric(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "n/a"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
