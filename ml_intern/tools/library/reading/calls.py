"""What a call takes: of a function, a method or a class, with all that `**kwargs` passes on."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .modules import Module
from .names import Found, Names, has_metaclass

MOST_DEPTH = 8
"""Calls that `**kwargs` is followed through."""
HARMLESS = frozenset(
    {
        "dataclass", "classmethod", "staticmethod", "abstractmethod", "property", "final",
        "total_ordering", "lru_cache", "cache", "contextmanager", "no_grad", "inference_mode",
        "auto_docstring", "add_start_docstrings", "add_end_docstrings",
        "add_start_docstrings_to_model_forward", "replace_return_docstrings",
        "can_return_tuple", "wraps", "runtime_checkable", "transmit_format",
        "fingerprint_transform", "validate_hf_hub_args", "override",
    }
)  # fmt: skip
"""Decorators, by their names, that leave alone which arguments a call takes."""


@dataclass(frozen=True)
class Parameter:
    """One argument that a call takes."""

    name: str
    kind: str
    """`positional`, `either`, `keyword`, `*` or `**`."""
    annotation: str = ""
    default: str | None = None
    """As the source has it; None: it must be given."""
    owner: str = ""
    """The class or function that declares it."""
    module: str = ""
    line: int = 0
    help: str = ""
    """Of a field's metadata."""

    def shown(self) -> str:
        """As in a signature."""
        star = self.kind if self.kind.startswith("*") else ""
        annotation = f": {self.annotation}" if self.annotation else ""
        default = "" if self.default is None else f" = {self.default}"
        return f"{star}{self.name}{annotation}{default}"


@dataclass(frozen=True)
class Taken:
    """What a call takes."""

    parameters: tuple[Parameter, ...]
    is_open: bool = False
    """Whether it takes keywords of any name, or nobody can read which."""
    why_open: str = ""
    passes_to: tuple[str, ...] = ()
    """Where `**kwargs` goes, by full names."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Old names that a decorator still takes, with the new ones."""
    read: tuple[Found, ...] = ()
    """The classes and functions that say so."""

    @property
    def keywords(self) -> dict[str, Parameter]:
        """What may be given by name."""
        return {each.name: each for each in self.parameters if each.kind in ("either", "keyword")}


NOTHING = Taken((), is_open=True, why_open="it is neither a class nor a function")


