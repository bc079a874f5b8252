"""What `inspect_dataset` says about a dataset: columns, their meaning, classes, and what is wrong.

Bounded in length, whatever the dataset: names are cut, lists are capped, examples go first.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.data import mapping as meaning
from ml_intern.tools.data import problems
from ml_intern.tools.data.columns import MAX_ROWS, Column, Profile, profile
from ml_intern.tools.data.image_folder import Entry, ImageSet
from ml_intern.tools.data.mapping import Mapping
from ml_intern.tools.data.source import Dataset
from ml_intern.tools.data.table import Cells, Row, Split, TableSet
from ml_intern.tools.data.tally import Shapes, Tally, tally_pictures, tally_texts
from ml_intern.tools.data.trainers import MOST_ROWS, fits

MAX_BYTES = 11_500
MAX_COLUMNS = 50
MAX_LABELS = 50
MAX_PICTURES = 50_000
"""Of more pictures than these, as many are looked at, spread evenly."""
_STEPS = ((3, 80, 50), (2, 40, 50), (1, 20, 50), (0, 0, 50), (0, 0, 15))
"""Examples of each column, characters of each example, columns: ever less."""
_TASKS = {
    "text-classification": "text_classification",
    "image-classification": "image_classification",
}


def describe(dataset: Dataset, cancelled: threading.Event) -> dict[str, Any]:
    """The report. Raises InputError when the dataset cannot be read at all."""
    if isinstance(dataset, ImageSet):
        return _shortened(_of_pictures(dataset, cancelled))
    return _shortened(_of_table(dataset, cancelled))


def map_pictures(dataset: ImageSet) -> tuple[Profile, Mapping]:
    """What is known of the pictures beside their pixels, and which of it is the class."""
    rows = ((e.split, Row(number, e.cells)) for number, e in enumerate(dataset.entries))
    found = profile(rows, typed=False)
    if dataset.by_folder:
        return found, Mapping(image="image", label="label", why="Each class has its own folder.")
    return found, meaning.choose_label(found)


def _of_table(dataset: TableSet, cancelled: threading.Event) -> dict[str, Any]:
    found = profile(dataset.rows(cancelled), dataset.typed)
    if found.ragged_rows > found.total:
        _, line, fault = found.ragged[0]
        raise InputError(
            f"{dataset.source}: {found.ragged_rows} of {found.ragged_rows + found.total} rows "
            f"cannot be read, first line {line}: {fault}. Write the data as CSV or JSON Lines."
        )
    chosen = _chosen(dataset, found)
    tally = Tally()
    if chosen.text and chosen.label:
        tally = tally_texts(dataset, chosen.text, chosen.label, cancelled, MAX_ROWS)
    return {
        **_head(dataset, found, _task(chosen)),
        "encoding": dataset.parts[0][1].encoding,
        "delimiter": dataset.parts[0][1].delimiter,
        **_columns(found, dataset.picture),
        **_meaning(chosen),
        "fits": fits(_first_rows(dataset, cancelled)),
        **_counts(tally),
        "ragged": {"rows": found.ragged_rows, "lines": [line for _, line, _ in found.ragged]},
        "problems": [*dataset.notes, *_table_problems(found, chosen, tally)],
        "blocking": list(_table_blocking(found, chosen, tally)),
    }


def _chosen(dataset: TableSet, found: Profile) -> Mapping:
    if dataset.picture is None:
        return meaning.choose(found)
    return replace(meaning.choose_label(found), image=dataset.picture)


def _first_rows(dataset: TableSet, cancelled: threading.Event) -> list[Cells]:
    sound = (row.cells for _, row in dataset.rows(cancelled) if not row.fault)
    return list(islice(sound, MOST_ROWS))


def _of_pictures(dataset: ImageSet, cancelled: threading.Event) -> dict[str, Any]:
    found, chosen = map_pictures(dataset)
    looked_at = _spread(dataset.entries)
    tally, shapes, _ = tally_pictures(looked_at, chosen.label or "", cancelled)
    return {
        **_head(dataset, found, "image-classification"),
        "encoding": None,
        "delimiter": None,
        **_columns(found, image="image"),
        **_meaning(chosen),
        **_counts(tally),
        "images": _shapes(shapes),
        "ragged": {"rows": 0, "lines": []},
        "problems": [*dataset.notes, *_picture_problems(dataset, found, chosen, tally, shapes)],
        "blocking": list(_picture_blocking(chosen, tally, shapes)),
    }


def _head(dataset: Dataset, found: Profile, task: str | None) -> dict[str, Any]:
    own = {split: count for split, count in found.rows.items() if split != "all"}
    return {
        "source": dataset.source,
        "title": dataset.title,
        "kind": dataset.kind,
        "task": task,
        "recipe": _TASKS.get(task or ""),
        "fingerprint": dataset.fingerprint,
        "rows": found.total,
        "splits": own if len(own) > 1 else {},
    }


def _task(chosen: Mapping) -> str | None:
    if chosen.image:
        return "image-classification" if chosen.labels else None
    return "text-classification" if chosen.texts and chosen.labels else None


def _columns(found: Profile, image: str | None = None) -> dict[str, Any]:
    columns = list(found.columns.values())
    shown = [_column(column, found) for column in columns[:MAX_COLUMNS]]
    picture = {"name": image, "type": "image", "missing": 0}
    return {
        "columns": [picture, *shown] if image else shown,
        "more_columns": max(0, len(found.names) - MAX_COLUMNS),
    }


def _column(column: Column, found: Profile) -> dict[str, Any]:
    index = {"index": True} if meaning.is_index(column, found.profiled) else {}
    return {
        "name": column.name,
        "type": column.kind,
        "missing": found.missing(column),
        "distinct": column.distinct,
        "mean_length": round(column.mean_length, 1),
        "examples": [_cut(example, 80) for example in column.examples],
        **index,
    }


def _meaning(chosen: Mapping) -> dict[str, Any]:
    return {
        "mapping": {
            "text": chosen.text,
            "image": chosen.image,
            "label": chosen.label,
            "why": chosen.why,
        },
        "alternatives": {
            "text": [name for name in chosen.texts[:10] if name != chosen.text],
            "label": [name for name in chosen.labels[:10] if name != chosen.label],
        },
    }


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "labels": capped(tally.labels),
        "num_labels": len(tally.labels),
        "duplicates": tally.overlap.duplicates,
        "conflicting_duplicates": tally.overlap.conflicting,
        "leaks": tally.overlap.leaks(),
    }


def capped(labels: Counter[str]) -> dict[str, int]:
    """The most frequent classes, their names cut to a bearable length."""
    return {_cut(label, 80): count for label, count in labels.most_common(MAX_LABELS)}


def _shapes(shapes: Shapes) -> dict[str, Any]:
    usual = shapes.sizes.most_common(1)
    width, height = usual[0][0] if usual else (None, None)
    return {
        "width": width,
        "height": height,
        "mode": shapes.mode if usual else None,
        "sizes": len(shapes.sizes),
        "unreadable": [_cut(name, 120) for name in shapes.unreadable[:10]],
        "unreadable_count": len(shapes.unreadable),
    }


def _table_problems(found: Profile, chosen: Mapping, tally: Tally) -> Iterator[str]:
    yield from chosen.problems
    yield from problems.of_table(found)
    for role, name in (("class", chosen.label), ("text", chosen.text)):
        if name:
            yield from problems.of_blanks(
                role, found.columns[name], found.missing(found.columns[name])
            )
    yield from _unused(found, chosen)
    yield from _numbers(found, chosen)
    yield from _unlabelled(found.rows, tally)
    yield from problems.of_tally(tally)
    if tally.labels and max(found.rows.values()) > MAX_ROWS:
        yield (
            f"Classes, repeats and leaks are counted in a sample: the first {MAX_ROWS:,} rows of "
            "each file and some of the later ones."
        )


def _picture_problems(
    dataset: ImageSet, found: Profile, chosen: Mapping, tally: Tally, shapes: Shapes
) -> Iterator[str]:
    yield from chosen.problems
    if len(dataset.entries) > MAX_PICTURES:
        yield f"{MAX_PICTURES:,} of {len(dataset.entries):,} pictures were looked at."
    if tally.dropped["missing_label"] and tally.labels:
        yield f"{tally.dropped['missing_label']} pictures have no class; they are left out."
    yield from _unlabelled(found.rows, tally)
    yield from problems.of_pictures(shapes)
    yield from problems.of_tally(tally)


def _unused(found: Profile, chosen: Mapping) -> Iterator[str]:
    """Other columns of text, which a person may have wanted to be read too."""
    others = [name for name in chosen.texts if name != chosen.text]
    if chosen.text and others:
        yield (
            f"Only column {chosen.text!r} is read as text; {problems.listed(others)} is left out."
        )


def _numbers(found: Profile, chosen: Mapping) -> Iterator[str]:
    """Measurements, which may be what a table is about."""
    names = [
        column.name
        for column in found.columns.values()
        if column.kind in ("integer", "number")
        and column.name != chosen.label
        and column.present
        and not meaning.is_index(column, found.profiled)
    ]
    if chosen.text and len(names) >= 3:
        yield f"{len(names)} columns of numbers ({problems.listed(names)}) are not used."


def _unlabelled(rows: Counter[Split], tally: Tally) -> Iterator[str]:
    for split, count in rows.items():
        if tally.labels and count and not tally.classes.get(split):
            yield f"None of the {count} rows of {split} has a class; the split is not used."


def _table_blocking(found: Profile, chosen: Mapping, tally: Tally) -> Iterator[str]:
    if not found.total:
        yield "There is a header, but not one row."
    elif chosen.image:
        yield from () if chosen.labels else _no_label(found)
    elif not chosen.texts:
        kinds = Counter(column.kind for column in found.columns.values())
        shown = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common())
        yield (
            f"No column holds text (of {len(found.names)} columns, among them {shown}). Only texts "
            "and pictures can be classified here."
        )
    elif not chosen.labels:
        yield from _no_label(found)
    elif chosen.text and chosen.label:
        yield from problems.blocking(tally)


def _no_label(found: Profile) -> Iterator[str]:
    constant = [c for c in found.columns.values() if c.distinct == 1]
    if constant:
        named = "; ".join(f"{c.name!r} has one class only, {c.examples[0]!r}" for c in constant[:3])
        yield f"No column holds classes: {named}. A classifier needs at least two."
    else:
        yield "No column holds classes: none has a few values that come back in many rows."


def _picture_blocking(chosen: Mapping, tally: Tally, shapes: Shapes) -> Iterator[str]:
    if not chosen.label and not chosen.labels:
        yield "The metadata has no column with classes."
    elif not shapes.sizes and shapes.unreadable:
        yield "Not one picture can be read."
    elif not tally.labels and chosen.label:
        yield (
            "The pictures have no classes: put them in one subfolder per class, or write a "
            "metadata.csv with file_name and label."
        )
    elif chosen.label:
        yield from problems.blocking(tally)


def _spread(entries: Sequence[Entry]) -> Sequence[Entry]:
    if len(entries) <= MAX_PICTURES:
        return entries
    return [entries[number * len(entries) // MAX_PICTURES] for number in range(MAX_PICTURES)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _shortened(report: dict[str, Any]) -> dict[str, Any]:
    """Less of what matters least, until the report fits."""
    for examples, characters, columns in _STEPS:
        if _fits(report):
            return report
        for column in report["columns"]:
            column["examples"] = [
                _cut(e, characters) for e in column.get("examples", [])[:examples]
            ]
        report["more_columns"] += max(0, len(report["columns"]) - columns)
        report["columns"] = report["columns"][:columns]
    if not _fits(report):
        _cut_words(report)
    return report


def _fits(report: dict[str, Any]) -> bool:
    return len(json.dumps(report, ensure_ascii=False).encode("utf-8", "replace")) <= MAX_BYTES


def _cut_words(report: dict[str, Any]) -> None:
    """For names as long as texts: what is only shown is cut, what must be named stays."""
    report["problems"] = [_cut(problem, 300) for problem in report["problems"][:15]]
    report["labels"] = dict(list(report["labels"].items())[:20])
    for column in report["columns"]:
        column["name"] = _cut(column["name"], 80)
    report["mapping"]["why"] = _cut(report["mapping"]["why"], 300)
    report["alternatives"] = {part: names[:3] for part, names in report["alternatives"].items()}
