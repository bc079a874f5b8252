"""Which column is the label and which the text: as the person names them, else as inspection chose.

Whatever the words name beats a guess. Where they name several, or one that cannot be it, nothing is
chosen, and the reason is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ml_intern.llm.autopilot.case import Case, Data
from ml_intern.llm.autopilot.reading.family import speaks_of_classes
from ml_intern.llm.autopilot.reading.mentions import (
    Mention,
    alluded,
    find_mentions,
    meant_by,
    told_by,
)
from ml_intern.llm.autopilot.words import listed

_SAYS_LABEL = re.compile(r"(?:labels?|class(?:es)?|targets?|categor(?:y|ies)|y)", re.IGNORECASE)
"""Names that no other guess stands against."""
_MANY_NUMBERS = 20


@dataclass(frozen=True)
class Choice:
    """The column; or why none is chosen."""

    column: str | None = None
    rivals: tuple[str, ...] = ()
    """Several that the words may mean."""
    unfit: str | None = None
    """Why the named one cannot be it; a whole sentence."""
    beyond: str | None = None
    """What the words ask for with it, if no recipe covers that."""


def choose_label(case: Case, data: Data) -> Choice:
    """The label column."""
    named = case.objective.label_column
    if named is not None:
        return _judge_label(case, data, named_column(case, data, named) or named)
    mentions = _mentions(case, data)
    cued = [m for m in mentions if m.role == "label" and not _is_plain_text(m, data)]
    spoken = _fitting([m.column for m in cued], data) or [m.column for m in cued]
    if not spoken:
        spoken = [
            m.column
            for m in mentions
            if not m.plain and m.role in (None, "object") and m.column in _labels(data)
        ]
    if len(spoken) > 1:
        return Choice(rivals=tuple(spoken))
    return _judge_label(case, data, spoken[0]) if spoken else _guess_label(case, data, mentions)


def choose_text(case: Case, data: Data) -> Choice:
    """The text column."""
    named = case.objective.text_column
    if named is not None:
        return Choice(named_column(case, data, named) or named)
    label = choose_label(case, data).column
    mentions = [m for m in _mentions(case, data) if m.column != label]
    texts = _texts(data)
    spoken = [m.column for m in mentions if m.role == "text" and (not m.plain or m.column in texts)]
    if not spoken:
        spoken = [
            m.column for m in mentions if m.column in texts and not (m.plain and m.role is None)
        ]
    if len(spoken) > 1:
        return Choice(rivals=tuple(spoken))
    if spoken:
        return _judge_text(data, spoken[0])
    return Choice(_guess_text(case, data, [m.column for m in mentions if m.column in texts]))


def among(name: str, columns: Sequence[str]) -> str | None:
    """The column of this name, or with this last part; capital letters do not matter where only
    one fits."""
    if name in columns:
        return name
    folded = name.casefold()
    alike = [column for column in columns if column.casefold() == folded]
    alike = alike or [column for column in columns if column.casefold().endswith(f".{folded}")]
    return alike[0] if len(alike) == 1 else None


def named_column(case: Case, data: Data, name: str) -> str | None:
    """The column of this name; or the one that goes on as the words do: `text: Ticket Text`, of
    which only the first word was taken for the name."""
    found = among(name, data.columns)
    if found is not None:
        return found
    spoken = " ".join(case.objective.words.casefold().split())
    longer = [
        column
        for column in data.columns
        if column.casefold().startswith(f"{name.casefold()} ") and column.casefold() in spoken
    ]
    return max(longer, key=len, default=None)


def _mentions(case: Case, data: Data) -> list[Mention]:
    """Every mention but what is set aside, and the pictures' own column."""
    found = find_mentions(case.objective.words, data.columns)
    picture = data.mapped("image")
    text = case.objective.text_column
    return [m for m in found if m.role != "aside" and m.column not in (picture, text)]


def _aside(case: Case, data: Data) -> set[str]:
    found = find_mentions(case.objective.words, data.columns)
    return {m.column for m in found if m.role == "aside"}


