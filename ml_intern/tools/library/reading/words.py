"""What a library says of its names itself: documentation, and what is gone or on its way out."""

import ast
import difflib
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .calls import Parameter, Taken
from .modules import Module
from .names import Found

MOST_CHARS = 300
"""Of a sentence that is quoted."""
_LEAVING = re.compile(
    r"deprecat|\bremoved?\b|renamed|no longer|replaced (?:by|with)|\binstead\b", re.IGNORECASE
)
_WARNS = re.compile(r"(?:^|\.)(?:warn|warning|warning_once|deprecate\w*)$")
_ENDS = re.compile(
    r"deprecat|will be removed|no longer|renamed|(?:replaced|superseded) (?:by|with)", re.IGNORECASE
)
_DEPRECATES = re.compile(r"\b(?:Pending)?DeprecationWarning\b|\bFutureWarning\b")
_INSTEAD = re.compile(
    r"\b(?:use|using|with|by|favou?r of|instead|to|set|setting|pass|passing|specify|prefer)"
    r"(?: the| a)?(?: argument| parameter)?\s*[`'\"]*$",
    re.IGNORECASE,
)
"""Before the name of what is to be given in the place of something."""
_CHANGES = re.compile(r"(?:change|migration|history|release)", re.IGNORECASE)


@dataclass(frozen=True)
class Quote:
    """A sentence of the library, word for word but for its line breaks."""

    text: str
    where: str


def nearest(name: str, among: Iterable[str]) -> list[str]:
    """The most alike of the names, best first: by letters, and by the words that they share."""
    parts = set(name.lower().split("_"))
    scored = []
    for each in among:
        others = set(each.lower().split("_"))
        alike = difflib.SequenceMatcher(None, name.lower(), each.lower()).ratio()
        shared = len(parts & others) / len(parts | others)
        scored.append((max(alike, (alike + shared) / 1.5), each))
    return [each for score, each in sorted(scored, reverse=True)[:3] if score >= 0.6]


def docstring(found: Found) -> str:
    """Its documentation as it stands there; empty: there is none."""
    if found.node is None:
        return ast.get_docstring(found.module.tree) or ""
    if isinstance(found.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return ast.get_docstring(found.node) or ""
    return ""


def of_argument(name: str, documents: Iterable[str]) -> str:
    """What the first documentation that knows the argument says of it."""
    for text in documents:
        if block := _block(name, text):
            return block
    return ""


def _block(name: str, text: str) -> str:
    """The entry of an argument list, as most styles write it: a head, and what is indented more."""
    head = re.compile(rf"^(\s*)\*{{0,2}}`{{0,2}}{re.escape(name)}`{{0,2}}\s*(?:\(.*|:.*)$")
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if (match := head.match(line)) is None:
            continue
        kept = [line.strip()]
        for after in lines[place + 1 :]:
            if after.strip() and len(after) - len(after.lstrip()) <= len(match[1]):
                break
            kept.append(after)
        return inspect.cleandoc("\n".join(kept)).strip()
    return ""


def on_its_way_out(parameter: Parameter, documents: Iterable[str]) -> str:
    """What says that a call should not give it any more; empty: nothing does."""
    head = re.compile(rf"^{parameter.name}\s*(?:\([^)]*\))?\s*:\s*")
    for text in (parameter.help, of_argument(parameter.name, documents)):
        sentences = list(_sentences(head.sub("", text)))
        for place, sentence in enumerate(sentences):
            if _is_of(parameter.name, sentence):
                return " ".join(sentences[place : place + 2])  # the second says what to do instead
    return ""


def _is_of(name: str, sentence: str) -> bool:
    """Whether a sentence about this argument says that it is to go, and not that another is."""
    found = re.search(r"deprecated|will be removed", sentence, re.IGNORECASE)
    others = re.findall(r"`(\w+)`", sentence[: found.start()]) if found is not None else []
    return found is not None and (not others or name in others)


def warned_of(name: str, taken: Taken) -> Quote | None:
    """What the library warns of when a call gives the argument; None: of nothing that was found.

    The text of a `warnings.warn`, or of a logger's warning, in what takes the argument.
    """
    for each in taken.read:
        for call in ast.walk(each.node) if each.node is not None else ():
            if not isinstance(call, ast.Call) or _WARNS.search(ast.unparse(call.func)) is None:
                continue
            sentences = list(_sentences(_text_of(call)))
            is_final = _DEPRECATES.search(ast.unparse(call)) is not None
            for place, sentence in enumerate(sentences):
                if _is_subject(name, sentence) and (is_final or _ENDS.search(sentence)):
                    words = " ".join(sentences[place : place + 2])
                    return Quote(words, f"{_short(each.module)}:{call.lineno}")
    return None


def _text_of(call: ast.Call) -> str:
    """Of its first argument; what is filled in when it runs stands as an ellipsis."""
    match call.args[:1]:
        case [ast.Constant(value=str(text))]:
            return text
        case [ast.JoinedStr(values=parts)]:
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts
            )
        case _:
            return ""


def _is_subject(name: str, sentence: str) -> bool:
    """Whether the sentence speaks of an argument, and not of what to give in its place.

    A name that is a plain word must be marked as one.
    """
    mark = "" if "_" in name else "[`'\"]"
    found = re.finditer(rf"{mark}(?<!\w){re.escape(name)}\b(?!\w*\()", sentence)
    return any(not _INSTEAD.search(sentence[: each.start()]) for each in found)


def said_of(name: str, taken: Taken) -> Quote | None:
    """What the library says of an argument that it does not take; None: nothing that was found."""
    modules = {each.module.name: each.module for each in taken.read}
    for module in modules.values():
        for line, text in _strings(module):
            for sentence in _sentences(text):
                if _speaks_of(name, sentence):
                    return Quote(sentence, f"{_short(module)}:{line}")
    packages = {module.name.partition(".")[0]: module for module in modules.values()}
    for module in packages.values():
        if (quote := _in_changes(name, module)) is not None:
            return quote
    return None


def _strings(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _speaks_of(name: str, sentence: str) -> bool:
    return bool(_LEAVING.search(sentence) and re.search(rf"\b{re.escape(name)}\b", sentence))


def _sentences(text: str) -> Iterator[str]:
    for part in re.split(r"\n\s*\n|(?<=[.!?])\s+(?=[A-Z`\"'])", text):
        sentence = " ".join(re.sub(r"</?\w+[^>]*>", " ", part).split())
        if sentence:
            yield sentence if len(sentence) <= MOST_CHARS else f"{sentence[:MOST_CHARS]}…"


def _in_changes(name: str, module: Module) -> Quote | None:
    """From the change log that a package was installed with, where it has one."""
    if module.path is None:
        return None
    folder = module.path
    for _ in range(module.name.count(".") + (1 if module.locations is not None else 0)):
        folder = folder.parent
    for path in _change_logs(folder):
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if _speaks_of(name, line):
                return Quote(line.strip()[:MOST_CHARS], f"{path.name}:{number}")
    return None


def _change_logs(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        plain = path.suffix.lower() in (".md", ".rst", ".txt")
        if plain and _CHANGES.match(path.name) and path.stat().st_size < 4 << 20:
            yield path


def _short(module: Module) -> str:
    return Found(module, None, "").where
