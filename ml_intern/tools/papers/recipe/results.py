"""Results that a paper reports of its own method, never those of a baseline.

In a table they stand in the one row that is the authors' own; in a sentence the authors say that
they reach them. Values are as printed: 93.1 with the unit `%`, or 0.931.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ml_intern.tools.papers.document import Document, Row, Table, markdown_table
from ml_intern.tools.papers.recipe.candidates import Candidate, agreed, foremost
from ml_intern.tools.papers.recipe.claims import is_tried
from ml_intern.tools.papers.recipe.dataset_names import COUNTS_SOMETHING, dataset_names
from ml_intern.tools.papers.recipe.heads import with_one_head
from ml_intern.tools.papers.recipe.metric_names import (
    ANY_METRIC,
    metrics_in,
    metrics_in_head,
    without_metrics,
)
from ml_intern.tools.papers.recipe.numbers import NUMBER, plain, value_of
from ml_intern.tools.papers.recipe.own_names import names_own
from ml_intern.tools.papers.recipe.sentences import Role, Sentence, roles_of
from ml_intern.tools.papers.recipe.words import Dataset, Reported

_NEXT = re.compile(
    rf"(?<![\w@])(?P<metric>{ANY_METRIC})(?: scores?| value)?(?: \([^()\d]*\))?(?: (?:on|for) [^.;:\d%]{{0,40}})?(?: ?(?:=|:)| of| is| reaches| to| at| was)+ ?(?:about |up to )?(?P<n>{NUMBER}) ?(?P<unit>%)?"
)
_BEFORE = re.compile(
    rf"(?P<n>{NUMBER}) ?(?P<unit>%)?(?: ?± ?{NUMBER} ?%?)?(?: points?(?: of)?| in terms of)?,? (?:test |validation |mean |average |overall |dev )?(?P<metric>{ANY_METRIC})(?![\w@])"
)
_REACHES = re.compile(
    r"\b(?:achiev|reach|obtain|attain|scor|get|gets|yield|report|record|arriv|hits?\b|gives?|with an?|delivers?|has an?)\w*"
)
_MEANT = re.compile(
    r"\b(?:we|our|ours)\b|\bthe (?:proposed|final|resulting|full|best|trained|fine-tuned) (?:\w+ )?(?:model|method|system|classifier|network|configuration)|\bthis (?:model|system|method|configuration)|\b(?:the|it) model"
)
_NOT_TESTED = re.compile(r"validation|\bdev\b|train(?:ing)? (?:acc|set)")
_IT_REACHES = re.compile(r"\bit (?:reach|achiev|obtain|attain|scor|yield)\w*")
_COMPARES = re.compile(
    r"\b(?:by \d|points? (?:higher|better|lower|above|over|more)|compared|baselines?|versus|vs\.?|whereas|while|than|from \d|without|ablat\w+|remov\w+|"
    r"et al|outperform\w*|improv\w+|surpass\w*|drops?|previous|prior|when|only|if|human|random|chance|upper bound|increase|relative|respectively)\b"
)
_COMPARED = re.compile(
    r",? (?:as )?(?:compared (?:with|to)|as opposed to|against|versus|vs\.?|whereas|while|up from|(?:better|higher|lower|more|less) than|"
    r"surpass\w+|outperform\w+|exceed\w+|beating|improving)\b|, which is an? (?:relative|absolute) |, [\d.]+ ?%? (?:points?|percent|absolute)\b|, (?:on a par|on par)\b"
)
_NOT_RESULTS = re.compile(
    r"ablat|hyper-?param|sensitiv|effect of|impact of|varying|validation|\bdev\b|statistics|baselines? only|per[- ]class|confusion|learning curve|search|variants"
)
_NOT_OWN_ROW = re.compile(r"\b(?:w/o|without|minus|no |only|baseline|- )|^[-+−]|\+ ?\w+$|\bw/ ")
_PART = re.compile(r"\b(?:test|eval)-[a-z]+\b")
"""Of the data that a paper measures on: `test-clean`."""
_IS_CHANGED = re.compile(r",|\b(?:with|without|after|stage|fixed)\b|[+&]")
"""In the name of a row: more than the method itself."""
_VALUE = re.compile(
    rf"(?:\*\*)?(?P<n>{NUMBER})(?:\*\*)? ?(?P<unit>%)?(?: ?(?:±|\+/-|\() ?{NUMBER}\)?)?[ *†‡^]*"
)


def results_of(
    document: Document,
    sentences: Sequence[Sentence],
    own_names: Sequence[str],
    data: Sequence[Dataset],
) -> tuple[Reported, ...]:
    """Each metric of each dataset whose own value is beyond doubt."""
    names = [str(each.name.value) for each in data]
    found = [*_in_tables(document, own_names, names), *_in_sentences(sentences, own_names, names)]
    keys = dict.fromkeys(_key(each) for each in found)
    reported = []
    for key in keys:
        value = agreed(foremost([each for each in found if _key(each) == key]))
        if value is not None:
            first = next(each for each in found if _key(each) == key)
            dataset, _, metric = first.name.partition("\n")
            reported.append(Reported(metric=metric, dataset=dataset, value=value))
    return tuple(reported)


def _key(candidate: Candidate) -> str:
    return "".join(char for char in candidate.name.lower() if char.isalnum() or char == "\n")


def _made(
    dataset: str, metric: str, number: str, unit: str | None, sentence: str, section: str
) -> Candidate:
    return Candidate(
        name=f"{dataset}\n{metric}",
        value=value_of(number),
        unit=unit or "",
        sentence=sentence,
        section=section,
    )


def _in_sentences(
    sentences: Sequence[Sentence], own_names: Sequence[str], names: Sequence[str]
) -> Iterator[Candidate]:
    for sentence in sentences:
        # What is compared with stands behind what is reached.
        said = _COMPARED.split(sentence.plain, maxsplit=1)[0]
        if not _is_of_own_result(said, sentence.role, own_names):
            continue
        may_leave_out = len(names) == 1 and sentence.role != "further"
        of = _datasets(said, names) or (names if may_leave_out else [])
        for dataset, metric, number, unit in _stated(said, of):
            found = _made(dataset, metric, number, unit, sentence.text, sentence.section)
            yield replace(found, standing=2 if sentence.role == "abstract" else 1)


def _is_of_own_result(said: str, role: Role, own_names: Sequence[str]) -> bool:
    words = said.lower()
    if role in ("aside", "end") or _COMPARES.search(words) or is_tried(words):
        return False
    if not _REACHES.search(words) or _NOT_TESTED.search(words):
        return False
    is_meant = bool(_MEANT.search(words)) or names_own(said, own_names)
    return is_meant or (role == "abstract" and bool(_IT_REACHES.search(words)))


_Stated = tuple[str, str, str, str | None]
"""Dataset, metric, number and unit."""


def _stated(said: str, of: Sequence[str]) -> Iterator[_Stated]:
    """Of words about these datasets."""
    parts = _PART.findall(said) if len(of) == 1 else []
    if parts:
        for part, metric, number, unit in _on_each(said, parts):
            yield f"{of[0]} {part}", metric, number, unit
    elif len(of) > 1:
        yield from _on_each(said, of)
    elif of:
        yield from _on_one(said.lower(), of[0])


def _on_one(words: str, dataset: str) -> Iterator[_Stated]:
    """Of words about one dataset; each metric with the one number beside it."""
    found: dict[str, set[tuple[str, str | None]]] = {}
    taken: set[int] = set()
    for pattern in (_BEFORE, _NEXT):
        for match in pattern.finditer(words):
            metrics = metrics_in(match["metric"])
            if len(metrics) == 1 and match.start("n") not in taken:
                taken.add(match.start("n"))
                found.setdefault(metrics[0], set()).add((match["n"], match["unit"]))
    for metric, values in found.items():
        if len(values) == 1:
            number, unit = values.pop()
            yield dataset, metric, number, unit


def _on_each(words: str, of: Sequence[str]) -> Iterator[_Stated]:
    """Of words about one metric: each number with the dataset that it stands before."""
    metrics = metrics_in(words.lower())
    if len(metrics) != 1:
        return
    found = _side_by_side(words, of) or [
        (dataset, *number)
        for dataset in of
        for number in re.findall(
            rf"({NUMBER}) ?(%)? (?:on|for|in) (?:the )?{re.escape(dataset)}(?![\w-])", words
        )
    ]
    # Numbers of one metric are written alike; with another there may be another metric.
    if len(found) == len(of) and len({unit for _, _, unit in found}) == 1:
        for dataset, number, unit in found:
            yield dataset, metrics[0], number, unit


def _side_by_side(words: str, of: Sequence[str]) -> list[tuple[str, str, str]]:
    """Of `2.6% and 6.1% on test-clean and test-other`: each dataset with its number and unit."""
    ordered = sorted(of, key=words.find)
    numbers = _JOINT.join([rf"({NUMBER}) ?(%)?"] * len(of))
    named = _JOINT.join(map(re.escape, ordered))
    match = re.search(rf"{numbers},? (?:on|for) (?:the )?{named}(?![\w-])", words)
    if match is None:
        return []
    given = match.groups(default="")
    return list(zip(ordered, given[::2], given[1::2], strict=True))


_JOINT = r"(?:,? and |, )"


def _in_tables(
    document: Document, own_names: Sequence[str], names: Sequence[str]
) -> Iterator[Candidate]:
    roles = roles_of(document)
    for table in map(with_one_head, document.tables):
        caption = plain(table.caption)
        # Tables float, into a section on ablations too: what they show their captions say.
        if roles[table.section] == "end" or len(table.rows) < 2:
            continue
        if _NOT_RESULTS.search(caption.lower()):
            continue
        section = document.sections[table.section].name if document.sections else ""
        row = _own_row(table, own_names)
        cells = _in_row(table, row) if row else _in_own_column(table, own_names)
        yield from _stated_by(cells, caption, names, section)


def _own_row(table: Table, own_names: Sequence[str]) -> Row | None:
    """The one row that is the authors'; None for none, and for several.

    Those that say what was changed stand back.
    """
    rows = [row for row in table.rows[1:] if _is_own(plain(row[0]), own_names)]
    if len(rows) > 1:
        rows = [row for row in rows if not _IS_CHANGED.search(plain(row[0]))] or rows
    if len(rows) > 1:
        named = {name.lower() for name in own_names}
        rows = [row for row in rows if plain(row[0]).strip(" *†‡").lower() in named]
    return rows[0] if len(rows) == 1 else None


def _is_own(label: str, own_names: Sequence[str]) -> bool:
    words = label.strip(" *†‡").lower()
    if any(re.fullmatch(rf"[\w-]+ \+ {re.escape(name.lower())}", words) for name in own_names):
        return True
    if _NOT_OWN_ROW.search(words):
        return False
    if re.search(r"\bours?\b|this (?:work|paper)", words):
        return True
    return any(words == name.lower() for name in own_names)


_Labelled = tuple[str, str, Row]
"""Head of a column or row, a cell below or beside it, and the row to quote."""


def _in_row(table: Table, row: Row) -> list[_Labelled]:
    return [(head, cell, row) for head, cell in zip(table.rows[0][1:], row[1:], strict=True)]


def _in_own_column(table: Table, own_names: Sequence[str]) -> list[_Labelled]:
    """Of a table whose columns are methods."""
    heads = [plain(head) for head in table.rows[0]]
    own = [place for place, head in enumerate(heads) if place and _is_own(head, own_names)]
    if len(own) != 1:
        return []
    return [(row[0], row[own[0]], row) for row in table.rows[1:]]


def _stated_by(
    cells: Sequence[_Labelled], caption: str, names: Sequence[str], section: str
) -> Iterator[Candidate]:
    in_heads = {name for head, _, _ in cells for name in _datasets(plain(head), names)}
    in_caption = _datasets(caption, names)
    in_caption = [name for name in in_caption if name not in in_heads] or in_caption
    metrics_said = metrics_in(caption.lower())
    metric_on = _metrics_by_data(caption.lower(), names)
    # A caption that tells data and metrics apart tells of all that it names.
    metrics_of_others = metrics_said if len(metric_on) < 2 else []
    for head, cell, row in cells:
        value = _VALUE.fullmatch(plain(cell).lower().strip())
        words = plain(head)
        metrics = metrics_in_head(words)
        if (
            value is None
            or (not metrics and COUNTS_SOMETHING.search(words.lower()))
            or len(metrics) > 1
        ):
            continue
        if re.search(r"valid|\bval\b|\bdev\b|train", words.lower()):
            continue
        rest = without_metrics(words)
        here = _datasets(words, names) or [name for name in names if _is_called(name, rest)]
        of_all = in_caption or (list(names) if len(names) == 1 else [])
        dataset = here or _of_part(rest, of_all)
        metric = metrics or [
            metric for name in dataset for metric in metric_on.get(name, metrics_of_others)
        ]
        if len(metric) == 1 and len(dataset) == 1:
            unit = value["unit"] or ("%" if "%" in head or ("%" in caption and not metrics) else "")
            sentence = markdown_table((row,)).split("\n")[0]
            yield _made(dataset[0], metric[0], value["n"], unit, sentence, section)


def _metrics_by_data(caption: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Of `accuracy on GSM8K and MATH, pass@1 on HumanEval`: the metric of each dataset."""
    found: dict[str, list[str]] = {}
    mentions = list(_MENTION.finditer(caption))
    ends = [*(each.start() for each in mentions), len(caption)][1:]
    for mention, end in zip(mentions, ends, strict=True):
        behind = _ON_DATA.match(caption[mention.end() : end])
        metrics = metrics_in(mention[0])
        if behind and len(metrics) == 1:
            for name in _datasets(behind["data"], [each.lower() for each in names]):
                found.update({each: metrics for each in names if each.lower() == name})
    return found


