"""The usable examples of a dataset, given its columns; what is left out is counted.

Counted in `dropped`: `ragged`, `missing_label`, `missing_text`, `unreadable`; in `unlabelled`: what
stood where a label was missing, empty for nothing.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ml_intern.errors import InputError
from ml_intern.tools.data.image_folder import Entry
from ml_intern.tools.data.picture import Picture, Unreadable, look
from ml_intern.tools.data.stop import check
from ml_intern.tools.data.table import Split, TableSet
from ml_intern.tools.data.values import (
    as_label,
    as_text,
    content_key,
    is_missing,
    variant_key,
)


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text and its class."""

    split: Split
    text: str
    label: str

    @property
    def key(self) -> int:
        """Equal for texts that differ at most in blanks and case."""
        return content_key(self.text)

    @property
    def variant(self) -> int:
        """Tells apart what `key` holds for equal."""
        return variant_key(self.text)


@dataclass(frozen=True, slots=True)
class PictureExample:
    """One picture and its class."""

    split: Split
    entry: Entry
    label: str
    picture: Picture

    @property
    def key(self) -> int:
        """Equal for pictures with the same pixels."""
        return self.picture.key

    @property
    def variant(self) -> int:
        """Tells apart files with the same pixels."""
        name = self.entry.name.encode("utf-8", "surrogateescape")
        return int.from_bytes(blake2b(name, digest_size=8).digest()) >> 1


def texts(
    dataset: TableSet,
    text_column: str,
    label_column: str,
    cancelled: threading.Event,
    dropped: Counter[str],
    unlabelled: Counter[str],
    most: int | None = None,
) -> Iterator[TextExample]:
    """Every sound row with a text and a label, in order; with `most`, of a sample.

    Raises InputError when a label is a list or an object.
    """
    for split, row in dataset.rows(cancelled, most):
        text, label = row.cells.get(text_column), row.cells.get(label_column)
        if row.fault:
            dropped["ragged"] += 1
        elif is_missing(label):
            dropped["missing_label"] += 1
            unlabelled[_written(label)] += 1
        elif is_missing(text):
            dropped["missing_text"] += 1
        else:
            yield TextExample(split, as_text(text), _label(label, label_column))


def pictures(
    entries: Sequence[Entry],
    label_column: str,
    cancelled: threading.Event,
    dropped: Counter[str],
    unlabelled: Counter[str],
    unreadable: list[str],
) -> Iterator[PictureExample]:
    """Every picture with a label that can be decoded; the others are named in `unreadable`."""
    for entry in entries:
        check(cancelled)
        label = entry.cells.get(label_column)
        if is_missing(label):
            dropped["missing_label"] += 1
            unlabelled[_written(label)] += 1
            continue
        try:
            picture = look(entry.path)
        except Unreadable as exc:
            dropped["unreadable"] += 1
            unreadable.append(f"{entry.name} ({exc})")
        else:
            yield PictureExample(entry.split, entry, _label(label, label_column), picture)


def _written(missing: object) -> str:
    return missing.strip() if isinstance(missing, str) else ""


def _label(value: object, column: str) -> str:
    if isinstance(value, list | dict):
        raise InputError(
            f"Column {column!r} holds {'lists' if isinstance(value, list) else 'objects'}; a class "
            "is one string, number or truth value. Name another label column."
        )
    return as_label(value)
