"""Spaces between words that were read off a picture: recognisers of letters lose many of them.

What parts words on paper is a gap in the ink, and that is measured here. Where it belongs in the
text is told by the places of the letters around it.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

GAP_SHARE = 0.15
"""Of a line's height: narrower gaps stand between the letters of a word."""
INK_SHARE = 0.85
"""Of the way from the darkest dot to the lightest: what is darker is ink, thin strokes too."""


def with_spaces(
    text: str, letters: Sequence[str], centres: Sequence[float], line: npt.NDArray[np.uint8]
) -> str:
    """The text with a space for each gap; as it is where its letters are not known.

    `centres`: of the letters, in dots from the left edge of `line`, which is dark on light.
    """
    if "".join(letters) != text or len(centres) != len(letters) or len(letters) < 2:
        return text
    between = [(one + other) / 2 for one, other in pairwise(centres)]
    parted = {place for place, letter in enumerate(letters) if letter.isspace()}
    after: set[int] = set()
    for gap in gaps(line):
        place = min(range(len(between)), key=lambda at: abs(between[at] - gap))
        # The place of a letter is known to about its own width.
        if parted.isdisjoint(range(place - 1, place + 3)):
            after.add(place)
    return "".join(f"{letter} " if at in after else letter for at, letter in enumerate(letters))


def gaps(line: npt.NDArray[np.uint8]) -> list[float]:
    """The middles of the gaps between words, from left to right."""
    if not line.size:
        return []
    darkest, lightest = int(line.min()), int(line.max())
    is_ink = line < darkest + INK_SHARE * (lightest - darkest)
    columns = np.flatnonzero(is_ink.any(axis=0)).tolist()
    least = GAP_SHARE * line.shape[0]
    return [(one + other) / 2 for one, other in pairwise(columns) if other - one - 1 >= least]
