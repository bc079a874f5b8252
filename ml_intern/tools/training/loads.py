"""What a script loads from elsewhere: models and datasets, by the names that stand in its source.

Read by parsing, never by running. A name is known where it is a text, a constant of the module, or
the default of an argument (of a recipe's dataclass or of `argparse`); of any other call that loads
something only the line is known.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ml_intern.tools.training.recipe import parameters

Kind = Literal["model", "dataset"]
_DATASET = frozenset(("load_dataset", "load_dataset_builder"))
_FILES = frozenset(("snapshot_download", "hf_hub_download"))
_MODEL_KEYWORDS = frozenset(("model", "model_name", "model_id", "model_name_or_path"))
_NAME_KEYWORDS = (*sorted(_MODEL_KEYWORDS), "pretrained_model_name_or_path", "path", "repo_id")
_FORMATS = frozenset(
    (
        *("json", "csv", "parquet", "text", "arrow", "pandas", "sql", "xml", "webdataset"),
        *("hdf5", "lance", "imagefolder", "audiofolder", "videofolder", "pdffolder"),
    )
)
"""Names that `load_dataset` takes for a kind of local files."""
_OURS = "output_dir"
"""What a launch hands to every script: the folder that the run itself fills."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One call that loads something, or one argument that names it."""

    kind: Kind
    name: str | None
    """As it stands there: an id or a path; None: only running the script tells it."""
    revision: str = "main"
    line: int = 0
    """0: of an argument, or of the script as a whole."""


def loads(source: bytes) -> list[Load]:
    """Every one, in the order of the source; of one that does not parse, one that nobody knows: it
    may be written for another Python than ours.
    """
    text = source.decode("utf-8", "replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [Load(kind="model", name=None)]
    known = _Known(text, tree)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = [*_of_arguments(known), *(load for call in calls for load in _of_call(call, known))]
    return list(dict.fromkeys(found))


class _Known:
    """The texts that names of a module stand for."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self._arguments = {
            **_argparse_defaults(tree),
            **{name: found.default for name, found in parameters(text).items()},
        }
        self._constants = _constants(tree)

    def text(self, node: ast.expr | None) -> str | None:
        """What the expression is, where that can be read: empty for nothing at all."""
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Constant(value=None):
                return ""
            case ast.Name(id=name):
                return "" if name == _OURS else self._constants.get(name)
            case ast.Attribute(attr=name):
                return "" if name == _OURS else self.argument(name)
            case _:
                return None

    def argument(self, name: str) -> str | None:
        """The default of an argument of the script, where that is a text."""
        value = self._arguments.get(name)
        return value if isinstance(value, str) else None


def _of_arguments(known: _Known) -> Iterator[Load]:
    """Those that the script may be told of by its arguments alone."""
    named: tuple[tuple[Kind, str, str], ...] = (
        ("model", "model_name_or_path", "model_revision"),
        ("dataset", "dataset_name", "dataset_revision"),
    )
    for kind, name, revision in named:
        if value := known.argument(name):
            yield Load(kind=kind, name=value, revision=known.argument(revision) or "main")


def _of_call(call: ast.Call, known: _Known) -> Iterator[Load]:
    called = _called(call)
    given = {word.arg: word.value for word in call.keywords if word.arg is not None}
    first = call.args[0] if call.args else None
    named = first or next((given[word] for word in _NAME_KEYWORDS if word in given), None)
    if called == "from_pretrained":
        yield from _load("model", named, given, known, call.lineno)
    elif called in _DATASET:
        if known.text(named) not in _FORMATS:
            yield from _load("dataset", named, given, known, call.lineno)
        elif "data_files" in given:
            yield from _of_files(given["data_files"], call.lineno)
    elif called in _FILES:
        is_dataset = known.text(given.get("repo_type")) == "dataset"
        yield from _load("dataset" if is_dataset else "model", named, given, known, call.lineno)
    else:
        for word in sorted(_MODEL_KEYWORDS & given.keys()):
            if isinstance(given[word], ast.Constant):  # else it is a model that was loaded before
                yield from _load("model", given[word], given, known, call.lineno)


def _load(
    kind: Kind, named: ast.expr | None, given: dict[str, ast.expr], known: _Known, line: int
) -> Iterator[Load]:
    name = known.text(named)
    if name != "":
        revision = known.text(given.get("revision")) or "main"
        yield Load(kind=kind, name=name, revision=revision, line=line)


def _of_files(files: ast.expr, line: int) -> Iterator[Load]:
    """Those that have an address; paths are files that lie here."""
    for node in ast.walk(files):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "://" in node.value:
            yield Load(kind="dataset", name=node.value, line=line)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names that are only ever one text, anywhere in the module."""
    bound: Counter[str] = Counter()
    texts: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound[name] += 1
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
            ):
                texts.setdefault(name, []).append(text)
            case _:
                pass
    return {
        name: given[0]
        for name, given in texts.items()
        if len(given) == bound[name] and len(set(given)) == 1
    }


def _argparse_defaults(tree: ast.Module) -> dict[str, object]:
    """Of `add_argument("--name", default=...)`, by the name of the attribute."""
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _called(node) != "add_argument":
            continue
        flags = [one.value for one in node.args if isinstance(one, ast.Constant)]
        long = next((flag for flag in flags if isinstance(flag, str) and flag[:2] == "--"), None)
        default = next((word.value for word in node.keywords if word.arg == "default"), None)
        if long is not None and isinstance(default, ast.Constant):
            found[long[2:].replace("-", "_")] = default.value
    return found
