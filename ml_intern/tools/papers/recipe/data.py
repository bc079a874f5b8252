"""The data of a paper, and how many examples its splits have."""

import re
from collections.abc import Iterable, Iterator, Sequence

from ml_intern.tools.papers.document import Document, Row, Table
from ml_intern.tools.papers.recipe.candidates import Candidate, agreed
from ml_intern.tools.papers.recipe.claims import is_own
from ml_intern.tools.papers.recipe.dataset_names import (
    TELLS_RESULTS,
    dataset_names,
    is_name,
    named_in_heads,
    named_in_rows,
    named_in_sentences,
    quoted,
    tells_of_origin,
)
from ml_intern.tools.papers.recipe.numbers import NUMBER, plain, value_of
from ml_intern.tools.papers.recipe.sentences import Sentence, roles_of
from ml_intern.tools.papers.recipe.words import SPLITS, Dataset, Value

_ITEM = (
    r"(?P<unit>examples|sentences|images|samples|documents|utterances|pairs|sentence pairs|graphs|clips|instances|"
    r"questions|articles|reviews|records|items|tweets|recordings|dialogues|tickets|messages|rows|patients|scans|videos|"
    r"molecules|compounds|posts|passages|queries|problems|segments|abstracts|photographs|pictures|hours|tokens|words|texts|sequences|windows|series)"
)
_ITEM2 = _ITEM.replace("<unit>", "<unit2>")
_SPLIT = r"(?P<split>training|train|validation|development|dev|testing|test|held-out test)\b"
_SIZES = (
    re.compile(rf"(?P<n>{NUMBER})(?: (?:\w+ )?{_ITEM}| (?!epochs|steps|iterations|gpus?|days|minutes|seconds|percent|of|gb|runs)[a-z-]+)?,?(?: of which| of them)? (?:are |is |were )?(?:used |kept |reserved |held out |set aside )?(?:for|in) (?:the )?{_SPLIT}\b(?! (?:steps|epochs|time))"),
    re.compile(rf"(?P<n>{NUMBER}) (?:labell?ed |annotated )?{_SPLIT}(?! (?:steps|epochs|iterations|updates|time|runs|hours|days|batches|loss|accuracy|error|tokens|classes|sets?|splits?|gpus|stages|phases|seeds)\b)(?!(?: [a-z]+){{0,2}} (?:for|as) (?:the )?(?:validation|development|test|dev))(?: (?:[\w-]+ )?{_ITEM})?"),
    re.compile(rf"(?<!and )(?<!, )(?<!/)\b{_SPLIT} (?:set|split|partition|portion|data|part)s? (?:of|with|contains|has|containing|comprises|consists of|holds|includes|comprising)(?: about)? (?P<n>{NUMBER})(?: (?:\w+ )?{_ITEM})?"),
    re.compile(rf"(?P<n>{NUMBER}) (?:[\w-]+ )?{_ITEM},? (?:for|in) (?:the )?{_SPLIT}\b"),
    re.compile(rf"\b{_SPLIT} ?(?:=|:) ?(?P<n>{NUMBER})"),
)  # fmt: skip
_THREE = re.compile(
    rf"(?P<a>{NUMBER}) ?/ ?(?P<b>{NUMBER}) ?/ ?(?P<c>{NUMBER})(?: {_ITEM})?[^.;\d%]{{0,40}}?train(?:ing)?(?: ?/ ?|, )(?:val(?:idation)?|dev(?:elopment)?)(?: ?/ ?|,? and )test"
    rf"|train(?:ing)?,? (?:val(?:idation)?|dev(?:elopment)?),? and test(?:ing)?(?: (?:sets?|splits?|data|subsets?|examples|samples))?,? ?(?:of|with|contain\w*|compris\w*|consist\w* of|:|=|\() ?(?:about )?(?P<g>{NUMBER})(?: [a-z]+)?, (?P<h>{NUMBER})(?: [a-z]+)?,? and (?P<i>{NUMBER})"
    rf"|train(?:ing)? ?/ ?(?:val(?:idation)?|dev(?:elopment)?) ?/ ?test[^.;\d%]{{0,40}}?(?P<d>{NUMBER}) ?/ ?(?P<e>{NUMBER}) ?/ ?(?P<f>{NUMBER})(?! ?%)"
)
_OF_SPLIT = {
    **dict.fromkeys(("training", "train", "tr", "# train", "train size"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "development", "dev"), "validation"),
    **dict.fromkeys(("testing", "test", "held-out test", "eval test"), "test"),
}
_NAME_HEAD = re.compile(r"(?:data ?sets?|corpus|corpora|task|data|name|benchmark|source|domain)?")
_COUNT_HEAD = re.compile(
    r"(?:number of |# ?|num\.? ?|no\. of )?(?:examples|sentences|images|samples|documents|utterances|instances|size|count|items|records|pairs|questions|rows|total|clips|articles|recordings|videos|texts|tweets|reviews|sequences|graphs)"
)
_UNITS = {"hours": "hours", "tokens": "tokens", "words": "words"}


