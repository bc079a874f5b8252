"""From the words for a dataset to the dataset: a file, a folder, one of the Hub or of a package."""

import difflib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.data import packaged
from ml_intern.tools.data.csv_table import CsvTable
from ml_intern.tools.data.image_folder import (
    METADATA,
    Admit,
    ImageSet,
    has_pictures,
    read_folder,
)
from ml_intern.tools.data.jsonl import JsonTable
from ml_intern.tools.data.names import split_of
from ml_intern.tools.data.parquet import SUFFIX, converted
from ml_intern.tools.data.picture import SUFFIXES
from ml_intern.tools.data.table import Split, Table, TableSet
from ml_intern.tools.data.text_file import TextFile, examine
from ml_intern.tools.hub import beginnings
from ml_intern.tools.hub.source import HubSource, TooMuch, fetch, hub_source
from ml_intern.tools.protocol import ToolContext, Workplace

Dataset = TableSet | ImageSet
_TABLES: dict[str, Callable[[TextFile], Table]] = {
    ".csv": CsvTable,
    ".tsv": CsvTable,
    ".tab": CsvTable,
    ".txt": CsvTable,
    ".jsonl": JsonTable,
    ".ndjson": JsonTable,
    ".json": JsonTable,
}
_KINDS = (*_TABLES, SUFFIX)
_ORDER: tuple[Split, ...] = ("train", "validation", "test")
_MOST_NAMES = 10
_ADDRESS = re.compile(r"\w+://")


