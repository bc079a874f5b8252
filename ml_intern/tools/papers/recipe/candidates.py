"""Values that a paper may state, before it is decided which of them it does state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ml_intern.tools.papers.recipe.words import Found, Value


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One value for one name of the recipe, and where it stands."""

    name: str
    value: Value
    unit: str = ""
    sentence: str
    section: str
    standing: int = 1
    """Of candidates that differ, those of the highest standing decide. 3: it
    says that it holds in general. 2: from where the paper tells how the experiments were run. 0: one of several, and it does not say which it took. -1: it holds for a part of the experiments.
    """
    is_of_side_stage: bool = False
    """Told of a stage before or after the main training: it contests what is told of that, but
    alone it says nothing about it.
    """

    def found(self) -> Found:
        """As the recipe has it."""
        return Found(value=self.value, unit=self.unit, sentence=self.sentence, section=self.section)


def without_parts(by_name: Mapping[str, Sequence[Candidate]]) -> dict[str, list[Candidate]]:
    """Without what holds for a part, if the paper tells how the rest was run."""
    tells_rest = any(each.standing >= 2 for name in _CORE for each in by_name.get(name, ()))
    least = 0 if tells_rest else -1
    return {
        name: [each for each in given if each.standing >= least] for name, given in by_name.items()
    }


_CORE = ("optimiser", "learning_rate", "batch_size", "epochs", "steps")


def foremost(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those of the highest standing."""
    highest = max((each.standing for each in candidates), default=0)
    return [each for each in candidates if each.standing == highest]


def agreed(candidates: Iterable[Candidate]) -> Found | None:
    """What all of them say, in the words of the most exact; None where they differ, or for none."""
    given = list(candidates)
    if all(each.is_of_side_stage for each in given) or any(
        not _same(given[0], each) for each in given[1:]
    ):
        return None
    if isinstance(given[0].value, str):
        return max(given, key=lambda each: len(str(each.value))).found()
    return next((each for each in given if each.unit), given[0]).found()


def differing(candidates: Sequence[Candidate]) -> list[Found]:
    """One of each kind, where they differ; empty where they agree."""
    if agreed(candidates) is not None:
        return []
    kinds: list[Candidate] = []
    for each in candidates:
        if not any(_same(each, known) for known in kinds):
            kinds.append(each)
    return [each.found() for each in kinds]


_EXACT = frozenset({"optimiser", "schedule", "loss"})
"""Whose values are names of lists of ours: `AdamW` is no more exact `Adam`."""


def _same(one: Candidate, other: Candidate) -> bool:
    """Alike, or one of them only says it more exactly (`BERT`, `BERT-base`)."""
    if one.name in _EXACT:
        return one.value == other.value
    if isinstance(one.value, str) and isinstance(other.value, str):
        first, second = _letters(one.value), _letters(other.value)
        return first.startswith(second) or second.startswith(first)
    if isinstance(one.value, str) or isinstance(other.value, str):
        return False
    return _unit(one) == _unit(other) and abs(one.value - other.value) <= 1e-9 * abs(other.value)


def _letters(words: str) -> str:
    return "".join(char for char in words.lower() if char.isalnum())


def _unit(candidate: Candidate) -> str:
    """A table often leaves out the `%` that a sentence writes."""
    return candidate.unit.removesuffix("%")
