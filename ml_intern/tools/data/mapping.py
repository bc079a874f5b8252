"""Which column holds the text and which the class, by what they hold and only then by their names.

Where two columns have equal claims, none is chosen: a person knows, and the report ranks them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ml_intern.tools.data.columns import MAX_FEW, Column, Profile
from ml_intern.tools.data.names import ASIDE, CERTAIN, LABEL, TEXT, hint, is_split

CLEAR_LEAD = 1.0
"""By how much the best column must beat the next one."""


@dataclass(frozen=True)
class Mapping:
    """The chosen columns, the ranked candidates, and the reasons in words."""

    text: str | None = None
    label: str | None = None
    image: str | None = None
    why: str = ""
    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Ranking:
    columns: tuple[Column, ...]
    clear: bool

    @property
    def best(self) -> Column | None:
        return self.columns[0] if self.clear and self.columns else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def is_index(column: Column, rows: int) -> bool:
    """Whether the column only numbers or names the rows."""
    if column.present < max(2, rows) or column.distinct < column.present:
        return False
    named = (
        hint(column.name, frozenset(["id", "idx", "index", "uuid", "guid", "key", "unnamed"])) > 0
    )
    return column.ascending or (named and column.wordy == 0)


def choose(profile: Profile) -> Mapping:
    """The mapping for text classification."""
    texts = rank_texts(profile)
    labels = rank_labels(profile, texts.best)
    problems = [*_unclear("text", texts), *_unclear("class", labels), *_splits_by_column(profile)]
    return Mapping(
        text=texts.best.name if texts.best else None,
        label=labels.best.name if labels.best else None,
        why=" ".join([_why_text(texts.best), _why_label(labels.best)]).strip(),
        texts=texts.names,
        labels=labels.names,
        problems=tuple(problems),
    )


def choose_label(profile: Profile) -> Mapping:
    """The mapping for pictures, whose other columns stand in `profile`."""
    labels = rank_labels(profile, None)
    return Mapping(
        image="image",
        label=labels.best.name if labels.best else None,
        why=_why_label(labels.best),
        labels=labels.names,
        problems=tuple(_unclear("class", labels)),
    )


def rank_texts(profile: Profile) -> _Ranking:
    """Columns of free text, best first: long, mostly different, of words."""
    strings = [c for c in profile.columns.values() if c.kind == "string" and c.distinct > 1]
    wordy = [c for c in strings if c.wordy * 2 > c.present]
    return _rank([c for c in wordy if not _repeats(c)] or [*filter(_is_word, strings)], _text_score)


def rank_labels(profile: Profile, text: Column | None) -> _Ranking:
    """Columns of classes, best first: few values, each of which comes back."""
    columns = list(profile.columns.values())
    candidates = [c for c in columns if c is not text and _can_be_label(c)]
    last = columns[-1] if columns else None
    ranking = _rank(candidates, lambda column: _label_score(column) + 0.25 * (column is last))
    return _prefer_words(ranking)


def _rank(candidates: Sequence[Column], score: Callable[[Column], float]) -> _Ranking:
    scores = {column.name: score(column) for column in candidates}
    ordered = tuple(sorted(candidates, key=lambda column: -scores[column.name]))
    lead = scores[ordered[0].name] - scores[ordered[1].name] if len(ordered) > 1 else math.inf
    return _Ranking(ordered, lead >= CLEAR_LEAD)


def _text_score(column: Column) -> float:
    """Twice the length is worth one point, being all different too; a telling name two."""
    different = column.distinct / max(1, column.present)
    aside = hint(column.name, ASIDE) * 1.5 * (hint(column.name, TEXT) == 0)
    return math.log2(1 + column.mean_length) + different + 2 * hint(column.name, TEXT) - aside


def _is_word(column: Column) -> bool:
    """Mostly different single words, such as names; not codes."""
    digits = any(char.isdigit() for example in column.examples for char in example)
    return column.distinct * 2 > column.present and not digits


def _repeats(column: Column) -> bool:
    """Classes rather than texts: every value comes back several times, and there are few."""
    return column.distinct * 5 <= column.present and column.distinct <= 100


def _can_be_label(column: Column) -> bool:
    few = 2 <= column.distinct <= min(MAX_FEW, max(2, column.present // 2))
    if not few or not column.codes or column.kind == "nested":
        return False
    values = column.counts()
    if column.kind == "number" and not all(float(value).is_integer() for value in values):
        return False
    return not all(is_split(value) for value in values)


def _label_score(column: Column) -> float:
    """A telling name is worth most; then words before numbers, and few values before many."""
    kind = {"string": 1.0, "boolean": 1.0, "integer": 0.5}.get(column.kind, 0.0)
    few = 1.0 if column.distinct <= 20 else 0.5 if column.distinct <= 100 else 0.0
    if column.kind in ("integer", "number") and column.distinct > 20:
        kind, few = 0.0, 0.0
    often = 0.5 * (column.present >= 10 * column.distinct)
    named = hint(column.name, LABEL)
    aside = 2 * hint(column.name, ASIDE) * (named < 1)
    certain = 1.5 * hint(column.name, CERTAIN)
    return 4 * named + certain + kind + few + often - aside - (column.mean_length > 40)


def _prefer_words(ranking: _Ranking) -> _Ranking:
    """Columns that say the same are no rivals: of a number and its name, the name is taken."""
    if not ranking.columns:
        return ranking
    first, *others = ranking.columns
    same = [column for column in others if column.agrees_with(first)]
    rivals = [column for column in others if column not in same]
    if not same:
        return ranking
    best = next((c for c in (first, *same) if c.kind == "string"), first)
    return _Ranking((best, *(c for c in ranking.columns if c is not best)), _leads(first, rivals))


def _leads(first: Column, rivals: Sequence[Column]) -> bool:
    return all(_label_score(first) - _label_score(rival) >= CLEAR_LEAD for rival in rivals)


def _why_text(column: Column | None) -> str:
    if column is None:
        return "No column stands out as text."
    share = round(100 * column.distinct / max(1, column.present))
    return (
        f"{column.name!r} is the text: {column.mean_length:.0f} characters on average, "
        f"{share} % of its values are different."
    )


def _why_label(column: Column | None) -> str:
    if column is None:
        return "No column stands out as the class."
    return (
        f"{column.name!r} is the class: {column.distinct} different values "
        f"in {column.present} rows."
    )


def _unclear(role: str, ranking: _Ranking) -> list[str]:
    if ranking.clear or not ranking.columns:
        return []
    names = ", ".join(repr(name) for name in ranking.names[:5])
    argument = "label_column" if role == "class" else "text_column"
    return [
        f"More than one column can be the {role}: {names}. Say which one is meant and name it in "
        f"{argument} of prepare_dataset."
    ]


def _splits_by_column(profile: Profile) -> list[str]:
    return [
        f"Column {column.name!r} names splits; rows are not divided by it. Write one file per "
        "split into a folder and name the folder, if these splits are to be kept."
        for column in profile.columns.values()
        if 0 < column.distinct <= 5 and column.codes and all(map(is_split, column.counts()))
    ]
