"""The report of `inspect_dataset` for a dataset of the Hub: from its viewer, else from its files.

The viewer gives a sample of the rows, and counts and statistics of all of them. The sample is
described as a file's rows would be; the counts then take the place of those of the sample.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ml_intern.tools.data.jsonl import checked
from ml_intern.tools.data.names import split_of
from ml_intern.tools.data.report import capped, describe
from ml_intern.tools.data.table import Row, Split, Table, TableSet
from ml_intern.tools.foreign import items, mapping, number, text, texts
from ml_intern.tools.hub.licences import licence_of
from ml_intern.tools.hub.reading import Info
from ml_intern.tools.hub.source import HubSource
from ml_intern.tools.hub.viewer import NotShown, Shown, Viewer
from ml_intern.tools.hub.viewer import Split as ShownSplit
from ml_intern.tools.protocol import ToolContext

MOST_CONFIGS = 20
_MEDIA = {"Image": "image", "Audio": "audio", "Video": "video", "Pdf": "pdf"}
_CLASSES = ("class_label", "string_label", "bool")


@dataclass
class _Rows:
    """A `Table` of rows that are in memory."""

    held: Sequence[dict[str, Any]]
    kind: str = "hub"
    encoding: str | None = None
    delimiter: str | None = None
    typed: bool = True
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[Row]:
        """See `Table`."""
        for line, row in enumerate(self.held, 1):
            yield checked(line, row)


def by_viewer(source: HubSource, info: Info, ctx: ToolContext) -> tuple[dict[str, Any], Shown]:
    """The report, and what it was made of. `source` is pinned to the newest commit of `main`.

    Raises NotShown, InputError, OutsideError.
    """
    shown = Viewer(info.repo.id, ctx).shown(source.config)
    used = _used(shown)
    table = _table(source, shown, used)
    report = describe(table, ctx.cancelled)
    report |= _about(info, shown)
    _count(report, used)
    _media(report, used)
    report["problems"] = [*_cautions(shown, used), *report["problems"]]
    return report, shown


def about(info: Info) -> dict[str, Any]:
    """What the Hub says of a dataset beside its rows."""
    return {
        "url": info.url,
        "commit": info.sha,
        "licence": licence_of(info).told(),
        "languages": texts(mapping(info.said.get("cardData")).get("language")),
    }


def _about(info: Info, shown: Shown) -> dict[str, Any]:
    more = len(shown.configs) - MOST_CONFIGS
    return {
        **about(info),
        "configuration": shown.config,
        "configurations": [
            *(text(name, 60) for name in shown.configs[:MOST_CONFIGS]),
            *([f"and {more:,} more"] if more > 0 else []),
        ],
        "size_bytes": shown.size_bytes,
    }


def _used(shown: Shown) -> list[tuple[Split, ShownSplit]]:
    """Those for training, validation and test; of a dataset without one for training all."""
    named = [(split_of(each.name), each) for each in shown.splits]
    if any(split == "train" for split, _ in named):
        return [(split, each) for split, each in named if split is not None]
    return [("all", each) for each in shown.splits]


def _table(source: HubSource, shown: Shown, used: Sequence[tuple[Split, ShownSplit]]) -> TableSet:
    pictures = [name for name, kind in _media_of(shown.splits[0]).items() if kind == "image"]
    parts: list[tuple[Split, Table]] = [(split, _Rows(_plain(each))) for split, each in used]
    if not any(each.rows for _, each in used):
        raise NotShown(f"The dataset viewer gives no row of {source}.")
    return TableSet(
        source=str(source),
        kind="hub",
        fingerprint=source.fingerprint,
        parts=tuple(parts),
        picture=pictures[0] if len(pictures) == 1 else None,
    )


def _plain(split: ShownSplit) -> list[dict[str, Any]]:
    """The rows without pictures and sounds, which are addresses only, and classes by their name."""
    media = _media_of(split)
    classes = {
        name: names
        for name, feature in split.features.items()
        if mapping(feature).get("_type") == "ClassLabel"
        and (names := items(mapping(feature).get("names")))
    }
    return [
        {
            name: _named(value, classes[name]) if name in classes else value
            for name, value in row.items()
            if name not in media
        }
        for row in split.rows
    ]


def _named(value: object, names: Sequence[object]) -> object:
    found = number(value)
    return str(names[found]) if found is not None and found < len(names) else None


def _media_of(split: ShownSplit) -> dict[str, str]:
    kinds = {name: mapping(feature).get("_type") for name, feature in split.features.items()}
    return {name: _MEDIA[kind] for name, kind in kinds.items() if kind in _MEDIA}


# What the viewer has counted takes the place of what the sample says


def _count(report: dict[str, Any], used: Sequence[tuple[Split, ShownSplit]]) -> None:
    report["sampled"] = report["rows"]
    totals: Counter[str] = Counter()
    for split, each in used:
        totals[split] += len(each.rows) if each.total is None else each.total
    report["rows"] = sum(totals.values())
    report["splits"] = dict(totals) if len(totals) > 1 else {}
    for column in report["columns"]:
        missing = [_missing(each, column["name"]) for _, each in used]
        if missing and None not in missing:
            column["missing"] = sum(each or 0 for each in missing)
    if not report["mapping"]["label"]:
        _choose_counted(report, used)
    if label := report["mapping"]["label"]:
        _count_classes(report, label, used)


def _missing(split: ShownSplit, name: str) -> int | None:
    said = mapping(mapping(split.statistics.get(name)).get("column_statistics"))
    return number(said.get("nan_count"))


def _choose_counted(report: dict[str, Any], used: Sequence[tuple[Split, ShownSplit]]) -> None:
    """The one column of classes that the data themselves declare, where a sample shows too few."""
    declared = [
        name
        for name, feature in used[0][1].features.items()
        if mapping(feature).get("_type") == "ClassLabel" and len(_frequencies(used, name)) > 1
    ]
    if len(declared) != 1 or report["alternatives"]["label"]:
        return
    has_text = bool(report["mapping"]["text"] or report["alternatives"]["text"])
    kind = "image" if report["mapping"]["image"] else "text" if has_text else ""
    report["mapping"]["label"] = declared[0]
    report["blocking"] = [
        each for each in report["blocking"] if not each.startswith("No column holds classes")
    ]
    if kind:
        report["task"] = f"{kind}-classification"
        report["recipe"] = f"{kind}_classification"


def _count_classes(
    report: dict[str, Any], label: str, used: Sequence[tuple[Split, ShownSplit]]
) -> None:
    counts = _frequencies(used, label) or _sampled(used, label)
    if counts:
        report["labels"] = capped(counts)
        report["num_labels"] = len(counts)


def _frequencies(used: Sequence[tuple[Split, ShownSplit]], name: str) -> Counter[str]:
    """How often each class occurs in all splits; empty where one of them does not say."""
    found: Counter[str] = Counter()
    for _, each in used:
        said = mapping(each.statistics.get(name))
        counts = mapping(mapping(said.get("column_statistics")).get("frequencies"))
        if said.get("column_type") not in _CLASSES or not counts:
            return Counter()
        found.update({label: number(count) or 0 for label, count in counts.items()})
    return found


def _sampled(used: Sequence[tuple[Split, ShownSplit]], name: str) -> Counter[str]:
    cells = (row.get(name) for _, each in used for row in _plain(each))
    return Counter(str(cell).strip() for cell in cells if cell not in (None, ""))


def _media(report: dict[str, Any], used: Sequence[tuple[Split, ShownSplit]]) -> None:
    known = {column["name"] for column in report["columns"]}
    report["columns"] += [
        {"name": name, "type": kind}
        for name, kind in _media_of(used[0][1]).items()
        if name not in known
    ]


def _cautions(shown: Shown, used: Sequence[tuple[Split, ShownSplit]]) -> Iterator[str]:
    taken = sum(len(each.rows) for _, each in used)
    if any(each.total is None or each.total > len(each.rows) for _, each in used):
        yield (
            f"Columns, examples, repeats and leaks are those of {taken:,} rows from all over the "
            "dataset, as its viewer shows them; rows, splits and classes are counted in all of it "
            "where it says so."
        )
    if shown.is_partial:
        yield "The viewer has looked at the beginning of the data only: all counts are of that."
    if len(shown.configs) > 1:
        yield (
            f"There are {len(shown.configs):,} configurations; this is {shown.config!r}. Another "
            "is inspected as hub:OWNER/NAME:CONFIGURATION."
        )
    if cut := sorted({name for _, each in used for name in each.truncated}):
        yield f"The viewer has cut values of {', '.join(map(repr, cut[:5]))}."
    unused = [each.name for each in shown.splits if each not in [one for _, one in used]]
    if names := [*unused, *shown.more_splits]:
        yield f"Splits that are not used: {', '.join(names[:10])}."