_MENTION = re.compile(rf"(?<![\w@])(?:{ANY_METRIC})(?![\w@])")
_ON_DATA = re.compile(
    r"(?: scores?)?\)?(?: \([^()]*\))?(?: \(?in (?:percent|%)\)?)? (?:on|for) (?P<data>(?:(?! (?:on|for) )[^.;:])*)"
)


def _of_part(rest: str, of_all: Sequence[str]) -> list[str]:
    """The dataset of a column whose head has these words besides a metric, or a part of it
    (`test-clean`); none where they are a name.
    """
    words = _GENERAL.sub("", rest).strip()
    if not words:
        return list(of_all)
    is_part = words == words.lower() and re.fullmatch(r"[a-z]+-[a-z]+", words)
    return [f"{name} {words}" for name in of_all] if is_part else []


_GENERAL = re.compile(
    r"\b(?:test|set|mean|avg|average|scores?|overall|all|values?|total|ours|the|on|in|of|rate|split|final|best|results?)\b(?!-)|[^\w-]",
    re.IGNORECASE,
)


def _is_called(name: str, words: str) -> bool:
    """Whether a head means this dataset: capitals aside, or by its last word (`Amazon Beauty`)."""
    return _bare(name) == _bare(words) or (
        " " in name and (name.split()[-1] == words or (" " in words and name.endswith(f" {words}")))
    )


def _bare(words: str) -> str:
    return "".join(char for char in words.lower() if char.isalnum())


def _datasets(words: str, names: Sequence[str]) -> list[str]:
    """Those of the paper's data that are named in plain words; else those that are named at all."""
    known = [
        name
        for name in names
        if re.search(rf"(?<![\w-])(?:{re.escape(name)}{_initials(name)})(?![\w-])", words)
    ]
    known = [n for n in known if not any(n != m and n in m for m in known)]
    return known or dataset_names(words)


def _initials(name: str) -> str:
    """`NQ` for Natural Questions and `ML-1M` for MovieLens-1M, as another branch of a pattern; empty
    for what has no short form.
    """
    begin, hyphen, end = name.partition("-")
    letters = "".join(re.findall("[A-Z]", begin))
    is_short = 1 < len(letters) < len(begin) and letters not in begin.split()
    return f"|{letters}{re.escape(hyphen + end)}" if is_short else ""
