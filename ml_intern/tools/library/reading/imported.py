"""What is learnt by importing, where reading cannot say: the package's own code runs then."""

import contextlib
import importlib
import inspect
import io
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .calls import Parameter

NOTE = "Reading its files could not say; this comes of importing it."
_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


@dataclass(frozen=True)
class Imported:
    """A thing as it is at run time."""

    thing: Any
    rest: str = ""
    """The part of the name that is not there."""


def imported(dotted: str) -> Imported:
    """What the full name is. Raises ImportError, or whatever the package raises."""
    parts = dotted.split(".")
    with contextlib.redirect_stdout(io.StringIO()):  # our answer is all that stands there
        thing: Any = importlib.import_module(parts[0])
        for place, part in enumerate(parts[1:], 1):
            try:
                thing = getattr(thing, part)
            except AttributeError:
                if not isinstance(thing, ModuleType):
                    return Imported(thing, part)
                try:
                    thing = importlib.import_module(".".join(parts[: place + 1]))
                except ModuleNotFoundError:
                    return Imported(thing, part)
    return Imported(thing)


def parameters(thing: Any) -> list[Parameter] | None:
    """What a call of it takes; None: not even Python knows, as of compiled code."""
    try:
        found = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        Parameter(
            name=each.name,
            kind=_KINDS[each.kind],
            annotation="" if each.annotation is each.empty else _shown(each.annotation),
            default=None if each.default is each.empty else _short(repr(each.default)),
        )
        for each in found
    ]


def _shown(annotation: Any) -> str:
    return _short(
        annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"
