"""What a dotted name stands for, found by following imports from file to file."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .modules import Binding, Module, Modules

MOST_STEPS = 60
"""Imports that one name is followed through."""


@dataclass(frozen=True)
class Found:
    """A class, a function, a value or a module."""

    module: Module
    node: ast.stmt | ast.expr | None
    """None: it is the module itself."""
    qualname: str
    """Within the module, e.g. `Trainer.train`."""
    surely: bool = True
    """Whether nothing that runs at import can make it anything else."""
    owner: "Found | None" = None
    """The class that it was looked up in."""

    @property
    def name(self) -> str:
        return f"{self.module.name}.{self.qualname}" if self.qualname else self.module.name

    @property
    def where(self) -> str:
        """The file, below its package's folder, and the line."""
        path = self.module.path
        if path is None:
            return self.module.name
        up = self.module.name.count(".") + (2 if self.module.locations is not None else 1)
        short = "/".join(path.parts[-up:])
        line = getattr(self.node, "lineno", None)
        return f"{short}:{line}" if line else short


@dataclass(frozen=True)
class Missing:
    """There is no such name."""

    name: str
    """What was looked for, without what comes before it."""
    within: Found | None
    """The last that was there; None: not even the package."""
    surely: bool
    """Whether reading can tell: no module on the way computes its names."""


