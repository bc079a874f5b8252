"""Modules as text: where they are, and which names they bind.

What a module does while it is imported is not known here: a name that is bound more than once, or
by something that is computed, is bound `surely=False`.
"""

import ast
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_ALL = re.compile(r"^__all__ = (\[[^\]]*\]|\([^)]*\))\s*$", re.MULTILINE)
LARGEST_BYTES = 8 << 20
"""Of a file that is read."""


@dataclass(frozen=True)
class Binding:
    """What a name stands for, as one statement of a module says."""

    node: ast.stmt | ast.expr
    """A class, a function, or the value of an assignment; else the statement itself."""
    module: str = ""
    """Of an import: the module that is meant, by its full name."""
    attribute: str = ""
    """Of an import: what is taken out of it; empty: the module itself."""
    surely: bool = True


@dataclass(repr=False)
class Module:
    """One module. A namespace package, or a compiled one, has no text."""

    name: str
    path: Path | None
    locations: tuple[str, ...] | None
    """Where its submodules lie; None: it is no package."""
    tree: ast.Module = field(default_factory=lambda: ast.Module(body=[], type_ignores=[]))
    text: str = ""
    compiled: bool = False
    bindings: dict[str, Binding] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """Modules that `from … import *` names."""

    @property
    def computes_names(self) -> bool:
        """Whether it has names that no statement binds, as far as anybody can read."""
        lazy = "sys.modules[__name__] =" in self.text
        return self.compiled or lazy or "__getattr__" in self.bindings

    def segment(self, node: ast.AST | None) -> str:
        """The source of a node, on one line."""
        found = ast.unparse(node) if node is not None else ""
        return " ".join(found.split())

    def exports(self) -> list[str] | None:
        """What its `__all__` lists; None where it has none that can be read."""
        binding = self.bindings.get("__all__")
        if binding is None or not isinstance(binding.node, ast.List | ast.Tuple):
            return None
        values = [getattr(each, "value", None) for each in binding.node.elts]
        return [each for each in values if isinstance(each, str)]


class Modules:
    """All modules of this interpreter, read once each."""

    def __init__(self) -> None:
        self._known: dict[str, Module | None] = {}

    def load(self, name: str) -> Module | None:
        """The module of that full name, not imported; None: there is none."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def holds(self, name: str, word: str) -> bool:
        """Whether its text can bind `word`: a cheap look, before it is parsed."""
        if name in self._known:
            return self._known[name] is not None
        spec = self._spec(name)
        if spec is None or spec.origin is None or not spec.has_location:
            return False
        if spec.submodule_search_locations is not None:
            return True
        try:
            return _may_bind(Path(spec.origin).read_bytes(), word.encode())
        except OSError:
            return False

    def exports(self, name: str) -> list[str] | None:
        """What the `__all__` of a module lists, found without parsing the rest of its text."""
        spec = None if name in self._known else self._spec(name)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            module = self.load(name)
            return module.exports() if module is not None else []
        try:
            found = _ALL.search(Path(spec.origin).read_text(encoding="utf-8"))
            return [str(each) for each in ast.literal_eval(found[1])] if found else None
        except (OSError, ValueError, SyntaxError):
            return None

    def _spec(self, name: str) -> importlib.machinery.ModuleSpec | None:
        parent, _, _ = name.rpartition(".")
        try:
            if not parent:
                return importlib.util.find_spec(name)
            above = self.load(parent)
            if above is None or above.locations is None:
                return None
            return importlib.machinery.PathFinder.find_spec(name, list(above.locations))
        except (ImportError, ValueError, AttributeError):
            return None

    def _read(self, name: str) -> Module | None:
        spec = self._spec(name)
        if spec is None:
            return None
        found = spec.submodule_search_locations
        locations = tuple(found) if found is not None else None
        path = Path(spec.origin) if spec.has_location and spec.origin else None
        if path is None or path.suffix != ".py" or path.stat().st_size > LARGEST_BYTES:
            compiled = path is not None or found is None
            return Module(name=name, path=path, locations=locations, compiled=compiled)
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return Module(name=name, path=path, locations=locations, compiled=True)
        module = Module(name=name, path=path, locations=locations, tree=tree, text=text)
        for statement, surely in _statements(tree.body, surely=True):
            _bind(module, statement, surely=surely)
        return module


def _may_bind(text: bytes, word: bytes) -> bool:
    if word not in text:
        return False
    quoted = b'"%b"' % word in text or b"'%b'" % word in text
    return quoted or b"__all__ =" not in text


def _statements(body: Iterable[ast.stmt], *, surely: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements that run with the module, and whether they are sure to.

    Of what is bound twice the first branch counts: a `try` says what is there when everything is
    installed, and `if TYPE_CHECKING` what a module that computes its names would give.
    """
    for statement in body:
        if isinstance(statement, ast.If):
            if "TYPE_CHECKING" in ast.unparse(statement.test):
                yield from _statements(statement.body, surely=surely)
                continue
            yield from _statements(statement.orelse, surely=False)
            yield from _statements(statement.body, surely=surely and not statement.orelse)
        elif isinstance(statement, ast.Try):
            for handler in statement.handlers:
                yield from _statements(handler.body, surely=False)
            yield from _statements([*statement.body, *statement.orelse], surely=surely)
            yield from _statements(statement.finalbody, surely=surely)
        elif isinstance(statement, ast.With | ast.For | ast.While):
            yield from _statements(statement.body, surely=surely)
        else:
            yield statement, surely