class Calls:
    """Reads what calls take."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def taken(self, found: Found, depth: int = 0) -> Taken:
        """What a call of it takes."""
        if depth > MOST_DEPTH:
            return Taken((), is_open=True, why_open="it is passed on too often")
        if isinstance(found.node, ast.ClassDef):
            taken = self._of_class(found, depth)
        elif isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = self._of_function(found, found.node, depth)
        else:
            return NOTHING
        if found.surely:
            return taken
        return replace(taken, is_open=True, why_open="it is bound in more than one way")

    # Classes

    def _of_class(self, found: Found, depth: int) -> Taken:
        lineage = self._names.lineage(found)
        why = self._why_class_is_open(found, lineage)
        taken = self._constructor(found, lineage, 0, depth)
        if taken is None:
            taken = Taken((), read=(found,))
            if not self._names.is_complete(found):
                why = why or "it inherits from something that cannot be read"
        return replace(taken, is_open=True, why_open=why) if why else taken

    def _why_class_is_open(self, found: Found, lineage: list[Found]) -> str:
        assert isinstance(found.node, ast.ClassDef)
        for decorator in found.node.decorator_list:
            if _called(decorator) not in HARMLESS:
                return f"the decorator @{_called(decorator)} may change it"
        for each in lineage:
            if has_metaclass(each):
                return f"the metaclass of {each.qualname} may change it"
            for name in ("__new__", "__init_subclass__"):
                if _method(each, name) is not None:
                    return f"{each.qualname}.{name} may change it"
        return ""

    def _constructor(
        self, found: Found, lineage: list[Found], start: int, depth: int
    ) -> Taken | None:
        """That of the first class from `start` on that has one; None: that of `object`."""
        for place in range(start, len(lineage)):
            each = lineage[place]
            if (method := _method(each, "__init__")) is not None:
                inner = Found(each.module, method, f"{each.qualname}.__init__", each.surely, each)
                return self._of_function(inner, method, depth, lineage=lineage, place=place)
            if _dataclass_of(each) is not None:
                return self._of_fields(lineage[place:])
            if not self._names.is_complete(each) and place + 1 >= len(lineage):
                why = f"{each.qualname} inherits from something that cannot be read"
                return Taken((), is_open=True, why_open=why, read=(each,))
        return None

    def _of_fields(self, lineage: list[Found]) -> Taken:
        """Of a dataclass: its own fields and those of the dataclasses that it inherits from."""
        fields: dict[str, Parameter | None] = {}
        unread = ""
        for each in reversed(lineage):
            assert isinstance(each.node, ast.ClassDef)
            if not self._names.is_complete(each):
                unread = f"{each.qualname} inherits from something that cannot be read"
            decorator = _dataclass_of(each)
            if decorator is not None:
                all_by_name = _is_true(_keyword(decorator, "kw_only"))
                fields |= dict(_fields(each.module, each.node, all_by_name))
        parameters = tuple(each for each in fields.values() if each is not None)
        return Taken(parameters, bool(unread), unread, read=tuple(lineage))

    # Functions

    def _of_function(
        self,
        found: Found,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        depth: int,
        *,
        lineage: list[Found] | None = None,
        place: int = 0,
    ) -> Taken:
        parameters = list(_parameters(found, node))
        if found.owner is not None and not _has(node, "staticmethod") and parameters:
            parameters = parameters[1:]
        renamed, why = _decorators(node)
        taken = Taken(tuple(parameters), bool(why), why, renamed=renamed, read=(found,))
        if node.args.kwarg is None:
            return taken
        return self._passed_on(taken, found, node, depth, lineage, place)

    def _passed_on(
        self,
        taken: Taken,
        found: Found,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        depth: int,
        lineage: list[Found] | None,
        place: int,
    ) -> Taken:
        """With what those take that `**kwargs` is given to."""
        assert node.args.kwarg is not None
        use = _use_of(node, node.args.kwarg.arg)
        if use.otherwise or not use.calls:
            return replace(taken, is_open=True, why_open="its **kwargs is used in ways of its own")
        for call in use.calls:
            inner = self._callee(call, found, depth + 1, lineage, place)
            if inner is None:
                why = f"its **kwargs goes to {found.module.segment(call.func)}"
                taken = replace(taken, is_open=True, why_open=taken.why_open or why)
                continue
            given = {each.arg for each in call.keywords}
            taken = _joined(taken, inner, given, found.module.segment(call.func))
        popped = [
            Parameter(name, "keyword", default="…", owner=found.qualname, module=found.module.name)
            for name in use.popped
            if name not in taken.keywords
        ]
        plain = [each for each in taken.parameters if each.kind != "**"]
        return replace(taken, parameters=(*plain, *popped))

    def _callee(
        self, call: ast.Call, found: Found, depth: int, lineage: list[Found] | None, place: int
    ) -> Taken | None:
        """What the inner call takes; None: nobody can read whom it calls."""
        if depth > MOST_DEPTH:
            return None
        if ast.unparse(call.func) == "super().__init__" and lineage is not None:
            inner = self._constructor(lineage[0], lineage, place + 1, depth)
            if inner is None and self._names.is_complete(lineage[0]):
                return Taken(())
            return inner
        assert found.node is not None
        root = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in _own_names(found.node):
            return None
        target = self._names.expression(found.module, call.func)
        return self.taken(target, depth) if target is not None else None


def _joined(taken: Taken, inner: Taken, given: set[str | None], called: str) -> Taken:
    own = {each.name for each in taken.parameters} | given
    more = [each for each in inner.parameters if each.kind in ("either", "keyword")]
    added = [replace(each, kind="keyword") for each in more if each.name not in own]
    return replace(
        taken,
        parameters=(*taken.parameters, *added),
        is_open=taken.is_open or inner.is_open,
        why_open=taken.why_open or inner.why_open,
        passes_to=(*taken.passes_to, called, *inner.passes_to),
        renamed={**inner.renamed, **taken.renamed},
        read=(*taken.read, *inner.read),
    )


@dataclass
class _Use:
    """What a function does with its `**kwargs`."""

    calls: list[ast.Call] = field(default_factory=list)
    popped: list[str] = field(default_factory=list)
    otherwise: bool = False


def _use_of(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> _Use:
    use, understood = _Use(), 0
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        if any(each.arg is None and _is_name(each.value, name) for each in inner.keywords):
            use.calls.append(inner)
            understood += 1
        elif _is_taking(inner, name):
            assert isinstance(inner.args[0], ast.Constant)
            use.popped.append(str(inner.args[0].value))
            understood += 1
    uses = sum(_is_name(inner, name) for inner in ast.walk(node))
    use.otherwise = uses != understood
    return use


def _is_taking(call: ast.Call, name: str) -> bool:
    """`kwargs.pop("x")` or `kwargs.get("x", …)`."""
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("pop", "get")
        and _is_name(call.func.value, name)
        and bool(call.args)
        and isinstance(call.args[0], ast.Constant)
    )


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _own_names(node: ast.AST) -> set[str]:
    """Names that a function binds itself, so that they mean nothing of its module."""
    stored = {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)
    }
    return stored | {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}


def _method(found: Found, name: str) -> ast.FunctionDef | None:
    assert isinstance(found.node, ast.ClassDef)
    for statement in reversed(found.node.body):
        if not isinstance(statement, ast.FunctionDef) or statement.name != name:
            continue
        if not _has(statement, "overload"):
            return statement
    return None


def _has(node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: str) -> bool:
    return any(_called(each) == decorator for each in node.decorator_list)


def _called(decorator: ast.expr) -> str:
    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(inner).rpartition(".")[2]


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[dict[str, str], str]:
    """Old names that decorators still take, and why it is not known what they take."""
    renamed: dict[str, str] = {}
    why = ""
    for decorator in node.decorator_list:
        called = _called(decorator)
        if called == "deprecate_kwarg" and isinstance(decorator, ast.Call):
            old = (
                _text(decorator.args[0])
                if decorator.args
                else _text(_keyword(decorator, "old_name"))
            )
            renamed[old] = _text(_keyword(decorator, "new_name"))
        elif called not in HARMLESS:
            why = why or f"the decorator @{called} may change it"
    return renamed, why


def _text(node: ast.expr | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) and node.value is not None else ""


def _parameters(found: Found, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Parameter]:
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    missing = len(positional) - len(args.defaults)
    defaults = [None] * missing + list(args.defaults)
    for place, (arg, default) in enumerate(zip(positional, defaults, strict=True)):
        kind = "positional" if place < len(args.posonlyargs) else "either"
        yield _parameter(found, arg, kind, default)
    if args.vararg is not None:
        yield _parameter(found, args.vararg, "*", None)
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _parameter(found, arg, "keyword", default)
    if args.kwarg is not None:
        yield _parameter(found, args.kwarg, "**", None)


def _parameter(found: Found, arg: ast.arg, kind: str, default: ast.expr | None) -> Parameter:
    owner = found.qualname.removesuffix(".__init__")
    return Parameter(
        name=arg.arg,
        kind=kind,
        annotation=found.module.segment(arg.annotation),
        default=found.module.segment(default) if default is not None else None,
        owner=owner,
        module=found.module.name,
        line=arg.lineno,
    )


# Dataclasses


def _dataclass_of(found: Found) -> ast.expr | None:
    """The decorator that writes its `__init__`; None: there is none."""
    assert isinstance(found.node, ast.ClassDef)
    for decorator in found.node.decorator_list:
        if _called(decorator) == "dataclass" and not _is_false(_keyword(decorator, "init")):
            return decorator
    return None


def _fields(
    module: Module, node: ast.ClassDef, all_by_name: bool
) -> Iterator[tuple[str, Parameter | None]]:
    """By their names; None: it is no argument."""
    by_name = all_by_name
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = module.segment(statement.annotation)
        if annotation.endswith("KW_ONLY"):
            by_name = True
        elif not annotation.startswith(("ClassVar", "typing.ClassVar")):
            name = statement.target.id
            yield name, _of_field(module, node, statement, annotation, by_name)


def _of_field(
    module: Module, node: ast.ClassDef, statement: ast.AnnAssign, annotation: str, by_name: bool
) -> Parameter | None:
    value = statement.value
    is_field = isinstance(value, ast.Call) and _called(value) in ("field", "HfArg")
    if is_field and _is_false(_keyword(value, "init")):
        return None
    if is_field and not _is_false(_keyword(value, "kw_only")) and _keyword(value, "kw_only"):
        by_name = True
    assert isinstance(statement.target, ast.Name)
    return Parameter(
        name=statement.target.id,
        kind="keyword" if by_name else "either",
        annotation=annotation,
        default=_default(module, value, is_field=is_field),
        owner=node.name,
        module=module.name,
        line=statement.lineno,
        help=_help(value) if is_field else "",
    )


def _default(module: Module, value: ast.expr | None, *, is_field: bool) -> str | None:
    if value is None or not is_field:
        return module.segment(value) if value is not None else None
    if (default := _keyword(value, "default")) is not None:
        return module.segment(default)
    if (factory := _keyword(value, "default_factory")) is not None:
        text = module.segment(factory)
        return text.removeprefix("lambda: ") if text.startswith("lambda: ") else f"{text}()"
    return None


def _help(value: ast.expr | None) -> str:
    """What `metadata={"help": …}` says."""
    metadata = _keyword(value, "metadata")
    if not isinstance(metadata, ast.Dict):
        return ""
    for key, said in zip(metadata.keys, metadata.values, strict=True):
        if key is not None and _text(key) == "help":
            return " ".join(_text(said).split())
    return ""


def _keyword(call: ast.expr | None, name: str) -> ast.expr | None:
    if not isinstance(call, ast.Call):
        return None
    return next((each.value for each in call.keywords if each.arg == name), None)


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
