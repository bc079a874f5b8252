"""What the authors call what they made: the names by which tables and sentences mean their own."""

import re
from collections.abc import Iterable, Sequence

from ml_intern.tools.papers.document import Table
from ml_intern.tools.papers.recipe.numbers import plain
from ml_intern.tools.papers.recipe.sentences import Sentence

_PART = r"[\w+]{1,30}(?:-[\w+]{1,20}){0,3}"
_NAME = rf"(?P<name>[A-Z]{_PART}(?: [A-Z0-9]{_PART}){{0,2}})"
_MADE = (
    re.compile(rf"\b[Ww]e (?:call|name|dub|term|refer to|denote) (?:[\w-]+ ){{0,4}}?(?:as )?{_NAME}"),
    re.compile(rf"\b(?:[Ww]e|paper|work) (?:propose|introduce|present|describe|develop|presents|introduces|proposes|describes) {_NAME}"),
    re.compile(rf"\b[Oo]ur (?:[\w-]+ ){{0,3}}?(?:model|method|approach|system|network|architecture|framework),? (?:called |named |dubbed |which we call )?{_NAME}(?=,|\.| \()"),
    re.compile(rf"\b(?:called|named|dubbed|which we call|termed) {_NAME}"),
    re.compile(rf"{_NAME} \((?:ours|this work|this paper)\)"),
)  # fmt: skip
_MARKED = re.compile(rf"{_NAME} \((?:ours|this work|this paper|proposed)\)")
_DATA = re.compile(
    r",? (?:\([^)]*\) ?)?(?:is )?an? (?:[\w-]+ ){0,5}?(?:dataset|corpus|benchmark|collection)"
)
_COMMON = frozenset(
    {"The", "Our", "This", "These", "A", "An", "In", "Section", "Table", "Figure", "Transformer"}
)


def own_names(
    title: str, sentences: Iterable[Sentence], tables: Iterable[Table] = ()
) -> tuple[str, ...]:
    """Names of the method or model that the paper introduces, in the order in which they come."""
    found: dict[str, None] = {}
    head, colon, _ = plain(title).partition(":")
    if colon and len(head.split()) <= 3 and head[:1].isupper():
        found[head.strip()] = None
    for sentence in sentences:
        if sentence.role == "aside":
            continue
        for pattern in _MADE:
            for name in pattern.finditer(sentence.plain):
                if not _DATA.match(sentence.plain[name.end("name") :]):
                    found[name["name"].rstrip("-")] = None
    for label in (plain(row[0]) for table in tables for row in table.rows if row):
        if marked := _MARKED.fullmatch(label.strip(" *†‡")):
            found[marked["name"]] = None
    return tuple(name for name in found if name.split()[0] not in _COMMON)


def names_own(words: str, names: Sequence[str]) -> bool:
    """Whether one of the names stands in these plain words."""
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words) for name in names)