def _bind(module: Module, statement: ast.stmt, *, surely: bool) -> None:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if not _is_overload(statement):
            _put(module, statement.name, Binding(statement, surely=surely))
    elif isinstance(statement, ast.ImportFrom):
        source = _source(module, statement)
        for alias in statement.names:
            if alias.name == "*":
                module.stars.append(source)
            else:
                binding = Binding(statement, source, alias.name, surely)
                _put(module, alias.asname or alias.name, binding)
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            target = alias.name if alias.asname else name
            _put(module, name, Binding(statement, target, surely=surely))
    elif isinstance(statement, ast.Assign):
        for place in statement.targets:
            if isinstance(place, ast.Name):
                _put(module, place.id, Binding(statement.value, surely=surely))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        _put(module, statement.target.id, Binding(statement.value or statement, surely=surely))


def _put(module: Module, name: str, binding: Binding) -> None:
    """The last one counts; but a class that is handed through a call stays what is shown."""
    before = module.bindings.get(name)
    if before is not None and _hands_through(binding, name):
        binding = before
    is_unsure = before is not None and before.surely and not _same(before, binding)
    module.bindings[name] = Binding(
        binding.node,
        binding.module,
        binding.attribute,
        binding.surely and not is_unsure,
    )


def _hands_through(binding: Binding, name: str) -> bool:
    """`X = f(X)`."""
    node = binding.node
    return isinstance(node, ast.Call) and any(
        isinstance(each, ast.Name) and each.id == name for each in node.args
    )


def _same(one: Binding, other: Binding) -> bool:
    return bool(one.module) and (one.module, one.attribute) == (other.module, other.attribute)


def _is_overload(statement: ast.stmt) -> bool:
    decorators = getattr(statement, "decorator_list", [])
    return any(ast.unparse(each).rpartition(".")[2] == "overload" for each in decorators)


def _source(module: Module, statement: ast.ImportFrom) -> str:
    """The full name of the module that is imported from."""
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    up = statement.level - (1 if module.locations is not None else 0)
    base = parts[: len(parts) - up] if up else parts
    return ".".join([*base, statement.module] if statement.module else base)


def is_standard(name: str) -> bool:
    """Whether the module comes with Python."""
    return name.partition(".")[0] in sys.stdlib_module_names