def data_of(document: Document, sentences: Sequence[Sentence]) -> tuple[Dataset, ...]:
    """Every dataset that the paper says it uses, with the sizes that are beyond doubt."""
    named = [
        *named_in_sentences(sentences),
        *named_in_heads(document, sentences),
        *named_in_rows(document),
    ]
    names = _distinct(candidate.value for candidate in named)
    sizes = [
        *_in_sentences(sentences, names),
        *_in_tables(document, names),
    ]
    known = _distinct([*names, *(_dataset(size.name) for size in sizes)])
    found = []
    for name in known:
        here = [each for each in named if _same(str(each.value), name)]
        own = [each for each in sizes if _same(_dataset(each.name), name)]
        first = here[0] if here else own[0]
        splits = {
            split: agreed([each for each in own if each.name.endswith(f"\n{split}")])
            for split in SPLITS
        }
        title = first.found().model_copy(update={"value": name, "unit": ""})
        found.append(Dataset(name=title, **splits))
    return tuple(found)


def _in_sentences(sentences: Sequence[Sentence], names: Sequence[str]) -> Iterator[Candidate]:
    last: tuple[int, list[str]] = (-1, [])
    for place, sentence in enumerate(sentences):
        here = _datasets(sentence.plain, names)
        if here and not tells_of_origin(sentence.lower):
            last = (sentence.paragraph, here)
        if not is_own(sentence, "results"):
            continue
        of = here or _named_next(sentences[place + 1 : place + 2], sentence.paragraph)
        of = of or (last[1] if last[0] == sentence.paragraph else [])
        if not of and len(names) == 1:
            of = list(names)
        yield from _behind_names(sentence)
        pieces = [sentence.plain] if len(of) == 1 else _BETWEEN.split(sentence.plain)
        for piece in pieces:
            about = of if len(of) == 1 else _datasets(piece, names)
            if len(about) == 1:
                for split, value, unit in _sizes(piece.lower()):
                    yield _size(about[0], split, value, unit, sentence.text, sentence.section)


def _behind_names(sentence: Sentence) -> Iterator[Candidate]:
    """Of `we evaluate on HumanEval (164 problems)`: the size of what is trained or measured on."""
    if _IN_ORDER.search(sentence.lower):
        for three in _THREE_BEHIND.finditer(sentence.plain):
            for split, number in zip(SPLITS, three.group("a", "b", "c"), strict=True):
                size = int(value_of(number))
                yield _size(three["name"], split, size, "examples", sentence.text, sentence.section)
    found = [*_SIZED.finditer(sentence.plain), *_OF_NAMED.finditer(sentence.plain)]
    for match in found:
        verbs = [
            each.lastgroup or "" for each in _DONE_ON.finditer(sentence.plain[: match.start()])
        ]
        if not verbs or not is_name(match["name"]):
            continue
        size, unit = int(value_of(match["n"])), _UNITS.get(match["unit"], "examples")
        if size >= 10:
            yield _size(match["name"], verbs[-1], size, unit, sentence.text, sentence.section)


_SIZED = re.compile(
    rf"\b(?P<name>[A-Z][\w+.-]*(?: (?:[A-Z][\w+.-]*|\d[\w.]*)){{0,2}}) \((?P<n>\d[\d,]*) (?:test )?{_ITEM}\)"
)
_OF_NAMED = re.compile(
    rf"\b(?P<n>\d[\d,]*) {_ITEM} (?:of|from) (?:the )?(?:[a-z]+ )?(?P<name>[A-Z][\w+.-]*)(?= |[,.;])"
)
_THREE_BEHIND = re.compile(
    r"\b(?P<name>[A-Z][\w+.-]*) \((?:with )?(?P<a>\d[\d,]*)(?: ?/ ?|, )(?P<b>\d[\d,]*)(?: ?/ ?|,? and )(?P<c>\d[\d,]*)(?: [a-z]+)?(?:[,)]| for train)"
)
_IN_ORDER = re.compile(
    r"\btrain(?:ing)?(?:/|, )(?:val(?:idation)?|dev(?:elopment)?)(?:/|,? and )test(?:ing)?\b"
)
_DONE_ON = re.compile(
    r"\b(?:(?P<test>evaluated?|tested) |(?P<train>(?:fine-?tune|train)(?:ed)?) )(?=(?:[\w-]+ ){0,3}?on\b)"
)
_BETWEEN = re.compile(r";|,? and (?=the |[A-Z])|, (?:while|whereas) ")
"""Where a sentence goes on to the next dataset."""
_NAMES_IT = re.compile(r"\bWe (?:call|name|dub|term)\b")


def _datasets(words: str, names: Sequence[str]) -> list[str]:
    """Those that are named in plain words; `names` are known to be some."""
    return _distinct(dataset_names(words)) or [
        name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words)
    ]


def _named_next(following: Sequence[Sentence], paragraph: int) -> list[str]:
    """The name that the next sentence of a paragraph gives to what was just described."""
    for sentence in following:
        if sentence.paragraph == paragraph and _NAMES_IT.search(sentence.plain):
            return _distinct(dataset_names(sentence.plain))
    return []


