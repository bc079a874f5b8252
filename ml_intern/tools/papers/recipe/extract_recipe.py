"""The tool `extract_recipe`: how a paper's experiment was run, each value with its sentence."""

import json
from dataclasses import asdict, replace
from typing import Any, ClassVar

from pydantic import Field, TypeAdapter, ValidationError

from ml_intern.errors import InputError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.papers.apart import READ_S, Apart
from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.forms import open_paper
from ml_intern.tools.papers.recipe.corrections import MOST, Correction, corrected
from ml_intern.tools.papers.recipe.words import SPLITS, VALUES, Extracted, Found, Recipe
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed

SHOWN_CHARS = 300
"""Of a quoted sentence; the fact holds all of it."""
ALL_SHOWN_CHARS = 12_000
"""Of all of them together, so that an answer is never cut in its middle."""
MOST_DATASETS = 12
MOST_METRICS = 20
_EXTRACTED = TypeAdapter(Extracted)


class RecipeArguments(Arguments):
    """Which paper, and what whoever read it knows better."""

    paper: str = Field(
        min_length=1,
        max_length=2_000,
        description="As read_paper takes it: id, title, address, or path.",
    )
    corrections: list[Correction] = Field(
        default=[],
        max_length=MOST,
        description="All values that you read yourself, each with its verbatim sentence.",
    )


class ExtractRecipe(Tool[RecipeArguments]):
    """Reads by rules, and takes what a model read only where the paper says it."""

    name: ClassVar[str] = "extract_recipe"
    description: ClassVar[str] = (
        "Extract a paper's training recipe as JSON: model, optimiser, hyper-parameters, data, "
        "reported metrics, hardware, licences; `from` numbers the sentence that says it. Null: not "
        "found. `ambiguous`: the paper says several; read on and correct with `corrections`."
    )
    arguments = RecipeArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True
    timeout_s: ClassVar[float] = 420.0

    def run(self, args: RecipeArguments, ctx: ToolContext) -> ToolOutcome:
        """Raises InputError and OutsideError, with what to do."""
        opened = open_paper(args.paper, "best", 1, ctx)
        document = opened.document
        found = _extracted(document, ctx)
        recipe = corrected(found.recipe, document, args.corrections)
        settled = {each.name for each in args.corrections}
        ambiguous = {name: each for name, each in found.ambiguous.items() if name not in settled}
        found = Extracted(recipe=recipe, ambiguous=ambiguous)
        fact = Fact(kind="recipe_extracted", data=_fact(args.paper, document, found))
        return replace(succeed(_answer(document, found), fact), sources=opened.sources)


def _extracted(document: Document, ctx: ToolContext) -> Extracted:
    """In a process of its own: a text can be made to keep rules busy for hours.

    Raises InputError, SandboxError.
    """
    content = json.dumps(asdict(document)).encode()
    with Apart(content, document.url, ctx) as reading:
        said = reading.ask({"act": "recipe"}, READ_S)
    try:
        return _EXTRACTED.validate_python(said.get("extracted"))
    except ValidationError as exc:
        raise InputError(f"What was read from {document.url} makes no sense.") from exc


def _fact(paper: str, document: Document, found: Extracted) -> dict[str, Any]:
    return {
        "paper": paper,
        "title": document.title,
        "url": document.url,
        "recipe": found.recipe.model_dump(mode="json"),
        "ambiguous": {
            name: [each.model_dump(mode="json") for each in values]
            for name, values in found.ambiguous.items()
        },
    }


def _answer(document: Document, found: Extracted) -> dict[str, Any]:
    """The values, and below them each sentence once."""
    quotes = Quotes()
    recipe = found.recipe
    answer: dict[str, Any] = {
        "title": document.title,
        "url": document.url,
        "read_from": document.how,
        **{name: quotes.shown(getattr(recipe, name)) for name in VALUES},
        "data": _data(recipe, quotes),
        "metrics": _metrics(recipe, quotes),
        "ambiguous": {
            name: [quotes.shown(each) for each in values[:4]]
            for name, values in found.ambiguous.items()
        },
    }
    if document.notes:
        answer["note"] = " ".join(document.notes)
    return {**answer, "sentences": quotes.sentences()}


class Quotes:
    """Numbers the sentences in the order in which they are used."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def sentences(self) -> dict[str, dict[str, str]]:
        """By their numbers; the more there are, the less of each."""
        most = min(SHOWN_CHARS, ALL_SHOWN_CHARS // max(1, len(self._numbers)))
        return {
            str(number): {"section": section[:most], "text": sentence[:most]}
            for (section, sentence), number in self._numbers.items()
        }

    def shown(self, found: Found | None) -> dict[str, Any] | None:
        """A value with the number of its sentence."""
        if found is None:
            return None
        key = (found.section, found.sentence)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
        unit = {"unit": found.unit} if found.unit else {}
        return {"value": found.value, **unit, "from": self._numbers[key]}


def _data(recipe: Recipe, quotes: Quotes) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name.value,
            "from": (quotes.shown(each.name) or {})["from"],
            **{split: quotes.shown(getattr(each, split)) for split in SPLITS},
        }
        for each in recipe.data[:MOST_DATASETS]
    ]


def _metrics(recipe: Recipe, quotes: Quotes) -> list[dict[str, Any]]:
    return [
        {"dataset": each.dataset, "metric": each.metric, **(quotes.shown(each.value) or {})}
        for each in recipe.metrics[:MOST_METRICS]
    ]
