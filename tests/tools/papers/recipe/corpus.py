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
BLIND = Path(__file__).parents[1] / "recipes"


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
    wanted = dict(_flat(paper.expected))
    seen = set()
    for name, found in recipe.flat():
        key = _key(name)
        seen.add(key)
        expected = wanted.get(key)
        yield Judged(
            paper=paper.path.name,
            name=name,
            found=found,
            expected=expected,
            is_right=expected is not None and _agrees(found, expected),
        )
    for key, expected in wanted.items():
        if key not in seen and expected is not None:
            yield Judged(
                paper=paper.path.name, name=key, found=None, expected=expected, is_right=False
            )


def _document(values: Path) -> Path:
    return next(
        path for ending in (".md", ".html", ".pdf") if (path := values.with_suffix(ending)).exists()
    )


def _flat(expected: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    unknown = expected.keys() - {*VALUES, "data", "metrics"}
    assert not unknown, f"no such values: {sorted(unknown)}"
    for name in VALUES:
        yield _key(name), expected.get(name)
    for dataset, splits in (expected.get("data") or {}).items():
        yield _key(f"data.{dataset}"), dataset
        for split, size in (splits or {}).items():
            yield _key(f"data.{dataset}.{split}"), size
    for dataset, metrics in (expected.get("metrics") or {}).items():
        for metric, value in metrics.items():
            yield _key(f"metrics.{dataset}.{metric}"), value


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
    if isinstance(found.value, str):
        return False
    return abs(found.value - expected) <= 1e-9 * max(abs(expected), abs(found.value))


def _letters(words: str) -> str:
    return "".join(char for char in words.lower() if char.isalnum())
