"""Which keyword arguments of a call are wrong, in one sentence each."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .calls import Calls, Taken
from .names import Found, Names
from .versions import installed
from .words import docstring, nearest, on_its_way_out, said_of, warned_of


@dataclass(frozen=True)
class Problem:
    """One argument that a call should not give."""

    argument: str
    sentence: str
    wrong: bool
    """False: it still works."""


class Checks:
    """Compares calls with what is installed."""

    def __init__(self, names: Names, calls: Calls) -> None:
        self._names = names
        self._calls = calls

    def problems(self, called: str, found: Found, given: Iterable[str]) -> Iterator[Problem]:
        """Of the given argument names; `called`: as whoever calls it writes it.

        What nobody can read is no problem: see `Taken.is_open`.
        """
        taken = self._calls.taken(found)
        for name in given:
            if name in taken.renamed:
                yield Problem(name, _renamed(called, name, taken), wrong=False)
            elif name in taken.keywords:
                if leaving := on_its_way_out(taken.keywords[name], self.documents(found)):
                    sentence = f"{called} still takes {name}, but says of it: “{leaving}”"
                    yield Problem(name, sentence, wrong=False)
                else:
                    yield from _warned_of(called, name, taken)
            elif taken.is_open:
                yield from _warned_of(called, name, taken)
            else:
                yield Problem(name, self._no_such(called, found, name, taken), wrong=True)

    def documents(self, found: Found) -> Iterator[str]:
        """All documentation in which its arguments may be explained."""
        yield docstring(found)
        if not isinstance(found.node, ast.ClassDef):
            return
        for each in self._names.lineage(found):
            yield docstring(each)
            if (inner := self._names.of_class(each, "__init__")) is not None:
                yield docstring(inner)

    def _no_such(self, called: str, found: Found, name: str, taken: Taken) -> str:
        sentence = f"{called} has no argument {name} ({installed(found.module.name)})."
        if alike := nearest(name, taken.keywords):
            sentence += f" Nearest: {', '.join(alike)}."
        if (quote := said_of(name, taken)) is not None:
            sentence += f" {quote.where} says: “{quote.text}”"
        return sentence


def _warned_of(called: str, name: str, taken: Taken) -> Iterator[Problem]:
    if (quote := warned_of(name, taken)) is not None:
        sentence = f"{called} still takes {name}, but warns of it ({quote.where}): “{quote.text}”"
        yield Problem(name, sentence, wrong=False)


def _renamed(called: str, name: str, taken: Taken) -> str:
    new = taken.renamed[name]
    instead = f"; give {new} instead" if new else ""
    return f"{called} takes {name} only as an old name{instead}."
