"""Secrets in a column of a table that only its head names, in Markdown or as databases print it.

Pure.
"""

import re
from collections.abc import Iterator

from ml_intern.tracing.redaction import literals, names
from ml_intern.tracing.redaction.literals import Seen
from ml_intern.tracing.redaction.span import Span

_NEWLINE = re.compile(r"\r?\n|\\{1,15}n")
"""Also of a table in JSON."""
_HINT = re.compile(r"[|+][ \t]?(?:--|:-|-:)")
_DASHES = re.compile(r"--|:-|-:")
"""One alone stands in a row whose cells are empty."""
_OF_RULES = frozenset(" \t|+:-")
_AROUND = " \t*`"
"""A value in its cell."""
LONGEST_HEAD = 1000


def spans(text: str) -> Iterator[Span]:
    """The cells only."""
    if "|" not in text or not _HINT.search(text):
        return
    head: list[str] = []
    columns: dict[int, str] = {}
    for start, end in _lines(text):
        line = text[start:end]
        if "|" not in line and "+" not in line:
            head, columns = [], {}
        elif _is_rule(line):
            columns = {at: name for at, name in enumerate(head) if names.strength(name)}
            head = []
        else:
            head = [cell.strip(_AROUND) for cell in line[:LONGEST_HEAD].split("|")]
            yield from _in_row(text, start, end, columns)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for newline in _NEWLINE.finditer(text):
        yield at, newline.start()
        at = newline.end()
    yield at, len(text)


def _is_rule(line: str) -> bool:
    """Whether it parts the head from the rows; a quotation may have put something before it."""
    is_of_dashes = _DASHES.search(line) is not None
    return is_of_dashes and _OF_RULES.issuperset(line[max(0, line.find("|")) :])


def _in_row(text: str, start: int, end: int, columns: dict[int, str]) -> Iterator[Span]:
    for column, cell in enumerate(text[start:end].split("|") if columns else ()):
        value = cell.strip(_AROUND)
        name = columns.get(column, "")
        if value and name and _is_secret(value, name):
            at = start + cell.index(value)
            yield Span(at, at + len(value), names.kind(name))
        start += len(cell) + 1


def _is_secret(value: str, name: str) -> bool:
    strength = names.strength(name)
    seen = Seen(
        value=value,
        behind="|",
        way="cell",
        sign="|",
        line_begins=False,
        in_query=False,
        in_pairs=False,
    )
    is_word = not any(map(str.isspace, value))
    return strength is not None and is_word and literals.is_bare_secret(seen, name, strength)
