"""The operations: a request in, one JSON object out, short and with a way to read on.

A request is a JSON object; `main` prints the answer as `{"event": "library", ...}`. What cannot be
answered is `{"error": ...}`: what was looked for, where, and what is there instead.
"""

import ast
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import imported as live
from .calls import Calls, Parameter, Taken
from .checks import Checks
from .listing import class_members, module_members
from .modules import Modules
from .names import Found, Missing, Names
from .scripts import wrong_keywords
from .versions import installed
from .words import nearest, of_argument

PARAMETERS, CHARS, LINES, MEMBERS = 40, 4000, 80, 50
"""Shown at once unless the request says `limit`, which may be up to `MOST` times that."""
MOST = 4
SOURCE_CHARS = 40_000
Answer = dict[str, Any]


class Trouble(Exception):
    """It cannot be answered; the text says why, for a model and a person."""


class Answers:
    """Answers requests, one after the other."""

    def __init__(self) -> None:
        self._names = Names(Modules())
        self._calls = Calls(self._names)
        self._checks = Checks(self._names, self._calls)

    def answer(self, request: Answer) -> Answer:
        """To one request. Raises Trouble."""
        operations: dict[str, Callable[[Answer], Answer]] = {
            "version": self._version,
            "signature": self._signature,
            "doc": self._doc,
            "source": self._source,
            "members": self._members,
            "check": self._check,
            "script": self._script,
        }
        return operations[request["operation"]](request)

    def _version(self, request: Answer) -> Answer:
        name = request["name"]
        if self._names.modules.load(name.partition(".")[0]) is None:
            raise Trouble(_no_package(name))
        return {"name": name, "version": installed(name)}

    def _signature(self, request: Answer) -> Answer:
        found = self._find(request["name"])
        if isinstance(found, live.Imported):
            return self._live_signature(request, found)
        taken = self._calls.taken(found)
        if taken.is_open and not taken.parameters:
            thing = self._try_import(request["name"])
            if thing is not None:
                return self._live_signature(request, thing)
        own = found.qualname.removesuffix(".__init__")
        chosen = [each for each in _own_first(taken.parameters, own) if _matches(each, request)]
        page, more = _page(chosen, request, PARAMETERS)
        return {
            **_head(request["name"], found),
            "takes": _by_owner(page),
            **_openness(taken),
            **more,
        }

    def _live_signature(self, request: Answer, found: live.Imported) -> Answer:
        parameters = live.parameters(found.thing)
        if parameters is None:
            raise Trouble(
                f"{request['name']} is compiled, and does not say what it takes: ask for its doc."
            )
        page, more = _page(
            [each for each in parameters if _matches(each, request)], request, PARAMETERS
        )
        return {
            **_live_head(request["name"]),
            "takes": {"": [each.shown() for each in page]},
            **more,
        }

    def _doc(self, request: Answer) -> Answer:
        found = self._find(request["name"])
        if isinstance(found, live.Imported):
            text = inspect.getdoc(found.thing) or ""
            documents, head = [text], _live_head(request["name"])
        else:
            documents, head = list(self._checks.documents(found)), _head(request["name"], found)
            text = documents[0]
        if argument := request.get("argument"):
            text = of_argument(argument, documents) or self._help_of(found, argument)
        if not text:
            of = f"the argument {argument} of " if argument else ""
            raise Trouble(
                f"There is no documentation of {of}{request['name']}; ask for its source."
            )
        shown, more = _text_page(text, request)
        return {**head, "doc": shown, **more}

    def _help_of(self, found: Found | live.Imported, argument: str) -> str:
        if not isinstance(found, Found):
            return ""
        parameter = self._calls.taken(found).keywords.get(argument)
        return f"{parameter.shown()}\n{parameter.help}".strip() if parameter is not None else ""

    def _source(self, request: Answer) -> Answer:
        found = self._find(request["name"])
        if not isinstance(found, Found) or found.module.path is None or not found.module.text:
            raise Trouble(
                f"{request['name']} has no source here: it is compiled or made at import."
            )
        lines = found.module.text.splitlines()
        first, last = _span(found.node, len(lines))
        offset, limit = _range(request, LINES)
        start = min(first + offset, last + 1)
        end = min(start + limit - 1, last)
        answer = {
            **_head(request["name"], found),
            "lines": f"{start}-{end} of {first}-{last}",
            "source": "\n".join(lines[start - 1 : end])[:SOURCE_CHARS],
        }
        return answer if end >= last else {**answer, "next": {"offset": offset + limit}}

    def _members(self, request: Answer) -> Answer:
        found = self._find(request["name"])
        if isinstance(found, live.Imported):
            names = [name for name in dir(found.thing) if not name.startswith("_")]
            head = _live_head(request["name"])
        elif isinstance(found.node, ast.ClassDef):
            names, head = class_members(self._names, found), _head(request["name"], found)
        elif found.node is None:
            names, head = module_members(self._names, found.module), _head(request["name"], found)
        else:
            raise Trouble(f"{request['name']} is neither a module nor a class: it has no members.")
        match = (request.get("match") or "").lower()
        page, more = _page([name for name in names if match in name.lower()], request, MEMBERS)
        return {**head, "members": page, **more}

    def _check(self, request: Answer) -> Answer:
        name, given = request["name"], request.get("arguments") or []
        found = self._find(name)
        if isinstance(found, live.Imported):
            return self._live_check(name, found, given)
        problems = list(self._checks.problems(name.rpartition(".")[2], found, given))
        taken = self._calls.taken(found)
        answer: Answer = {
            **_head(name, found),
            "wrong": [each.sentence for each in problems if each.wrong],
            "leaving": [each.sentence for each in problems if not each.wrong],
        }
        unknown = [each for each in given if each not in taken.keywords]
        if taken.is_open and unknown:
            answer["not_certain"] = (
                f"Reading cannot tell whether it takes {', '.join(unknown)}: {taken.why_open}."
            )
        return answer

    def _live_check(self, name: str, found: live.Imported, given: list[str]) -> Answer:
        parameters = live.parameters(found.thing)
        if parameters is None or any(each.kind == "**" for each in parameters):
            return {**_live_head(name), "not_certain": "It does not say which keywords it takes."}
        names = [each.name for each in parameters if each.kind in ("either", "keyword")]
        wrong = [_wrong_live(name, each, names) for each in given if each not in names]
        return {**_live_head(name), "wrong": wrong, "leaving": []}

    def _script(self, request: Answer) -> Answer:
        source = Path(request["path"]).read_text(encoding="utf-8")
        found = list(wrong_keywords(source, self._names, self._checks))
        return {
            "wrong": [[each.line, each.problem.sentence] for each in found if each.problem.wrong],
            "leaving": [
                [each.line, each.problem.sentence] for each in found if not each.problem.wrong
            ],
        }

    # Finding

    def _find(self, name: str) -> Found | live.Imported:
        """What reading finds; where it cannot say, what importing gives. Raises Trouble."""
        found = self._names.find(name)
        if isinstance(found, Found):
            if found.module.compiled and not found.qualname:
                return self._try_import(name) or found
            return found
        if found.within is None:
            raise Trouble(self._unknown_package(name))
        if not found.surely and (thing := self._try_import(name)) is not None:
            return thing
        raise Trouble(self._missing(name, found))

    def _try_import(self, name: str) -> live.Imported | None:
        try:
            found = live.imported(name)
        except Exception as exc:  # what a package does while it is imported may raise anything
            raise Trouble(
                f"Reading cannot tell what {name} is, and importing it fails: "
                f"{type(exc).__name__}: {str(exc)[:300]}"
            ) from exc
        return None if found.rest else found

    def _unknown_package(self, name: str) -> str:
        sentence = _no_package(name)
        holders = [
            package
            for package in ("transformers", "trl", "peft", "datasets", "accelerate", "torch")
            if "." not in name and isinstance(self._names.find(f"{package}.{name}"), Found)
        ]
        return f"{sentence} Do you mean {holders[0]}.{name}?" if holders else sentence

    def _missing(self, name: str, missing: Missing) -> str:
        within = missing.within
        assert within is not None
        sentence = f"{within.name} ({installed(within.module.name)}) has no {missing.name}."
        if isinstance(within.node, ast.ClassDef):
            known = [each.partition("(")[0] for each in class_members(self._names, within)]
        else:
            known = module_members(self._names, within.module) if within.node is None else []
        if alike := nearest(missing.name, known):
            sentence += f" Nearest: {', '.join(alike)}."
        if elsewhere := _defined_elsewhere(missing.name, within):
            sentence += f" {missing.name} is defined in {elsewhere}."
        return sentence


