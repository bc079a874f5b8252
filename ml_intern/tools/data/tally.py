"""The counts over usable examples that the report states and the preparation acts upon."""

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ml_intern.tools.data.examples import PictureExample, TextExample, pictures, texts
from ml_intern.tools.data.image_folder import Entry
from ml_intern.tools.data.overlap import Overlap
from ml_intern.tools.data.picture import Mode
from ml_intern.tools.data.table import Split, TableSet


@dataclass
class Tally:
    """Classes, what is left out, and what occurs more than once."""

    classes: dict[Split, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dropped: Counter[str] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)
    """What stood where a label was missing."""
    overlap: Overlap = field(default_factory=Overlap)

    @property
    def labels(self) -> Counter[str]:
        """How often each class occurs in all splits together."""
        return sum(self.classes.values(), Counter())

    def add(self, example: TextExample | PictureExample) -> None:
        """Count one example."""
        self.classes[example.split][example.label] += 1
        self.overlap.add(example.split, example.key, example.label, example.variant)


@dataclass
class Shapes:
    """What the pictures look like."""

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    grey: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def mode(self) -> Mode:
        """The one mode that holds every picture without loss of colour."""
        return "L" if self.grey == sum(self.sizes.values()) else "RGB"

    def add(self, example: PictureExample) -> None:
        """Count one picture."""
        picture = example.picture
        self.sizes[picture.width, picture.height] += 1
        self.modes[picture.mode] += 1
        self.grey += picture.is_grey


def tally_texts(
    dataset: TableSet, text: str, label: str, cancelled: threading.Event, most: int | None = None
) -> Tally:
    """Count the examples of these columns; with `most`, of a sample. Raises InputError."""
    tally = Tally()
    left_out = (tally.dropped, tally.unlabelled)
    for example in texts(dataset, text, label, cancelled, *left_out, most):
        tally.add(example)
    return tally


def tally_pictures(
    entries: Sequence[Entry], label: str, cancelled: threading.Event
) -> tuple[Tally, Shapes, list[PictureExample]]:
    """Decode and count the pictures, and name those that can be used. Raises InputError."""
    tally, shapes = Tally(), Shapes()
    left_out = (tally.dropped, tally.unlabelled, shapes.unreadable)
    found = list(pictures(entries, label, cancelled, *left_out))
    for example in found:
        tally.add(example)
        shapes.add(example)
    return tally, shapes, found
