"""What a failed script says of its failure, found in its output."""

import re

from ml_intern.tools.training.metrics import parse_line

_BEGIN = "Traceback (most recent call last)"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?::|$)")
_LIMIT = 4096

OUT_OF_MEMORY = re.compile(
    r"out of (?:shared )?memory|can't allocate memory|cannot allocate memory|not enough memory"
    r"|MemoryError\b|std::bad_alloc|memory allocation of \d+ bytes failed"
    r"|failed to map segment|is killed by signal: Killed",
    re.IGNORECASE,
)


def last_words(output: str) -> str | None:
    """The last exception's own line, or the last line for people when there was no exception."""
    begin = output.rfind(_BEGIN)
    if begin >= 0:
        for line in output[begin:].splitlines()[1:]:
            if _EXCEPTION.match(line):
                return line.rstrip()
    spoken = [line for line in _for_people(output) if line.strip()]
    return spoken[-1].strip() if spoken else None


def traceback_tail(output: str) -> str | None:
    """The last traceback, without its middle when it is long; None when there was none."""
    begin = output.rfind(_BEGIN)
    if begin < 0:
        return None
    whole = "\n".join(_for_people(output[begin:]))
    if len(whole) <= _LIMIT:
        return whole
    head = f"{_BEGIN}:\n  [...]\n"
    end = whole[len(head) - _LIMIT :]
    return head + (end.partition("\n")[2] or end)


def _for_people(output: str) -> list[str]:
    return [line for line in output.splitlines() if parse_line(line) is None]