def _sizes(words: str) -> Iterator[tuple[str, int, str]]:
    for three in _THREE.finditer(words):
        given = [three[group] for group in "abcdefghi" if three[group]]
        values = [value_of(number) for number in given]
        if all(value >= 10 and value == int(value) for value in values) and sum(values) != 100:
            for split, value in zip(SPLITS, values, strict=True):
                yield split, int(value), "examples"
    if _THREE.search(words):
        return
    for pattern in _SIZES:
        for match in pattern.finditer(words):
            value = value_of(match["n"])
            unit = match.groupdict().get("unit") or ""
            before, after = words[: match.start("n")], words[match.end() :]
            if _IS_LISTED.search(before) or _AND_SPLITS.match(after):
                continue
            if _IS_YEAR.fullmatch(match["n"]) and not unit:
                continue
            if (
                value >= (1 if unit == "hours" else 10)
                and value == int(value)
                and words[match.end("n") :][:1] != "%"
            ):
                yield _OF_SPLIT[match["split"]], int(value), _UNITS.get(unit, "examples")


_IS_LISTED = re.compile(
    r"\d ?/ ?$|\b(?:sequences|windows|clips|segments|videos|chunks|series|patches) of $"
)
_IS_YEAR = re.compile(r"(?:19[5-9]|20[0-4])\d")
_AND_SPLITS = re.compile(r"(?:,| and|/| ?,? and) ?(?:the )?(?:validation|test|dev|training)\b(?!-)")
"""Behind a split: the number is of one of several."""


def _in_tables(document: Document, names: Sequence[str]) -> Iterator[Candidate]:
    roles = roles_of(document)
    for table in document.tables:
        role = roles[table.section]
        if (
            role == "end"
            or TELLS_RESULTS.search(plain(table.caption).lower())
            or len(table.rows) < 2
        ):
            continue
        section = document.sections[table.section].name if document.sections else ""
        yield from _by_columns(table, names, section)
        yield from _by_rows(table, names, section)


def _by_columns(table: Table, names: Sequence[str], section: str) -> Iterator[Candidate]:
    """A row for each dataset, a column for each split."""
    heads = [_head(cell) for cell in table.rows[0]]
    columns = {place: _OF_SPLIT[head] for place, head in enumerate(heads) if head in _OF_SPLIT}
    if len(columns) < 2 or 0 in columns or not _NAME_HEAD.fullmatch(heads[0]):
        return
    if len(set(columns.values())) != len(columns):
        return
    for row in table.rows[1:]:
        name = _row_name(row[0])
        if not name or re.fullmatch(r"total|all|sum|overall|average|\W*", name.lower()):
            continue
        listed = next((each for each in names if _same(each, name)), name)
        yield from _row_sizes(row, columns, listed, section)


def _row_sizes(row: Row, columns: dict[int, str], name: str, section: str) -> Iterator[Candidate]:
    for place, split in columns.items():
        value = _whole(row[place])
        if value is not None:
            yield _size(name, split, value, "examples", quoted(row), section)


def _by_rows(table: Table, names: Sequence[str], section: str) -> Iterator[Candidate]:
    """A row for each split of one dataset."""
    heads = [_head(cell) for cell in table.rows[0]]
    counts = [place for place, head in enumerate(heads) if place and _COUNT_HEAD.fullmatch(head)]
    here = _distinct(dataset_names(plain(table.caption))) or [
        name for name in names if name in plain(table.caption)
    ]
    of = here or list(names)
    splits = [_OF_SPLIT.get(_head(row[0])) for row in table.rows[1:]]
    if len(counts) != 1 or len(of) != 1 or sum(split is not None for split in splits) < 2:
        return
    for row, split in zip(table.rows[1:], splits, strict=True):
        value = _whole(row[counts[0]])
        if split and value is not None:
            yield _size(of[0], split, value, "examples", quoted(row), section)


def _size(
    dataset: str, split: str, value: int, unit: str, sentence: str, section: str
) -> Candidate:
    return Candidate(
        name=f"{dataset}\n{split}", value=value, unit=unit, sentence=sentence, section=section
    )


def _dataset(name: str) -> str:
    return name.partition("\n")[0]


def _whole(cell: str) -> int | None:
    words = plain(cell).lower().strip(" ~*")
    if not re.fullmatch(NUMBER, words):
        return None
    value = value_of(words)
    return int(value) if value >= 10 and value == int(value) else None


def _head(cell: str) -> str:
    words = plain(cell).lower().strip(" #.:|")
    return re.sub(r"\s*(?:set|split|size|examples|images|samples|sentences)$", "", words) or words


def _row_name(cell: str) -> str:
    words = re.sub(r"\s*(?:\([^()]*\)|\[[\d, ]+\])", "", plain(cell)).strip(" *†‡")
    return words if re.search(r"[A-Za-z]", words) and len(words) <= 60 else ""


def _distinct(names: Iterable[Value]) -> list[str]:
    found: list[str] = []
    for name in names:
        if not any(_same(str(name), known) for known in found):
            found.append(str(name))
    return found


def _same(one: str, other: str) -> bool:
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    bare = re.sub(r"^the |\s(?:dataset|corpus|benchmark)$", "", name.lower())
    return "".join(char for char in bare if char.isalnum())
