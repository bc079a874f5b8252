"""A script's keyword arguments, compared with what is installed before anything runs."""

import ast
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import ComputeError
from ml_intern.tools.library.ask import ask
from ml_intern.tools.protocol import ToolContext

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WrongKeyword:
    """One argument that a call does not take, so that it would end in a TypeError."""

    line: int
    sentence: str


def wrong_keywords(ctx: ToolContext, path: Path, source: bytes) -> list[WrongKeyword]:
    """What the script at `path` gives to calls of packages that they do not take.

    Only what is certain; empty where nothing can be said. `source`: its bytes.
    """
    if not _imports_packages(source):
        return []
    try:
        answer = ask(ctx, {"operation": "script", "path": str(path)})
    except ComputeError as exc:
        # The script runs next, and says more of what is wrong there than this could.
        log.warning("keywords_not_checked", extra={"path": str(path), "error": str(exc)})
        return []
    return [WrongKeyword(line=line, sentence=sentence) for line, sentence in answer["wrong"]]


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
