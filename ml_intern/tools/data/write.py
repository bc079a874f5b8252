"""Writing the splits as the Hub lays them out: JSON Lines, or `metadata.jsonl` beside pictures."""

import json
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ml_intern.tools.data.examples import PictureExample, TextExample
from ml_intern.tools.data.layout import Layout
from ml_intern.tools.data.overlap import Overlap
from ml_intern.tools.data.picture import Mode, prepared
from ml_intern.tools.data.split import Part
from ml_intern.tools.data.stop import check

PARTS: tuple[Part, ...] = ("train", "validation", "test")
Plan = dict[int, Part]
"""Where each example goes, by its key; one that is not in it goes nowhere."""
Counts = dict[Part, Counter[str]]


def write_texts(
    examples: Iterable[TextExample], overlap: Overlap, plan: Plan, layout: Layout
) -> Counts:
    """Write the examples that are to stay; how many of each class every split got."""
    counts: Counts = {part: Counter() for part in PARTS}
    with ExitStack() as stack:
        files = {
            part: stack.enter_context(_new(layout.folder_for(part) / f"{part}.jsonl"))
            for part in PARTS
        }
        for example in examples:
            part = _part_of(example, overlap, plan)
            if part:
                _write_line(files[part], {"text": example.text, "label": example.label})
                counts[part][example.label] += 1
    return counts


def write_pictures(
    examples: Iterable[PictureExample],
    overlap: Overlap,
    plan: Plan,
    layout: Layout,
    mode: Mode,
    cancelled: threading.Event,
) -> Counts:
    """Write the pictures that are to stay; how many of each class every split got."""
    counts: Counts = {part: Counter() for part in PARTS}
    with ExitStack() as stack:
        files: dict[Part, IO[str]] = {}
        for part in PARTS:
            folder = layout.folder_for(part) / part
            folder.mkdir()
            files[part] = stack.enter_context(_new(folder / "metadata.jsonl"))
        for example in examples:
            check(cancelled)
            chosen = _part_of(example, overlap, plan)
            if chosen:
                name = _write_picture(example, layout.folder_for(chosen) / chosen, mode)
                _write_line(files[chosen], {"file_name": name, "label": example.label})
                counts[chosen][example.label] += 1
    return counts


def _part_of(example: TextExample | PictureExample, overlap: Overlap, plan: Plan) -> Part | None:
    key = example.key
    return plan.get(key) if overlap.take(example.split, key, example.variant) else None


def _write_picture(example: PictureExample, folder: Path, mode: Mode) -> str:
    suffix, data = prepared(example.entry.path, mode)
    name = f"{example.key:032x}"[:20] + suffix
    (folder / name).write_bytes(data)
    return name


def _new(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="\n")


def _write_line(file: IO[str], record: dict[str, str]) -> None:
    file.write(json.dumps(record, ensure_ascii=False) + "\n")