@contextmanager
def open_source(source: str, ctx: ToolContext) -> Iterator[Dataset]:
    """The dataset that `source` names; it can be read until the block ends.

    Raises InputError when there is none, it cannot be read, or the words fit several; SandboxError
    when a package would have to be read without confinement.
    """
    words = source.strip()
    found = hub_source(words, ctx.place)
    path = None if found else _find(words, ctx.place)
    folder = Path(tempfile.mkdtemp(prefix="ml-intern-data-")).resolve()
    desk = _Desk(ctx, folder)
    try:
        if found is not None:
            yield _open_hub(found, desk)
        elif path is not None:
            yield _open(path, str(path), desk)
        else:
            yield _open_packaged(words, desk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_beginnings(large: TooMuch, ctx: ToolContext) -> Iterator[tuple[TableSet, dict[str, int]]]:
    """The first rows of a dataset of the Hub whose files are too large, and the rows of each split.

    Raises InputError, SandboxError.
    """
    folder = Path(tempfile.mkdtemp(prefix="ml-intern-data-")).resolve()
    try:
        found = beginnings.read(large, folder, ctx)
        dataset = _open_folder(found.folder, str(large.at), _Desk(ctx, folder))
        assert isinstance(dataset, TableSet), "JSON Lines are tables"
        dataset = replace(
            dataset,
            kind="hub",
            fingerprint=large.at.fingerprint,
            notes=(*found.notes, *dataset.notes),
            picture=found.picture,
        )
        yield dataset, found.rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Desk:
    """The call, and a folder of ours that lasts as long as the dataset is read."""

    ctx: ToolContext
    scratch: Path
    converted: dict[Path, Path] = field(default_factory=dict)
    """Parquet files, and what became of them."""

    def rows_of(self, path: Path) -> Path:
        """Of a Parquet file: JSON Lines, or a folder of pictures. Raises InputError."""
        if path not in self.converted:
            self.converted[path] = converted(path, self.scratch, self.ctx)
        return self.converted[path]


def _open_hub(found: HubSource, desk: _Desk) -> Dataset:
    """From its files, which are fetched."""
    pinned, folder, notes = fetch(found, desk.scratch, desk.ctx)
    dataset = _open(folder, str(pinned), desk)
    return replace(
        dataset, kind="hub", fingerprint=pinned.fingerprint, notes=(*notes, *dataset.notes)
    )


def _find(source: str, place: Workplace) -> Path | None:
    """The path that the words are; None when they are none. Raises InputError for a missing one."""
    if not source:
        raise InputError("Say which dataset: a path, or words about one that a package carries.")
    if _ADDRESS.match(source):
        raise InputError(
            f"{source} is an address; only local files and folders are read here, and datasets of "
            "the Hub by their ids, as hub:OWNER/NAME."
        )
    try:
        path = place.readable(source)
        if path.exists():
            return path
    except InputError:
        if _looks_like_path(source) or any(
            (folder / source).exists() for folder in (place.workspace, place.started_in)
        ):
            raise
        return None  # Words about a dataset, said in a folder that is closed.
    except (OSError, ValueError, RuntimeError) as exc:  # too long, or odd characters: no path
        if _looks_like_path(source):
            raise InputError(f"{source[:200]} cannot be read: {exc}") from exc
        return None
    if _looks_like_path(source):
        raise InputError(f"{path} does not exist. {_nearest(path, place)}".strip())
    return None


def _looks_like_path(source: str) -> bool:
    return "/" in source or source.startswith("~") or Path(source).suffix.lower() in _KINDS


def _nearest(path: Path, place: Workplace) -> str:
    """What a person may have meant, from the deepest folder that exists."""
    missing, folder = path.name, path.parent
    while not folder.is_dir():
        missing, folder = folder.name, folder.parent
    try:
        entries = sorted(place.readable(str(folder)).iterdir())
    except (InputError, OSError):
        return ""
    shown = {path.name: path for path in entries if not path.name.startswith(".")}
    near = difflib.get_close_matches(missing, shown, n=5, cutoff=0.5)
    if not shown:
        return f"{folder} is empty."
    return f"In {folder} there are: {', '.join(near) or _listed([*shown.values()])}."


def _listed(paths: Sequence[Path]) -> str:
    """Names, those first that may be data: tables, then folders."""
    order = sorted(paths, key=lambda path: (path.suffix.lower() not in _KINDS, not path.is_dir()))
    more = len(order) - _MOST_NAMES
    names = [path.name for path in order[:_MOST_NAMES]]
    return ", ".join(names) + (f" and {more} more" if more > 0 else "") or "nothing"


def _open_packaged(words: str, desk: _Desk) -> Dataset:
    chosen = _choose(words, packaged.catalogue(desk.ctx, desk.scratch), desk.ctx.place)
    path = packaged.export(desk.ctx, chosen, desk.scratch)
    title = f"{chosen.title} (package {chosen.package})"
    return replace(_open(path, chosen.id, desk), kind="packaged", title=title)


def _choose(
    words: str, entries: Sequence[packaged.Packaged], place: Workplace
) -> packaged.Packaged:
    try:
        return packaged.choose(words, entries)
    except InputError as exc:
        if not place.started_in.is_dir():
            raise
        names = [path.name for path in place.started_in.iterdir()]
        near = difflib.get_close_matches(words, names, n=3)
        if not near:
            raise
        raise InputError(f"{exc} In {place.started_in} there are: {', '.join(near)}.") from exc


def _open(path: Path, source: str, desk: _Desk) -> Dataset:
    if path.is_dir():
        return _open_folder(path, source, desk)
    if path.name in METADATA and has_pictures(path.parent):
        return _open_folder(path.parent, source, desk)
    if path.suffix.lower() == SUFFIX:
        _gate(desk.ctx.place)(path)
        if (rows := desk.rows_of(path)).is_dir():
            return replace(_open_folder(rows, source, desk), kind="parquet")
    table, sha256 = _table(path, desk)
    return TableSet(source, table.kind, f"sha256:{sha256}", (("all", table),), table.notes)


def _open_folder(folder: Path, source: str, desk: _Desk) -> Dataset:
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    tables = [path for path in visible if _is_table(path)]
    if has_pictures(folder) and not any(split_of(path.stem) for path in tables):
        return read_folder(
            folder,
            source,
            _gate(desk.ctx.place),
            lambda path: _table(path, desk)[0],
            desk.ctx.cancelled,
        )
    if tables:
        return _open_tables(source, tables, desk)
    if len(visible) == 1 and visible[0].is_dir() and not visible[0].is_symlink():
        return _open_folder(visible[0], source, desk)
    raise InputError(
        f"There is no dataset in {folder}, only {_listed(visible)}. "
        "Name a CSV, TSV, JSON, JSON Lines or Parquet file, or a folder that holds such files, "
        "or pictures in one subfolder per class."
    )


def _is_table(path: Path) -> bool:
    if path.suffix.lower() == ".txt":
        return split_of(path.stem) is not None and path.is_file()
    return path.suffix.lower() in _KINDS and path.name not in METADATA and path.is_file()


def _open_tables(source: str, files: Sequence[Path], desk: _Desk) -> TableSet:
    named = [path for path in files if split_of(path.stem)]
    if not named and len(files) > 1:
        raise InputError(
            f"{source} holds several tables: {_listed(files)}. "
            "Name the one that is meant, or call them train, validation and test."
        )
    ignored = [path.name for path in files if named and path not in named]
    notes = []
    if ignored:
        names = ", ".join(ignored[:5])
        notes.append(f"{names}: not used, as other files are named after splits.")
    return _table_set(source, named or files, notes, desk)


def _table_set(source: str, files: Sequence[Path], notes: Sequence[str], desk: _Desk) -> TableSet:
    tables = [(path, *_table(path, desk)) for path in files]
    by_split = {split: [t for t in tables if split_of(t[0].stem) == split] for split in _ORDER}
    for split, found in by_split.items():
        if len({table.kind for _, table, _ in found}) > 1:
            names = ", ".join(path.name for path, _, _ in found)
            raise InputError(f"{names} are all called {split}; name the file that is meant.")
    whole = hashlib.sha256(repr([(path.name, sha) for path, _, sha in tables]).encode())
    parts: list[tuple[Split, Table]] = [("all", table) for _, table, _ in tables]
    if by_split["train"]:
        parts = [(split, table) for split in _ORDER for _, table, _ in by_split[split]]
    return TableSet(
        source,
        tables[0][1].kind,
        f"sha256:{whole.hexdigest()}",
        tuple(parts),
        (*notes, *dict.fromkeys(note for _, table, _ in tables for note in table.notes)),
    )


def _table(path: Path, desk: _Desk) -> tuple[Table, str]:
    """The table in one file, and the file's SHA-256."""
    _gate(desk.ctx.place)(path)
    suffix = path.suffix.lower()
    if suffix == SUFFIX:
        return _parquet_table(path, desk)
    file = examine(path, desk.ctx.cancelled)
    if suffix in SUFFIXES:
        raise InputError(f"{path} is a picture; name the folder that holds the pictures.")
    return _TABLES.get(suffix, _by_look(file))(file), file.sha256


def _parquet_table(path: Path, desk: _Desk) -> tuple[Table, str]:
    rows = desk.rows_of(path)
    if rows.is_dir():
        raise InputError(f"{path} holds pictures; name this one file alone as the source.")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    table = JsonTable(examine(rows, desk.ctx.cancelled))
    table.kind = "parquet"
    return table, sha256


def _by_look(file: TextFile) -> Callable[[TextFile], Table]:
    first = next((line for line in file.lines("\n") if line.strip()), "")
    return JsonTable if first.lstrip()[:1] in ("{", "[") else CsvTable


def _gate(place: Workplace) -> Admit:
    """Refuses files behind links that lead out of the workspace, or into the session's records.

    The session's code can make such links; following them for it would open what is closed to it.
    """

    @lru_cache(maxsize=1024)
    def resolved(folder: Path) -> Path:
        return folder.resolve()

    def admit(path: Path) -> None:
        here = resolved(path.parent) / path.name
        found = here.resolve() if path.is_symlink() else here
        made_here = path.is_relative_to(place.workspace.resolve())
        if found != path and (made_here or place.is_record(found)):
            place.readable(str(found))

    return admit
