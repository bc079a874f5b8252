"""How the window of a model is shared out. Pure arithmetic on tokens.

    window = fixed + newest exchanges + summary + growth + reserve + answer

`fixed` is what stands in every request word for word: system prompt, tools, task, and what stands
(plan, pins, open questions, jobs). No request passes the threshold. What is left of it beside
`fixed` is shared, when the conversation is compacted, between the newest exchanges, the text that
takes the place of the others, and growth until the next time.
"""

import math
from dataclasses import dataclass

COMPACT_AT = 170_000
"""Tokens of a request at which a conversation is compacted, however large the window."""
OF_THE_WINDOW = 0.9
"""The rest is for what we count wrongly."""
NEWEST, SUMMARY = 0.4, 0.3
"""Shares of what is free; what remains is growth."""
SMALL = 16_000
TOOLS_OF_SMALL, TOOLS_OF_LARGE = 0.2, 0.3
"""Shares of the window that the descriptions of tools may take."""
LONGEST_ANSWER = 0.25
"""Share of the window that an answer may take."""
LEAST_FREE = 256
"""Below this no exchange fits that is worth having."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Tokens, at most."""

    threshold: int
    """Of a whole request."""
    free: int
    """Of it, beside what is fixed; below `LEAST_FREE`, also below 0: the model is too small."""
    newest: int
    """Of the exchanges that stay as they are."""

    @property
    def is_enough(self) -> bool:
        """Whether the model's window can hold a session at all."""
        return self.free >= LEAST_FREE

    @property
    def summary(self) -> int:
        """Of the text in the place of all others, without what stands."""
        return int(self.free * SUMMARY)


def threshold(window: int, answer: int, *, compact_at: int = COMPACT_AT, ratio: float = 1.0) -> int:
    """The longest request, in tokens as we count them.

    `window`, `answer` and `compact_at` are the model's own tokens; it counts `ratio` of them where
    we count one.
    """
    own = min(compact_at, int(OF_THE_WINDOW * (window - answer)))
    return max(0, int(own / ratio))


def window_for(request: int, window: int, answer: int, ratio: float = 1.0) -> int:
    """About the smallest window whose threshold is `request`, in tokens as we count them.

    As much of it is kept for the answer as `answer` is of `window`.
    """
    return math.ceil(request * ratio / OF_THE_WINDOW / (1 - answer / window))


def share(most: int, fixed: int) -> Room:
    """The room in a request of `most` tokens of which `fixed` are spoken for."""
    free = most - fixed
    return Room(threshold=most, free=free, newest=int(free * NEWEST))


def is_small(window: int) -> bool:
    """Whether instructions and tools are told in brief."""
    return window < SMALL


def most_for_tools(window: int) -> int:
    """Of the descriptions of all tools together."""
    return int(window * (TOOLS_OF_SMALL if is_small(window) else TOOLS_OF_LARGE))


def longest_answer(window: int, wanted: int | None) -> int:
    """Tokens kept free for an answer of which `wanted` are allowed; None: as many as there are."""
    most = int(window * LONGEST_ANSWER)
    return most if wanted is None else min(wanted, most)