def _no_package(name: str) -> str:
    top = name.partition(".")[0]
    return (
        f"The training environment ({sys.executable}) has no package {top}. Names are given in "
        "full, e.g. trl.SFTConfig."
    )


def _wrong_live(called: str, name: str, names: list[str]) -> str:
    alike = nearest(name, names)
    near = f" Nearest: {', '.join(alike)}." if alike else ""
    return f"{called.rpartition('.')[2]} has no argument {name} ({installed(called)}).{near}"


def _defined_elsewhere(name: str, within: Found) -> str:
    """The first file of the package that defines a class or function of that name."""
    top = within.module.name.partition(".")[0]
    folder = next(
        (
            path
            for path in (within.module.path.parents if within.module.path else ())
            if path.name == top
        ),
        None,
    )
    if folder is None:
        return ""
    wanted = (f"class {name}(".encode(), f"class {name}:".encode(), f"\ndef {name}(".encode())
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(root) / file
            if file.endswith(".py") and any(each in path.read_bytes() for each in wanted):
                return path.relative_to(folder.parent).as_posix()
    return ""


# The shape of an answer


def _head(name: str, found: Found) -> Answer:
    head: Answer = {"name": name, "version": installed(found.module.name), "defined": found.where}
    if found.qualname and found.name != name:
        head["is"] = found.name
    return head


