"""The same calls with the same answers, again and again.

A round is one answer of the model with all its calls and what they returned. Rounds are the same
when nothing in them differs but the order; a poll whose result has changed is another round.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ml_intern.events import ToolFinished

LONGEST_CYCLE = 4
"""Rounds of a circle that is recognised as one."""
HINT_AFTER = 3
STOP_AFTER = 6
KEPT = LONGEST_CYCLE * STOP_AFTER
"""Rounds that have to be remembered."""
_SHOWN_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One call and its answer."""

    shown: str = field(compare=False)
    """For people: the tool and the beginning of its arguments."""
    digest: str


Round = frozenset[Exchange]


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """The cycle that the rounds end in, and how often it has come in a row."""

    cycle: tuple[Round, ...]
    times: int

    @property
    def shown(self) -> str:
        """The calls of one cycle, in words."""
        return ", then ".join(
            " and ".join(sorted(call.shown for call in each)) for each in self.cycle
        )


def exchange(finished: ToolFinished, written: str, ran_sha256: str | None) -> Exchange:
    """The call that `finished` answers. `written`: its arguments as text; `ran_sha256`: of those
    that ran, so that the way they were written does not matter.

    The call's own id is no part of its answer: a path or job that is named after it is not news.
    """
    answer = finished.output.replace(finished.call_id, "")
    parts = (finished.tool, ran_sha256 or written, str(finished.ok), answer)
    text = "\0".join(parts).encode("utf-8", "replace")
    short = written if len(written) <= _SHOWN_CHARS else f"{written[:_SHOWN_CHARS]}…"
    return Exchange(
        shown=f"{finished.tool} {short}".strip(),
        digest=hashlib.blake2b(text, digest_size=16).hexdigest(),
    )


def repetition(rounds: Sequence[Round]) -> Repetition | None:
    """The shortest cycle that came at least `HINT_AFTER` times in a row, up to the last round."""
    for length in range(1, LONGEST_CYCLE + 1):
        times = _times(rounds, length)
        if times >= HINT_AFTER:
            return Repetition(cycle=tuple(rounds[-length:]), times=times)
    return None


def _times(rounds: Sequence[Round], length: int) -> int:
    """How often the last `length` rounds came in a row; 1 when they were new."""
    same = 0
    for place in range(len(rounds) - 1, length - 1, -1):
        if rounds[place] != rounds[place - length]:
            break
        same += 1
    return same // length + 1