def _labels(data: Data) -> list[str]:
    mapped = data.mapped("label")
    return [*([mapped] if mapped else []), *data.alternatives("label")]


def _texts(data: Data) -> list[str]:
    mapped = data.mapped("text")
    return [*([mapped] if mapped else []), *data.alternatives("text")]


def _is_plain_text(mention: Mention, data: Data) -> bool:
    """`classify each review by content`: an ordinary word that is also the name of the text."""
    return mention.plain and mention.column in _texts(data) and mention.column not in _labels(data)


def _fitting(columns: list[str], data: Data) -> list[str]:
    return [column for column in columns if _why_not_label(data, column) is None]


def _guess_label(case: Case, data: Data, mentions: Sequence[Mention]) -> Choice:
    aside = _aside(case, data)
    choices = [column for column in _labels(data) if column not in aside]
    mapped = data.mapped("label") if data.mapped("label") not in aside else None
    meant = meant_by(case.objective.words, choices)
    plain = [m.column for m in mentions if m.column in choices]
    if meant and mapped not in meant:
        return Choice(meant[0]) if len(meant) == 1 else Choice(rivals=tuple(meant))
    if mapped is None:
        spoken = plain or (alluded(case.objective.words, choices) if len(choices) > 1 else choices)
        return Choice(spoken[0]) if len(spoken) == 1 else Choice()
    if _SAYS_LABEL.fullmatch(mapped) or mapped in meant or mapped in plain:
        return Choice(mapped)
    if plain:
        return Choice(rivals=(mapped, *plain))
    if len(choices) > 1 and told_by(case.objective.words) and not data.images:
        return Choice(rivals=tuple(choices))
    return Choice(mapped)


def _guess_text(case: Case, data: Data, plain: Sequence[str]) -> str | None:
    mapped, aside = data.mapped("text"), _aside(case, data)
    if mapped is not None and mapped not in aside:
        return mapped
    choices = [column for column in _texts(data) if column not in aside]
    for found in (choices, list(plain)):
        if len(found) == 1:
            return found[0]
    return None


def _judge_label(case: Case, data: Data, column: str) -> Choice:
    """The named label, unless its values are no classes."""
    why_not = _why_not_label(data, column)
    kind, distinct = data.kind(column), data.distinct(column) or 0
    numbers = kind in ("integer", "number") and column not in (data.mapped("label"),)
    if (
        numbers
        and (why_not or distinct > _MANY_NUMBERS)
        and not _means_classes(case, column, why_not)
    ):
        return Choice(
            beyond=f"regression: {column!r} holds {distinct:,} different numbers, not classes"
        )
    return Choice(column) if why_not is None else Choice(unfit=why_not)


def _means_classes(case: Case, column: str, why_not: str | None) -> bool:
    """Whether many numbers may still be the names of classes."""
    said = speaks_of_classes(case.objective.words) or "num_labels" in case.objective.asked
    return why_not is None and (said or _SAYS_LABEL.fullmatch(column) is not None)


def _why_not_label(data: Data, column: str) -> str | None:
    """Why this column's values are no classes; None when they may be, or nobody knows."""
    distinct, rows = data.distinct(column), data.present(column)
    if distinct is None or rows is None or column in _labels(data):
        return None
    others = [other for other in _labels(data) if other != column]
    instead = f" It could be {listed(others, 20)}." if others else ""
    if distinct < 2:
        return f"{column!r} cannot be the label: it has one value only.{instead}"
    if data.kind(column) == "nested" or 2 * distinct > max(4, rows):
        return (
            f"{column!r} cannot be the label: it has {distinct:,} different values in {rows:,} "
            f"rows.{instead}"
        )
    return None


def _judge_text(data: Data, column: str) -> Choice:
    if data.kind(column) in ("integer", "number", "boolean") and column not in _texts(data):
        return Choice(beyond=f"learning from numbers: {column!r} holds no text")
    return Choice(column)
