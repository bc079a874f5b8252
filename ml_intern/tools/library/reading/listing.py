"""What modules and classes hold, as lists of names."""

import ast
from pathlib import Path

from .modules import Module, is_standard
from .names import Found, Names


def module_members(names: Names, module: Module) -> list[str]:
    """Public names of a module, with what stars bring, and its submodules."""
    found = _public(names, module, set())
    for location in module.locations or ():
        found |= _submodules(Path(location))
    return sorted(found)


def _public(names: Names, module: Module, seen: set[str]) -> set[str]:
    if module.name in seen:
        return set()
    seen.add(module.name)
    exports = module.exports()
    if exports is not None:
        return set(exports)
    found = {
        name
        for name, binding in module.bindings.items()
        if not name.startswith("_") and not (binding.module and is_standard(binding.module))
    }
    for star in module.stars:
        listed = names.modules.exports(star)
        source = names.modules.load(star) if listed is None else None
        found |= set(listed or ()) if source is None else _public(names, source, seen)
    return found


def _submodules(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    found = {path.stem for path in folder.glob("*.py")}
    found |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return {name for name in found if name.isidentifier() and not name.startswith("_")}


def class_members(names: Names, found: Found) -> list[str]:
    """Public methods, values and inner classes, its own first: `name(arguments) - first words`."""
    return [
        _line(each)
        for each in names.attributes(found)
        if not each.qualname.rpartition(".")[2].startswith("_")
    ]


def _line(found: Found) -> str:
    name = found.qualname.rpartition(".")[2]
    if isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
        args = [arg.arg for arg in (*found.node.args.posonlyargs, *found.node.args.args)]
        args += [arg.arg for arg in found.node.args.kwonlyargs]
        if found.node.args.kwarg is not None:
            args.append(f"**{found.node.args.kwarg.arg}")
        shown = ", ".join(arg for arg in args if arg not in ("self", "cls"))
        name = f"{name}({shown})"
    if isinstance(found.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        first = (ast.get_docstring(found.node) or "").strip().partition("\n")[0]
        return f"{name} - {first}"[:160] if first else name[:160]
    return name
