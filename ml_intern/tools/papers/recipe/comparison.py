"""What a paper says of its experiment beside what a run of ours did. Pure.

The paper's side is the recipe as it was extracted, each value with its sentence; ours is what the
run recorded and what was measured. Nothing of either is invented: what has no counterpart is left
out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_intern.tools.papers.recipe.settings import NAMES, OPTIMISER, SCHEDULES
from ml_intern.tools.papers.recipe.words import Found, Recipe

_MEASURED = {"accuracy": "accuracy", "macro f1": "macro_f1", "loss": "loss"}
"""Metrics of papers, and what our evaluation calls them."""
_UNITS = {"batch_size": "examples", "epochs": "epochs", "steps": "steps", "warmup": "of all steps"}
_PASSES = ("per_device_train_batch_size", "gradient_accumulation_steps")


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What is known of the run."""

    arguments: Mapping[str, Any]
    """That the run recorded."""
    global_step: int | None
    architecture: str
    data: str
    train_rows: int | None
    devices: int
    evaluations: Sequence[Mapping[str, Any]]
    """The `evaluation` facts; that of the test split goes before the others."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One value of the paper, its counterpart, and where the paper says it."""

    what: str
    paper: str
    here: str
    why: str
    """Where they differ, as far as the plan says it."""
    sentence: str
    section: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the paper does not say, or says in several ways, and what was taken here."""

    what: str
    here: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All of it."""

    title: str
    url: str
    compared: tuple[Compared, ...]
    chosen: tuple[Chosen, ...]


def compare(recipe: Mapping[str, Any], planned: Mapping[str, Any], ours: Ours) -> Comparison:
    """Of the facts `recipe_extracted` and `experiment_planned`."""
    words = Recipe.model_validate(recipe["recipe"])
    reasons = _reasons(planned)
    compared = tuple(_compared(words, ours, reasons))
    return Comparison(
        title=str(recipe["title"]),
        url=str(recipe["url"]),
        compared=compared,
        chosen=tuple(_chosen(words, recipe["ambiguous"], ours)),
    )


def _reasons(planned: Mapping[str, Any]) -> dict[str, str]:
    """Why, by what; of several changes, one after the other."""
    found: dict[str, str] = {}
    for each in (*planned.get("changes", ()), *planned.get("not_followed", ())):
        before = found.get(each["what"])
        found[each["what"]] = f"{before}; then {each['why']}" if before else each["why"]
    return found


def _compared(recipe: Recipe, ours: Ours, reasons: Mapping[str, str]) -> Iterator[Compared]:
    for name, found in recipe.flat():
        here = _here(name, found, ours)
        if here is None:
            continue
        paper = shown(found.value, found.unit)
        is_result = name.startswith("metrics.")
        why = "" if is_result or _same(paper, here) else _why(name, reasons)
        yield Compared(
            what=_words(name),
            paper=paper,
            here=here,
            why=why,
            sentence=found.sentence,
            section=found.section,
        )


def _why(name: str, reasons: Mapping[str, str]) -> str:
    if name.startswith("data."):
        name = "train_examples"
    usual = {"architecture": "", "warmup": "the same share of all steps"}
    return reasons.get(name, usual.get(name, "changed on the way"))


def _same(paper: str, here: str) -> bool:
    """Whether they say the same; of names, one may only say it more exactly."""
    first, second = paper.split(" ")[0], here.split(" ")[0]
    try:
        return abs(float(first) - float(second)) <= 1e-9 * abs(float(second))
    except ValueError:
        return paper.lower() == here.lower()


def _here(name: str, found: Found, ours: Ours) -> str | None:
    """The counterpart of a value of the recipe; None where there is none."""
    if name.startswith("metrics."):
        return _measured(name.rpartition(".")[2], ours)
    if name.startswith("data."):
        is_size = name.endswith(".train") and found.unit == "examples"
        return shown(_trained_on(ours), f"examples of {ours.data}") if is_size else None
    value = _argument(name, ours)
    return None if value is None else shown(value, _UNITS.get(name, ""))


def _trained_on(ours: Ours) -> int | None:
    """All rows, or a sample of them."""
    sample, rows = ours.arguments.get("max_train_samples"), ours.train_rows
    return min(sample, rows) if isinstance(sample, int) and sample and rows else rows


def _argument(name: str, ours: Ours) -> Any:
    match name:
        case "optimiser":
            return OPTIMISER
        case "architecture":
            return ours.architecture
        case "steps":
            return ours.global_step
        case "batch_size":
            rows, passes = (ours.arguments.get(each) for each in _PASSES)
            return rows * (passes or 1) * ours.devices if isinstance(rows, int) else None
        case "schedule":
            kind = ours.arguments.get(NAMES[name])
            return next((said for said, each in SCHEDULES.items() if each == kind), kind)
        case _:
            return ours.arguments.get(NAMES.get(name, ""))


def _measured(metric: str, ours: Ours) -> str:
    kind = _MEASURED.get(metric)
    chosen = sorted(ours.evaluations, key=lambda each: each["split"] != "test")
    value = chosen[0]["metrics"].get(kind) if kind and chosen else None
    if value is None:
        return "not measured"
    number = f"{value:.4f}" if kind == "loss" else f"{100 * value:.2f} %"
    return f"{number} ({chosen[0]['split']} of {ours.data})"


def _chosen(recipe: Recipe, ambiguous: Mapping[str, Any], ours: Ours) -> Iterator[Chosen]:
    for name in ("optimiser", "batch_size", *NAMES):
        is_said = getattr(recipe, name) is not None or (name == "epochs" and recipe.steps)
        value = None if is_said else _argument(name, ours)
        if value not in (None, "", 0):
            several = " (the paper says several)" if name in ambiguous else ""
            yield Chosen(what=_words(name), here=f"{shown(value)}{several}")


def shown(value: Any, unit: str = "") -> str:
    """A value as people read it: its digits as they are."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else f"{value:.6g}"
    return f"{value} {unit}".strip()


def _words(name: str) -> str:
    """`metrics.SST-2.macro f1` as `macro f1 on SST-2`."""
    if name.startswith("metrics."):
        dataset, _, metric = name.removeprefix("metrics.").rpartition(".")
        return f"{metric} on {dataset}" if dataset else metric
    if name.startswith("data."):
        dataset, _, split = name.removeprefix("data.").rpartition(".")
        return f"{split} examples of {dataset}"
    return name.replace("_", " ")
