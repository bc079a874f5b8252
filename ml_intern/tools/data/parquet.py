"""Parquet files: read in the training environment, confined, and from then on tables like others.

The reader is a large library in another language, and a file may come from anywhere: it never reads
one in the daemon.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.data.stop import check
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.run_script import run_python

SUFFIX = ".parquet"
TIMEOUT_S = 500.0
MOST_BYTES = 2 << 30
MOST_UNPACKED_BYTES = 32 << 30
"""Of the rows as plain files: a file of some kilobytes may hold more than any disk."""
SPARED_BYTES = 1 << 30
"""Of the disk, which is left to others; the database may lie there."""
MEMORY_BYTES = 4 << 30
_SCRIPT = Path(__file__).parent / "training_side" / "parquet.py"


def converted(path: Path, scratch: Path, ctx: ToolContext) -> Path:
    """The rows of a Parquet file as JSON Lines, or as a folder of pictures, below `scratch`.

    Raises InputError, Stopped, SandboxError.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InputError(
            f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read here. Write a part of it."
        )
    folder = Path(tempfile.mkdtemp(dir=scratch))
    _run([str(path), str(folder)], folder, [path], ctx)
    pictures = folder / "images"
    return _written(pictures if pictures.is_dir() else folder / "table.jsonl", path)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the end of a Parquet file tells."""

    rows: int
    columns: Mapping[str, Sequence[tuple[int, int]]]
    """Of the first group of rows: where each column lies, as first byte and number of bytes."""
    picture: str | None
    """The column of pictures, where there is one."""


def planned(paths: Sequence[Path], scratch: Path, ctx: ToolContext) -> list[Plan]:
    """Of each file, of which only the end must be there. Raises as `converted` does."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    _run(["--plan", str(folder), *map(str, paths)], folder, paths, ctx)
    try:
        found = json.loads(_written(folder / "plan.json", paths[0]).read_bytes())
        return [_plan(each) for each in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise InputError(f"The end of {paths[0].name} cannot be understood: {exc}") from exc


def _plan(said: Any) -> Plan:
    return Plan(
        rows=int(said["rows"]),
        columns={
            str(name): [(int(first), int(size)) for first, size in chunks]
            for name, chunks in said["columns"].items()
        },
        picture=said["picture"],
    )


def first_rows(path: Path, columns: Sequence[str], scratch: Path, ctx: ToolContext) -> Path:
    """These columns of the first group of rows as JSON Lines. Raises as `converted` does."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    # In a file: whoever made the data chose the names, and a command line holds not everything.
    (folder / "columns.json").write_text(json.dumps(list(columns)), encoding="utf-8")
    _run(["--first", str(folder), str(path)], folder, [path], ctx)
    return _written(folder / "table.jsonl", path)


def _written(path: Path, source: Path) -> Path:
    """The file, or folder of files, that the reader wrote of `source`, if it is no more than that.

    A hostile file may have taken the reader over, which then can leave links to what is ours.
    Raises InputError.
    """
    is_folder = path.is_dir() and not path.is_symlink()
    parts = list(path.iterdir()) if is_folder else [path]
    if not all(os.path.lexists(each) and stat.S_ISREG(each.lstat().st_mode) for each in parts):
        raise InputError(f"What was read from {source} makes no sense.")
    return path


def _run(arguments: Sequence[str], folder: Path, paths: Sequence[Path], ctx: ToolContext) -> None:
    limits = (MOST_UNPACKED_BYTES, SPARED_BYTES, MEMORY_BYTES)
    done = run_python(
        ctx,
        ["-I", str(_SCRIPT), *map(str, limits), *arguments],
        cwd=folder,
        timeout_s=TIMEOUT_S,
        extra_read=[_SCRIPT, *paths],
        extra_write=[folder],
    )
    check(ctx.cancelled)
    if not done.ok:
        last = (done.tail or done.head).strip().rpartition("\n")[2]
        raise InputError(
            f"{paths[0]} cannot be read as Parquet (exit code {done.exit_code}): "
            f"{last[:300] or 'no output'}"
        )
