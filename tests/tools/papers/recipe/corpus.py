"""Paper-like documents with what they really say; see `tests/tools/papers/recipes/README.md`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.html import read_html
from ml_intern.tools.papers.markdown import read_markdown
from ml_intern.tools.papers.pdf import read_pdf
from ml_intern.tools.papers.recipe.words import VALUES, Found, Recipe
from ml_intern.tools.protocol import ToolContext

OWN = Path(__file__).with_name("own")
OTHERS = Path(__file__).parents[1] / "recipes"


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One document and its values."""

    path: Path
    expected: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One value: what was found, what was expected (None: nothing), and whether they agree."""

    paper: str
    name: str
    found: Found | None
    expected: Any
    is_right: bool


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """One value that a paper states, under each name that it may have."""

    names: tuple[str, ...]
    value: Any

    def is_called(self, name: str) -> bool:
        """Capitals and punctuation do not count."""
        return _key(name) in {_key(each) for each in self.names}

    @property
    def must_be_found(self) -> bool:
        """Whether to find nothing is no right reading of the paper."""
        return not (isinstance(self.value, list) and None in self.value)


def folders() -> list[Path]:
    """Every set of documents: our own, and those that others wrote."""
    return [OWN, *sorted({values.parent for values in OTHERS.rglob("*.json")})]


def papers(folder: Path) -> list[Paper]:
    """Those of a folder, by name."""
    return [
        Paper(path=_document(values), expected=json.loads(values.read_text()))
        for values in sorted(folder.glob("*.json"))
    ]


def read(path: Path, ctx: ToolContext) -> Document:
    """By the ending of its name; a PDF in the sandbox of `ctx`."""
    if path.suffix == ".pdf":
        return read_pdf(path.read_bytes(), str(path), ctx)
    if path.suffix == ".html":
        return read_html(path.read_bytes(), str(path))
    return read_markdown(path.read_text(), str(path))


def judged(paper: Paper, recipe: Recipe) -> Iterator[Judged]:
    """Every value that was found or expected."""
    left = list(_wanted(paper.expected))
    for name, found in recipe.flat():
        here = [each for each in left if each.is_called(name)]
        right = [each for each in here if _agrees(found, each.value)]
        meant = next(iter(right or here), None)
        if meant:
            left.remove(meant)
        yield Judged(
            paper=paper.path.name,
            name=name,
            found=found,
            expected=meant and meant.value,
            is_right=bool(right),
        )
    for each in left:
        if each.must_be_found:
            yield Judged(
                paper=paper.path.name,
                name=each.names[0],
                found=None,
                expected=each.value,
                is_right=False,
            )


def _document(values: Path) -> Path:
    return next(
        path for ending in (".md", ".html", ".pdf") if (path := values.with_suffix(ending)).exists()
    )


def _wanted(expected: dict[str, Any]) -> Iterator[_Wanted]:
    unknown = expected.keys() - {*VALUES, "data", "metrics"}
    assert not unknown, f"no such values: {sorted(unknown)}"
    for names, value in _flat(expected):
        if value is not None:
            yield _Wanted(names=tuple(names), value=value)


def _flat(expected: dict[str, Any]) -> Iterator[tuple[list[str], Any]]:
    """Each value with its names, as `Recipe.flat` spells them."""
    for name in VALUES:
        yield [name], expected.get(name)
    for data, splits in (expected.get("data") or {}).items():
        names = [f"data.{spelling}" for spelling in _spellings(data)]
        yield names, _spellings(data)
        for split, size in (splits or {}).items():
            yield [f"{name}.{split}" for name in names], size
    for data, metrics in (expected.get("metrics") or {}).items():
        for metric, value in metrics.items():
            yield (
                [
                    f"metrics.{one}.{other}"
                    for one in _spellings(data)
                    for other in _spellings(metric)
                ],
                value,
            )


def _spellings(name: str) -> list[str]:
    return name.split(" | ")


def _key(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum() or char == ".")


def _agrees(found: Found, expected: Any) -> bool:
    if isinstance(expected, list):
        return any(_agrees(found, each) for each in expected)
    if isinstance(expected, dict):
        unit = expected.get("unit")
        return unit in (None, found.unit) and _agrees(found, expected["value"])
    if isinstance(expected, str):
        one, other = _letters(str(found.value)), _letters(expected)
        return bool(one) and (one in other or other in one)
    if expected is None or isinstance(found.value, str):
        return False
    return abs(found.value - expected) <= 1e-9 * max(abs(expected), abs(found.value))


def _letters(words: str) -> str:
    return "".join(char for char in words.lower() if char.isalnum())