def _live_head(name: str) -> Answer:
    return {"name": name, "version": installed(name), "note": live.NOTE}


def _matches(parameter: Parameter, request: Answer) -> bool:
    match = (request.get("match") or "").lower()
    return match in parameter.name.lower() or match in parameter.help.lower()


def _own_first(parameters: Sequence[Parameter], own: str) -> list[Parameter]:
    """What it declares itself, then what it inherits, the nearest first."""
    if not any(each.owner == own for each in parameters) or all(
        each.owner == own for each in parameters
    ):
        return list(parameters)
    owners = list(dict.fromkeys(each.owner for each in reversed(parameters)))
    owners.sort(key=lambda owner: owner != own)
    return [each for owner in owners for each in parameters if each.owner == owner]


def _by_owner(parameters: Sequence[Parameter]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in parameters:
        found.setdefault(each.owner, []).append(each.shown())
    return found


def _openness(taken: Taken) -> Answer:
    answer: Answer = {}
    if taken.passes_to:
        answer["passes_kwargs_to"] = list(dict.fromkeys(taken.passes_to))
    if taken.is_open:
        answer["not_certain"] = f"It may take other keywords: {taken.why_open}."
    return answer


def _range(request: Answer, usual: int) -> tuple[int, int]:
    """Where to begin, and how much to show."""
    return request.get("offset") or 0, min(request.get("limit") or usual, MOST * usual)


def _page(items: Sequence[Any], request: Answer, usual: int) -> tuple[list[Any], Answer]:
    offset, limit = _range(request, usual)
    shown = list(items[offset : offset + limit])
    more: Answer = {"total": len(items)}
    if offset + limit < len(items):
        more["next"] = {"offset": offset + limit}
    return shown, more


def _text_page(text: str, request: Answer) -> tuple[str, Answer]:
    offset, limit = _range(request, CHARS)
    more: Answer = {"chars": len(text)}
    if offset + limit < len(text):
        more["next"] = {"offset": offset + limit}
    return text[offset : offset + limit], more


def _span(node: ast.AST | None, lines: int) -> tuple[int, int]:
    if node is None:
        return 1, lines
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])  # type: ignore[attr-defined]
    return first, node.end_lineno or first  # type: ignore[attr-defined]


def main(arguments: Sequence[str]) -> None:
    """Print the answer to the request in the first argument."""
    try:
        answer = Answers().answer(json.loads(arguments[0]))
    except Trouble as exc:
        answer = {"error": str(exc)}
    sys.stdout.write(json.dumps({"event": "library", **answer}) + "\n")
