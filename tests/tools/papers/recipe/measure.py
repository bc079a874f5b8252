"""How much is found in a folder of documents, and how much of that is right.

    python -m tests.tools.papers.recipe.measure [FOLDER ...]

prints a line for each document and each value, then every value that is wrong or missed. Without a
folder it measures all that the tests use.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ml_intern.tools.papers.recipe.extract import extract
from tests.support.places import confined_place, context_in
from tests.tools.papers.recipe.corpus import Judged, folders, judged, papers, read


def main(named: Sequence[str]) -> None:
    """For each folder in turn."""
    with tempfile.TemporaryDirectory() as place:
        ctx = context_in(confined_place(Path(place)))
        for folder in [Path(name) for name in named] or folders():
            print(f"# {folder.name}")
            _report(
                [
                    each
                    for paper in papers(folder)
                    for each in judged(paper, extract(read(paper.path, ctx)).recipe)
                ]
            )


def _report(values: Sequence[Judged]) -> None:
    _lines(values, lambda each: each.paper)
    _lines(values, lambda each: _field(each.name))
    print(_line("all", values))
    for each in values:
        if not each.is_right:
            _print_trouble(each)


def _lines(values: Sequence[Judged], name_of: Callable[[Judged], str]) -> None:
    for name in dict.fromkeys(name_of(each) for each in values):
        print(_line(name, [each for each in values if name_of(each) == name]))
    print()


def _line(name: str, values: Sequence[Judged]) -> str:
    found = [each for each in values if each.found is not None]
    stated = [each for each in values if each.expected is not None]
    right = sum(each.is_right for each in values)
    return f"{name:32} {right:4} right of {len(found):4} found, of {len(stated):4} stated"


def _print_trouble(each: Judged) -> None:
    if each.found is None:
        print(f"missed  {each.paper}: {each.name} = {each.expected}")
        return
    value = f"{each.found.value} {each.found.unit}".strip()
    print(f"wrong   {each.paper}: {each.name} = {value}, not {each.expected}")
    print(f"        {each.found.section}: {each.found.sentence}")


def _field(name: str) -> str:
    """`metrics`, `data`, `data.train`, or the name itself."""
    kind, *rest = name.split(".")
    if kind == "data" and rest and rest[-1] in ("train", "validation", "test"):
        return f"data.{rest[-1]}"
    return kind


if __name__ == "__main__":
    main(sys.argv[1:])
