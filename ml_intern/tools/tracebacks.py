"""What a failed script says of its failure, found in its output."""

import re

from ml_intern.tools.event_lines import parse_line

_BEGIN = "Traceback (most recent call last)"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?::|$)")
_ASIDE = re.compile(r"skipping backtrace printing|note: run with `RUST_BACKTRACE")
_UNDERLINE = re.compile(r"\s*[~^]+\s*")
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
    spoken = [line for line in _for_people(output) if line.strip() and not _ASIDE.match(line)]
    return spoken[-1].strip() if spoken else None


def traceback_tail(output: str) -> str | None:
    """The last traceback, without its middle when it is long; None when there was none."""
    begin = output.rfind(_BEGIN)
    if begin < 0:
        return None
    lines = _for_people(output[begin:])
    whole = "\n".join(lines)
    if len(whole) <= _LIMIT:
        return whole
    return _without_middle("\n".join(line for line in lines if not _UNDERLINE.fullmatch(line)))


def _without_middle(whole: str) -> str:
    """Outer and inner frames: what was going on, and where it broke."""
    if len(whole) <= _LIMIT:
        return whole
    head = whole[: _LIMIT // 2].rpartition("\n")[0] + "\n  [...]\n"
    end = whole[len(head) - _LIMIT :]
    return head + (end.partition("\n")[2] or end)


def _for_people(output: str) -> list[str]:
    return [line for line in output.splitlines() if parse_line(line) is None]