class Names:
    """Looks names up."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self._open: set[tuple[str, str]] = set()

    def find(self, dotted: str) -> Found | Missing:
        """What the full name stands for, e.g. `trl.SFTConfig` or `transformers.Trainer.train`."""
        first, *rest = dotted.split(".")
        module = self.modules.load(first)
        if module is None:
            return Missing(first, None, surely=True)
        found = Found(module, None, "")
        for part in rest:
            inner = self.inside(found, part)
            if inner is None:
                return Missing(part, found, surely=self._knows_all(found))
            found = inner
        return found

    def inside(self, found: Found, name: str) -> Found | None:
        """An attribute of a module or a class."""
        if found.node is None:
            return self.of_module(found.module, name)
        if isinstance(found.node, ast.ClassDef):
            return self.of_class(found, name)
        return None

    def of_module(self, module: Module, name: str) -> Found | None:
        """What the module calls `name`: what it binds, what stars bring, or a submodule."""
        key = (module.name, name)
        if key in self._open or len(self._open) > MOST_STEPS:
            return None
        self._open.add(key)
        try:
            binding = module.bindings.get(name)
            found = self._followed(module, name, binding) if binding is not None else None
            return found or self._of_stars(module, name) or self._submodule(module, name)
        finally:
            self._open.discard(key)

    def _followed(self, module: Module, name: str, binding: Binding) -> Found | None:
        if not binding.module:
            if isinstance(binding.node, ast.Name | ast.Attribute):
                return self.expression(module, binding.node)
            return Found(module, binding.node, name, surely=binding.surely)
        source = self.modules.load(binding.module)
        if source is None:
            return None
        if not binding.attribute:
            return Found(source, None, "", surely=binding.surely)
        found = self.of_module(source, binding.attribute)
        return found and _less_sure(found, binding.surely)

    def _of_stars(self, module: Module, name: str) -> Found | None:
        if name.startswith("_"):
            return None
        for star in reversed(module.stars):
            if not self.modules.holds(star, name):
                continue
            source = self.modules.load(star)
            if source is None:
                continue
            exports = source.exports()
            if exports is not None and name not in exports:
                continue
            if found := self.of_module(source, name):
                return found
        return None

    def _submodule(self, module: Module, name: str) -> Found | None:
        if module.locations is None:
            return None
        inner = self.modules.load(f"{module.name}.{name}")
        return Found(inner, None, "") if inner is not None else None

    def expression(self, module: Module, node: ast.expr) -> Found | None:
        """What `a.b.c` or `a[b]` means in the text of a module."""
        if isinstance(node, ast.Subscript):
            return self.expression(module, node.value)
        if isinstance(node, ast.Name):
            return self.of_module(module, node.id)
        if isinstance(node, ast.Attribute):
            base = self.expression(module, node.value)
            return self.inside(base, node.attr) if base is not None else None
        return None

    def of_class(self, found: Found, name: str) -> Found | None:
        """What instances of the class, or the class itself, call `name`."""
        for each in self.lineage(found):
            assert isinstance(each.node, ast.ClassDef)
            for called, node in _members(each.node):
                if called == name:
                    return Found(
                        each.module, node, f"{each.qualname}.{name}", each.surely, owner=found
                    )
        return None

    def attributes(self, found: Found) -> Iterator[Found]:
        """What the class and those that it inherits from define, each name once."""
        seen: set[str] = set()
        for each in self.lineage(found):
            assert isinstance(each.node, ast.ClassDef)
            for called, node in sorted(_members(each.node), key=lambda member: member[1].lineno):
                if called not in seen:
                    seen.add(called)
                    yield Found(each.module, node, f"{each.qualname}.{called}", owner=each)

    def lineage(self, found: Found) -> list[Found]:
        """The class and the classes that it inherits from, in the order of their attributes.

        A base that cannot be read is left out; `is_complete` tells.
        """
        return _merged(found, self._bases, frozenset())

    def _bases(self, found: Found) -> list[Found]:
        assert isinstance(found.node, ast.ClassDef)
        bases = [self.expression(found.module, base) for base in found.node.bases]
        return [base for base in bases if base and isinstance(base.node, ast.ClassDef)]

    def is_complete(self, found: Found) -> bool:
        """Whether all its names can be read."""
        if found.node is None:
            return not self._computes(found.module, set())
        if not isinstance(found.node, ast.ClassDef):
            return False
        return all(
            self._reads_bases(each) and not has_metaclass(each) for each in self.lineage(found)
        )

    def _knows_all(self, found: Found) -> bool:
        """Whether what is not read there is not there: nothing adds to a class from outside."""
        if not self.is_complete(found):
            return False
        lineage = self.lineage(found) if isinstance(found.node, ast.ClassDef) else []
        classes = [each.node for each in lineage if isinstance(each.node, ast.ClassDef)]
        return not any(
            any(_called(each) != "dataclass" for each in node.decorator_list)
            or any(name in _COMPUTE for name, _ in _members(node))
            for node in classes
        )

    def _computes(self, module: Module, seen: set[str]) -> bool:
        if module.name in seen:
            return False
        seen.add(module.name)
        if module.computes_names:
            return True
        stars = [self.modules.load(star) for star in module.stars]
        return any(star is None or self._computes(star, seen) for star in stars)

    def _reads_bases(self, found: Found) -> bool:
        assert isinstance(found.node, ast.ClassDef)
        return all(
            self._is_plain(found.module, base)
            or isinstance(getattr(self.expression(found.module, base), "node", None), ast.ClassDef)
            for base in found.node.bases
        )

    def _is_plain(self, module: Module, base: ast.expr) -> bool:
        return (
            isinstance(base, ast.Name) and base.id == "object" and "object" not in module.bindings
        )


def has_metaclass(found: Found) -> bool:
    """Whether something else than `type` may make its instances."""
    assert isinstance(found.node, ast.ClassDef)
    given = [each.value for each in found.node.keywords if each.arg == "metaclass"]
    return any(ast.unparse(each).rpartition(".")[2] != "ABCMeta" for each in given)


def _members(node: ast.ClassDef) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    """Its methods, inner classes and values, by their names; the last of a name first."""
    for statement in reversed(node.body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not any(_called(each) in _NOT_IT for each in statement.decorator_list):
                yield statement.name, statement
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.value or statement.annotation


_COMPUTE = ("__getattr__", "__getattribute__", "__init_subclass__")
_NOT_IT = ("overload", "setter", "deleter")
"""Decorators of what has the same name as what is meant."""


def _called(decorator: ast.expr) -> str:
    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(inner).rpartition(".")[2]


def _less_sure(found: Found, surely: bool) -> Found:
    if surely or not found.surely:
        return found
    return Found(found.module, found.node, found.qualname, surely=False, owner=found.owner)


def _merged(
    found: Found, bases_of: Callable[[Found], list[Found]], above: frozenset[str]
) -> list[Found]:
    """C3, as Python orders classes. A class that inherits from itself is nobody's base."""
    if found.name in above:
        return []
    bases = bases_of(found)
    lines = [_merged(base, bases_of, above | {found.name}) for base in bases]
    return [found, *_c3([*lines, bases])]


def _c3(lines: list[list[Found]]) -> list[Found]:
    order: list[Found] = []
    rest = [line for line in lines if line]
    while rest:
        later = {each.name for line in rest for each in line[1:]}
        # Python refuses what has no such order; here the first then goes first.
        head = next((line[0] for line in rest if line[0].name not in later), rest[0][0])
        order.append(head)
        rest = [[each for each in line if each.name != head.name] for line in rest]
        rest = [line for line in rest if line]
    return order
