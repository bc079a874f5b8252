"""Which files of a repository are examples of something: by their names and folders."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ml_intern.tools.github.api import File

_EXAMPLE_FOLDERS = (
    "examples",
    "example",
    "notebooks",
    "notebook",
    "scripts",
    "recipes",
    "cookbook",
)
_LESS_SO = ("docs", "doc", "tutorials", "samples", "demo", "demos", "benchmarks", "tests", "test")
_KINDS = (".py", ".ipynb", ".sh", ".yaml", ".yml", ".md", ".mdx", ".toml", ".json")
_WORD = re.compile(r"[a-z]+|\d+")


def ranked(files: Iterable[File], query: str) -> list[File]:
    """Files whose path holds a word of the query, the best first; without one, all examples."""
    words = _words(query)
    scored = [(_score(file, words), file) for file in files]
    kept = [(score, file) for score, file in scored if score > 0]
    kept.sort(key=lambda each: (-each[0], len(each[1].path), each[1].path))
    return [file for _, file in kept]


def _score(file: File, words: Sequence[str]) -> float:
    path = PurePosixPath(file.path.lower())
    if path.suffix not in _KINDS:
        return 0.0
    place = _place(path.parts[:-1])
    if not words:
        return place if place >= 2.0 else 0.0
    name, folders = _words(path.stem), _words(" ".join(path.parts[:-1]))
    hits = sum(2.0 if _among(word, name) else 1.0 for word in words if _among(word, name + folders))
    if not hits:
        return 0.0
    return hits / len(words) * 3.0 + place + (0.5 if path.suffix in (".py", ".ipynb") else 0.0)


def _place(folders: Sequence[str]) -> float:
    if any(folder in _EXAMPLE_FOLDERS for folder in folders):
        return 2.0
    return 0.5 if any(folder in _LESS_SO for folder in folders) else 0.0


def _among(word: str, words: Sequence[str]) -> bool:
    return any(each == word or (len(word) > 3 and each.startswith(word)) for each in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
