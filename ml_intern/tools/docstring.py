"""What a docstring says of a function and of its parameters, in Google's or NumPy's style. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

_GOOGLE = re.compile(r"(Args|Arguments|Parameters):\s*")
_GOOGLE_ENTRY = re.compile(r"(?P<name>\w+)\s*(\([^)]*\))?\s*:(?P<words>.*)")
_NUMPY_ENTRY = re.compile(r"(?P<name>\w+)\s*(:.*)?")
_RULE = re.compile(r"-{3,}\s*")


def summary(text: str) -> str:
    """The first paragraph as one line; empty when the text begins with its parameters."""
    lines = text.strip().splitlines()
    if not lines or _GOOGLE.fullmatch(lines[0]) or (len(lines) > 1 and _RULE.fullmatch(lines[1])):
        return ""
    return " ".join(line.strip() for line in takewhile(str.strip, lines))


def parameters(text: str) -> dict[str, str]:
    """The words on each parameter that has some. `text` is as `inspect.getdoc` gives it."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        after = lines[number + 1 :]
        if _GOOGLE.fullmatch(line):
            return dict(_google(list(takewhile(_is_inside, after))))
        if line.strip() == "Parameters" and after and _RULE.fullmatch(after[0]):
            return dict(_numpy(list(_section(after[1:]))))
    return {}


def _is_inside(line: str) -> bool:
    return not line.strip() or line.startswith((" ", "\t"))


def _section(lines: Sequence[str]) -> Iterator[str]:
    """Up to the next heading, which is known by the rule below it."""
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and line.strip() and _RULE.fullmatch(lines[number + 1]):
            return
        yield line


def _google(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    margin = min((_margin(line) for line in lines if line.strip()), default=0)
    for head, body in _entries(lines, margin):
        found = _GOOGLE_ENTRY.fullmatch(head)
        if found and (words := _joined([found["words"], *body])):
            yield found["name"], words


def _numpy(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for head, body in _entries(lines, 0):
        if (found := _NUMPY_ENTRY.fullmatch(head)) and (words := _joined(body)):
            yield found["name"], words


def _entries(lines: Sequence[str], margin: int) -> Iterator[tuple[str, list[str]]]:
    """Lines at `margin`, each with the deeper ones that follow it."""
    head, body = "", list[str]()
    for line in lines:
        if line.strip() and _margin(line) == margin:
            if head:
                yield head, body
            head, body = line.strip(), []
        else:
            body.append(line)
    if head:
        yield head, body


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())
