"""A document's recipe: every value that it states once, or always alike, with where it stands."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ml_intern.tools.papers.document import Document, squeezed
from ml_intern.tools.papers.recipe.candidates import (
    Candidate,
    agreed,
    differing,
    foremost,
    without_parts,
)
from ml_intern.tools.papers.recipe.data import data_of
from ml_intern.tools.papers.recipe.names import named_in
from ml_intern.tools.papers.recipe.own_names import own_names
from ml_intern.tools.papers.recipe.release import released_in
from ml_intern.tools.papers.recipe.results import results_of
from ml_intern.tools.papers.recipe.rules import numbers_in
from ml_intern.tools.papers.recipe.scope import placed, side_stages, standing_of
from ml_intern.tools.papers.recipe.sentences import Sentence, sentences_of
from ml_intern.tools.papers.recipe.subject import (
    architectures_in,
    image_sizes_in,
    most_specific,
    size_in_name,
    tasks_of,
)
from ml_intern.tools.papers.recipe.tables import in_item, in_tables
from ml_intern.tools.papers.recipe.words import SPLITS, VALUES, Dataset, Extracted, Found, Recipe


def extract(document: Document) -> Extracted:
    """By rules alone. Every quoted sentence occurs in the document."""
    sentences = sentences_of(document)
    names = own_names(document.title, sentences, document.tables)
    models = _built_on(sentences, names)
    sentences = placed(sentences, names, models)
    source = _Source(document)
    by_name: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in _candidates(document, sentences, names):
        if source.holds(candidate.sentence, candidate.section):
            by_name[candidate.name].append(candidate)
    by_name["architecture"] = most_specific(by_name["architecture"])
    for found in by_name["architecture"]:
        by_name["parameters"].extend(size_in_name(found))
    decisive = {name: foremost(given) for name, given in without_parts(by_name).items()}
    data = tuple(
        source.kept(each) for each in data_of(document, sentences) if source.has(each.name)
    )
    reported = results_of(document, sentences, names, data)
    recipe = Recipe(
        **{name: agreed(decisive[name]) for name in VALUES if name in decisive},
        data=data,
        metrics=tuple(each for each in reported if source.has(each.value)),
    )
    contested = {name: tuple(differing(given)) for name, given in decisive.items()}
    return Extracted(
        recipe=recipe, ambiguous={name: found for name, found in contested.items() if found}
    )


def _built_on(sentences: Sequence[Sentence], names: Sequence[str]) -> tuple[str, ...]:
    """The models that the authors say they train: what is told of them is their own doing."""
    found = (each.value for one in sentences for each in architectures_in(one, names))
    return tuple(dict.fromkeys(map(str, found)))


def _candidates(
    document: Document, sentences: Sequence[Sentence], names: Sequence[str]
) -> Iterator[Candidate]:
    yield from in_tables(document, names)
    before: Sentence | None = None
    beside = side_stages(sentences)
    for sentence in sentences:
        standing = standing_of(sentence)
        for candidate in _in_sentence(sentence, names):
            is_beside = sentence.place in beside and candidate.name in _OF_A_STAGE
            yield replace(candidate, standing=standing, is_of_side_stage=is_beside)
        if before is None or before.paragraph != sentence.paragraph:
            before = None
        yield from released_in(sentence, before)
        before = sentence
    yield from tasks_of(document.title, sentences)


def _in_sentence(sentence: Sentence, names: Sequence[str]) -> Iterator[Candidate]:
    yield from numbers_in(sentence)
    yield from named_in(sentence)
    yield from architectures_in(sentence, names)
    yield from image_sizes_in(sentence)
    yield from in_item(sentence)


_OF_A_STAGE = frozenset(
    {
        "learning_rate",
        "schedule",
        "warmup",
        "batch_size",
        "batch_size_per_device",
        "gradient_accumulation_steps",
        "epochs",
        "steps",
        "weight_decay",
        "dropout",
        "label_smoothing",
    }
)
"""What each stage of a training chooses anew."""


class _Source:
    """The sections of a document by their names, to look whether a quote stands in them."""

    def __init__(self, document: Document) -> None:
        self._texts: dict[str, list[str]] = defaultdict(list)
        self._texts[""].append(squeezed(document.title))
        for section in document.sections:
            self._texts[section.name].append(squeezed(section.text))

    def holds(self, sentence: str, section: str) -> bool:
        """Whether these words stand in a section of this name, white space aside."""
        wanted = squeezed(sentence)
        return bool(wanted) and any(wanted in text for text in self._texts.get(section, ()))

    def has(self, found: Found) -> bool:
        """Whether its quote does."""
        return self.holds(found.sentence, found.section)

    def kept(self, dataset: Dataset) -> Dataset:
        """Without sizes whose quotes do not."""
        missing = {
            split: None
            for split in SPLITS
            if (size := getattr(dataset, split)) is not None and not self.has(size)
        }
        return dataset.model_copy(update=missing)
