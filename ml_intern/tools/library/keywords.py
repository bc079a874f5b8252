"""A script's keyword arguments, compared with what is installed before anything runs."""

import ast
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import ComputeError
from ml_intern.tools.library.ask import ask
from ml_intern.tools.protocol import ToolContext

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Keywords:
    """What a script gives to calls of packages and should not; a sentence each, with its line."""

    wrong: tuple[str, ...] = ()
    """They do not take it: the call would end in a TypeError."""
    leaving: tuple[str, ...] = ()
    """They still take it, and say that they will not for long, or have another for it."""


def check_keywords(ctx: ToolContext, path: Path, source: bytes) -> Keywords:
    """What is certain of the script at `path`; nothing where nothing can be said.

    `source`: its bytes.
    """
    if not _imports_packages(source):
        return Keywords()
    try:
        answer = ask(ctx, {"operation": "script", "path": str(path)})
    except ComputeError as exc:
        # The script runs next, and says more of what is wrong there than this could.
        log.warning("keywords_not_checked", extra={"path": str(path), "error": str(exc)})
        return Keywords()
    return Keywords(wrong=_lines(answer["wrong"]), leaving=_lines(answer["leaving"]))


def _lines(found: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"Line {line}: {sentence}" for line, sentence in found))


def _imports_packages(source: bytes) -> bool:
    """Whether there is anything to look up: it parses, and imports more than comes with Python."""
    try:
        tree = ast.parse(source)
        return any(name not in sys.stdlib_module_names for name in _imported(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]
