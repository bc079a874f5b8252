"""A folder of pictures: one subfolder per class, or a metadata file that names them; splits above.

Decodes no pictures, only reads their bytes for the fingerprint. Links out of reach are refused.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.data.names import is_split, split_of
from ml_intern.tools.data.picture import SUFFIXES
from ml_intern.tools.data.stop import check
from ml_intern.tools.data.table import Cells, Row, Split, Table
from ml_intern.tools.data.text_file import BLOCK_BYTES

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.tsv")
FILE_NAMES = ("file_name", "filename", "file", "image", "path")
"""Columns that may name the picture, best first."""
_SKIPPED = ("__MACOSX",)

Admit = Callable[[Path], None]
"""Raises InputError for a file that may not be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture file, and what the source says about it."""

    split: Split
    path: Path
    name: str
    """Below the source."""
    cells: Cells


@dataclass(frozen=True)
class ImageSet:
    """The pictures of one source."""

    source: str
    kind: str
    fingerprint: str
    entries: tuple[Entry, ...]
    by_folder: bool
    """The classes are the names of subfolders, so there is no question which column holds them."""
    notes: tuple[str, ...] = field(default=())
    title: str | None = None
    """What its package calls it."""


def has_pictures(folder: Path) -> bool:
    """Whether a picture lies anywhere below, as far as a short look tells."""
    for number, path in enumerate(_walk(folder)):
        if path.suffix.lower() in SUFFIXES:
            return True
        if number > 10_000:
            break
    return False


def read_folder(
    folder: Path,
    source: str,
    admit: Admit,
    open_table: Callable[[Path], Table],
    cancelled: threading.Event,
) -> ImageSet:
    """Find the pictures of `folder` and their classes.

    Raises InputError when there is no picture, or a metadata file does not fit.
    """
    metadata = [path for path in _walk(folder) if path.name in METADATA]
    if metadata:
        entries, notes = _by_metadata(folder, metadata, open_table)
    else:
        entries, notes = _by_folder(folder)
    if not entries:
        raise InputError(f"There is no picture in {folder}; name a folder that holds some.")
    for entry in entries:
        admit(entry.path)
    return ImageSet(
        source=source,
        kind="image_folder",
        fingerprint=_fingerprint(entries, cancelled),
        entries=tuple(entries),
        by_folder=not metadata,
        notes=tuple(notes),
    )


def _walk(folder: Path) -> Iterator[Path]:
    """Every regular file below, in order; nothing hidden, no linked folders."""
    for where, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(where) / name


def _raise(error: OSError) -> None:
    raise error


def _by_folder(folder: Path) -> tuple[list[Entry], list[str]]:
    names = [path.relative_to(folder).parts for path in _walk(folder) if _is_picture(path)]
    depth = _common_depth(names)
    tops = {name[depth] for name in names if len(name) > depth + 1}
    by_split = _are_splits(tops, names, depth)
    entries, loose = [], 0
    for name in names:
        inner = name[depth:]
        split = split_of(inner[0]) if by_split and is_split(inner[0]) else None
        classes = inner[1:-1] if by_split else inner[:-1]
        if by_split and split is None:
            loose += 1
            continue
        cells: Cells = {"label": _class_name(classes[0], folder) if classes else None}
        entries.append(Entry(split or "all", folder.joinpath(*name), "/".join(name), cells))
    return entries, [f"{loose} pictures lie in no split and are not used."] if loose else []


def _class_name(name: str, folder: Path) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as exc:
        shown = os.fsencode(name).decode(errors="backslashreplace")
        raise InputError(
            f"The name of the folder {shown} in {folder} is not UTF-8, so it cannot name a class; "
            "rename it."
        ) from exc
    return name


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _common_depth(names: Sequence[tuple[str, ...]]) -> int:
    """How many outer folders only wrap the classes or splits: all pictures lie deeper in them."""
    depth = 0
    while (
        names
        and len({name[depth] for name in names if len(name) > depth}) == 1
        and all(len(name) > depth + 2 for name in names)
        and not is_split(names[0][depth])
    ):
        depth += 1
    return depth


def _are_splits(tops: set[str], names: Sequence[tuple[str, ...]], depth: int) -> bool:
    """Whether the first level holds splits, one for training among them."""
    splits = {top for top in tops if is_split(top)}
    training = any(split_of(top) == "train" for top in splits)
    return training and (splits == tops or any(len(name) > depth + 2 for name in names))


def _by_metadata(
    folder: Path, files: Sequence[Path], open_table: Callable[[Path], Table]
) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    lost: list[str] = []
    for file in files:
        for row in open_table(file).rows():
            entry = _entry(folder, file, row)
            if entry.path.is_file():
                entries.append(entry)
            else:
                lost.append(entry.name)
    notes = []
    if lost:
        notes.append(f"{len(lost)} files that the metadata names do not exist, e.g. {lost[0]}.")
    return _with_splits(entries), notes


def _entry(folder: Path, file: Path, row: Row) -> Entry:
    where = f"{file.relative_to(folder)}, line {row.line}"
    column = next((name for name in FILE_NAMES if name in row.cells), FILE_NAMES[0])
    name = row.cells.get(column)
    if row.fault:
        raise InputError(f"{where}: {row.fault}. Repair the metadata.")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where}: there is no {column}; each line must name a picture in it.")
    path = (file.parent / name).resolve() if ".." in name else file.parent / name
    if not path.is_relative_to(folder):
        raise InputError(f"{where}: {name} lies outside the folder.")
    cells = {key: value for key, value in row.cells.items() if key != column}
    return Entry("all", path, str(path.relative_to(folder)), cells)


def _with_splits(entries: list[Entry]) -> list[Entry]:
    """By the first folder of each name, when those are splits, all of them."""
    tops = [entry.name.split("/")[0] for entry in entries if "/" in entry.name]
    if len(tops) < len(entries) or not all(map(is_split, tops)):
        return entries
    return [
        Entry(split_of(top) or "all", entry.path, entry.name, entry.cells)
        for top, entry in zip(tops, entries, strict=True)
    ]


def _fingerprint(entries: Sequence[Entry], cancelled: threading.Event) -> str:
    whole = hashlib.sha256()
    for entry in sorted(entries, key=lambda entry: entry.name):
        check(cancelled)
        whole.update(f"{entry.name}\0{sorted(entry.cells.items())}\0".encode("utf-8", "replace"))
        with entry.path.open("rb") as file:
            if not file.seekable():
                raise InputError(f"{entry.path} is not a regular file.")
            while block := file.read(BLOCK_BYTES):
                whole.update(block)
        whole.update(b"\0")
    return f"sha256:{whole.hexdigest()}"
