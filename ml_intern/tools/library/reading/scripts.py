"""The calls in a script whose keyword arguments can be checked for certain."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .checks import Checks, Problem
from .modules import is_standard
from .names import Found, Names

_NAMED = (
    ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    | ast.ExceptHandler | ast.MatchAs | ast.MatchStar
)  # fmt: skip
_ASKS = ("version", "signature", "hasattr", "fields", "parameters", "inspect")
"""What stands in a condition that looks at what is installed."""


@dataclass(frozen=True)
class Wrong:
    """One argument of one call."""

    line: int
    problem: Problem


def wrong_keywords(source: str, names: Names, checks: Checks) -> Iterator[Wrong]:
    """What a script's calls give that is not taken, or will not be.

    Only calls of imported names that the script binds to nothing else, and none that it guards
    itself, by a `try` or by a look at a version. Raises SyntaxError.
    """
    tree = ast.parse(source)
    if "sys.path" in source or "sys.modules" in source:
        return  # it may import something else than what is installed
    imported = _imported(tree)
    for call in _unguarded_calls(tree):
        given = [each.arg for each in call.keywords if each.arg is not None]
        full = _full_name(call.func, imported) if given else None
        if full is None or is_standard(full):
            continue
        found = names.find(full)
        if isinstance(found, Found) and found.surely:
            for problem in checks.problems(ast.unparse(call.func), found, given):
                yield Wrong(call.lineno, problem)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Full names by the names that the script gives them, where it gives each only once."""
    bound: Counter[str] = Counter()
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        for name, full in _imports_of(node):
            bound[name] += imported.get(name) != full
            imported[name] = full
        for name in _binds(node):
            bound[name] += 1
    return {name: full for name, full in imported.items() if bound[name] == 1}


def _imports_of(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname is not None:
                yield alias.asname, alias.name
            else:
                top = alias.name.partition(".")[0]
                yield top, top
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _binds(node: ast.AST) -> Iterator[str]:
    """Names that this node gives another meaning, in whatever scope."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, _NAMED) and node.name:
        yield node.name
    elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        # `trl.SFTConfig = …`: whatever it is afterwards, it is not what was installed.
        root = node.value
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name):
            yield root.id


def _unguarded_calls(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Call):
        yield node
    for each in _unguarded(node):
        yield from _unguarded_calls(each)


def _unguarded(node: ast.AST) -> list[ast.AST]:
    """What is in it, but for what runs only as far as it works."""
    if isinstance(node, ast.Try) and node.handlers:
        return [*node.orelse, *node.finalbody]
    if isinstance(node, ast.If | ast.IfExp) and _looks_at_versions(node.test):
        return []
    if isinstance(node, ast.With | ast.AsyncWith) and _suppresses(node):
        return []
    return list(ast.iter_child_nodes(node))


def _looks_at_versions(test: ast.expr) -> bool:
    text = ast.unparse(test).lower()
    return any(word in text for word in _ASKS)


def _suppresses(node: ast.With | ast.AsyncWith) -> bool:
    text = " ".join(ast.unparse(item.context_expr) for item in node.items)
    return "suppress" in text or "raises" in text


def _full_name(func: ast.expr, imported: dict[str, str]) -> str | None:
    parts: list[str] = []
    while isinstance(func, ast.Attribute):
        parts.append(func.attr)
        func = func.value
    if not isinstance(func, ast.Name) or func.id not in imported:
        return None
    return ".".join([imported[func.id], *reversed(parts)])
