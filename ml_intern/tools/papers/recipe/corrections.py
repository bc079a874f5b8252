"""What somebody who read the paper adds to its recipe, as long as the paper says it."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from ml_intern.errors import InputError
from ml_intern.tools.papers.document import Document, squeezed
from ml_intern.tools.papers.recipe.numbers import WORD_NUMBER, plain, value_of
from ml_intern.tools.papers.recipe.words import (
    SPLITS,
    VALUES,
    Dataset,
    Found,
    Recipe,
    Reported,
    Value,
)

MOST = 60


class Correction(BaseModel):
    """One value, read by whoever corrects."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: str = Field(
        max_length=200,
        description="Such as learning_rate, data.SST-2.train, metrics.SST-2.accuracy.",
    )
    value: Value | None = Field(
        description="As printed; shares as fractions. Null: the paper does not say it."
    )
    unit: str = Field("", max_length=30)
    sentence: str = Field(
        "", max_length=2_000, description="That says it, verbatim from the paper."
    )


def corrected(recipe: Recipe, document: Document, corrections: Sequence[Correction]) -> Recipe:
    """The recipe with all of them; raises InputError that names each one that cannot be taken."""
    refused = [
        f"{each.name}: {trouble}" for each in corrections if (trouble := _trouble(each, document))
    ]
    if refused:
        raise InputError(
            f"{len(refused)} of {len(corrections)} corrections were refused, and none was taken. "
            + " ".join(refused)
        )
    for each in corrections:
        recipe = _with(recipe, each, document)
    return recipe


def _trouble(correction: Correction, document: Document) -> str:
    """Why it cannot be taken; empty where it can."""
    kind, _, rest = correction.name.partition(".")
    if correction.name not in VALUES and not (kind in ("data", "metrics") and rest):
        return (
            f"there is no such value; there are {', '.join(VALUES)}, data.NAME, data.NAME.SPLIT "
            f"(of {', '.join(SPLITS)}) and metrics.DATASET.METRIC."
        )
    if correction.value is None:
        return ""
    if not document.holds(correction.sentence):
        return "its sentence does not occur verbatim in the paper; copy it from read_paper."
    if isinstance(correction.value, int | float) and not _stands_in(
        correction.value, correction.sentence
    ):
        return f"its sentence does not hold the number {correction.value:g}; give what is printed."
    return ""


def _stands_in(value: int | float, sentence: str) -> bool:
    words = plain(sentence).lower()
    printed = [value_of(found[0]) for found in re.finditer(WORD_NUMBER, words)]
    shares = [value_of(found[1]) / 100 for found in re.finditer(rf"({WORD_NUMBER}) ?%", words)]
    return any(abs(each - value) <= 1e-9 * max(abs(each), abs(value)) for each in printed + shares)


def _with(recipe: Recipe, correction: Correction, document: Document) -> Recipe:
    found = _found(correction, document)
    kind, _, rest = correction.name.partition(".")
    if kind == "data" and rest:
        return recipe.model_copy(update={"data": _with_data(recipe, rest, found)})
    if kind == "metrics" and rest:
        return recipe.model_copy(update={"metrics": _with_metric(recipe, rest, found)})
    return recipe.model_copy(update={correction.name: found})


def _found(correction: Correction, document: Document) -> Found | None:
    if correction.value is None:
        return None
    wanted = squeezed(correction.sentence)
    section = next((each.name for each in document.sections if wanted in squeezed(each.text)), "")
    return Found(value=correction.value, unit=correction.unit, sentence=wanted, section=section)


def _with_data(recipe: Recipe, rest: str, found: Found | None) -> tuple[Dataset, ...]:
    name, dot, split = rest.rpartition(".")
    if not dot or split not in SPLITS:
        name, split = rest, "name"
    known = [each for each in recipe.data if str(each.name.value) == name]
    others = tuple(each for each in recipe.data if str(each.name.value) != name)
    if split == "name":
        if found is None:
            return others
        renamed = found.model_copy(update={"value": name})
        return (*recipe.data, Dataset(name=renamed)) if not known else recipe.data
    if known:
        return (*others, known[0].model_copy(update={split: found}))
    if found is None:
        return recipe.data
    return (*others, Dataset(name=_named(name, found)).model_copy(update={split: found}))


def _named(name: str, found: Found) -> Found:
    """The name, where only the size of a split was given: the same sentence stands for it."""
    return found.model_copy(update={"value": name, "unit": ""})


def _with_metric(recipe: Recipe, rest: str, found: Found | None) -> tuple[Reported, ...]:
    dataset, _, metric = rest.rpartition(".")
    others = tuple(
        each for each in recipe.metrics if (each.dataset, each.metric) != (dataset, metric)
    )
    return (
        others
        if found is None
        else (*others, Reported(metric=metric, dataset=dataset, value=found))
    )
