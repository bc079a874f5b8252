"""Which examples occur more than once: repeats, contradictions, and leaks between splits.

Examples are known by a key of their content. About 120 bytes for each different one, whatever its
size; nothing here depends on the order in which examples come.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from ml_intern.errors import InputError
from ml_intern.tools.data.table import Split

MAX_EXAMPLES = 5_000_000
_BITS: dict[Split, int] = {"all": 1, "train": 1, "validation": 2, "test": 4}
"""`all` counts as training data; a later split outranks an earlier one."""
_NAMES: dict[int, Split] = {1: "train", 2: "validation", 4: "test"}
_CONFLICT = 8
_TAKEN = 16


class Overlap:
    """The content keys of a dataset's examples."""

    def __init__(self) -> None:
        self.labels: dict[str, int] = {}
        """Every class, by the order of its appearance."""
        self._place: dict[int, int] = {}
        self._label = array("l")
        self._rows = array("l")
        self._flags = bytearray()
        self._variant = array("q")

    def add(self, split: Split, key: int, label: str, variant: int) -> None:
        """Note one example. `variant` tells apart what `key` holds for equal, in 63 bits."""
        place = self._place.setdefault(key, len(self._rows))
        number = self.labels.setdefault(label, len(self.labels))
        if place == len(self._rows):
            self._append(split, number, variant)
            return
        self._rows[place] += 1
        if self._label[place] != number:
            self._flags[place] |= _CONFLICT
        bit, highest = _BITS[split], self._highest(place)
        if bit > highest or (bit == highest and variant < self._variant[place]):
            self._variant[place] = variant
        self._flags[place] |= bit

    def _append(self, split: Split, label: int, variant: int) -> None:
        if len(self._rows) == MAX_EXAMPLES:
            raise InputError(
                f"The dataset has more than {MAX_EXAMPLES:,} different examples; use a part of it."
            )
        self._label.append(label)
        self._rows.append(1)
        self._flags.append(_BITS[split])
        self._variant.append(variant)

    @property
    def conflicting(self) -> int:
        """Examples whose content also occurs with another class."""
        places = range(len(self._rows))
        return sum(self._rows[place] for place in places if self._flags[place] & _CONFLICT)

    @property
    def duplicates(self) -> int:
        """Examples beyond the first of their content within a split, contradictions aside."""
        return sum(
            self._rows[place] - (self._flags[place] & 7).bit_count()
            for place in range(len(self._rows))
            if not self._flags[place] & _CONFLICT
        )

    def leaks(self) -> dict[str, int]:
        """Contents that two splits share, as `{"train/test": 3}`."""
        found: Counter[str] = Counter()
        for flags, times in Counter(flags & 7 for flags in self._flags).items():
            splits = [name for bit, name in _NAMES.items() if flags & bit]
            for first, second in combinations(splits, 2):
                found[f"{first}/{second}"] += times
        return dict(found)

    @property
    def leaked(self) -> int:
        """Examples that go because a later split has them too, contradictions aside."""
        return sum((flags & 7).bit_count() - 1 for flags in self._flags if not flags & _CONFLICT)

    def kept(self) -> Iterator[tuple[Split, int, str]]:
        """Split, key and label of each content that stays: the latest split wins."""
        names = list(self.labels)
        for key, place in self._place.items():
            if not self._flags[place] & _CONFLICT:
                yield _NAMES[self._highest(place)], key, names[self._label[place]]

    def take(self, split: Split, key: int, variant: int) -> bool:
        """Whether this is the one example that stands for its content; true once."""
        place = self._place[key]
        wanted = not self._flags[place] & (_CONFLICT | _TAKEN)
        if wanted and _BITS[split] == self._highest(place) and variant == self._variant[place]:
            self._flags[place] |= _TAKEN
            return True
        return False

    def _highest(self, place: int) -> int:
        return 1 << ((self._flags[place] & 7).bit_length() - 1)
