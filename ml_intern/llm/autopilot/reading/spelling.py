"""The key words of a task, set right where they are misspelt. Names and rare words stay."""

import re
from functools import lru_cache

from ml_intern.llm.autopilot.reading.page import vocabulary

_KEYS = (
    *("accuracy", "validation", "classify", "classification", "classifier", "epochs", "epoch"),
    *("learning", "percent", "dropout", "transformer", "publish"),
)
_AS_THEY_ARE = vocabulary(
    "accurate accurately accuracies validate validated validating valuation variation violation "
    "valediction classified classifies classifiers classical classics classic epics epic "
    "leaning yearning earning earnings percents transformed transformers transforms transform "
    "published publisher publishes classifying classifications variations percept present parent "
    "recent reasoning learnings lean leaving publicly learnt dropouts"
)
"""Words that are right as they stand, though a key word is near."""
_WORD = re.compile(r"[A-Za-z]{5,16}")
_LONG = 8
"""From this length on, two slips are forgiven; below, one."""


def corrected(text: str) -> str:
    """`text` with every slip in a key word mended."""
    return _WORD.sub(lambda found: _mended(found[0]), text)


@lru_cache(maxsize=4096)
def _mended(word: str) -> str:
    lowered = word.lower()
    if lowered in _KEYS or lowered in _AS_THEY_ARE:
        return word
    near = [
        (distance, key)
        for key in _KEYS
        if key[0] == lowered[0]
        and abs(len(key) - len(lowered)) <= _forgiven(key)
        and (distance := _distance(key, lowered)) <= _forgiven(key)
    ]
    return min(near, key=lambda found: found[0])[1] if near else word


def _forgiven(key: str) -> int:
    return 2 if len(key) >= _LONG else 1


def _distance(one: str, other: str) -> int:
    """Letters that are wrong, missing, too many or swapped with their neighbour."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, a in enumerate(one, start=1):
        now = [row]
        for column, b in enumerate(other, start=1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (a != b))
            if row > 1 and column > 1 and a == other[column - 2] and one[row - 2] == b:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]
