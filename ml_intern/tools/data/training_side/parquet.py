"""Writes a Parquet file as plain files.

Usage: python -I parquet.py MOST_BYTES SPARED_BYTES MEMORY_BYTES FILE FOLDER
Rows: FOLDER/table.jsonl. With a column of pictures: FOLDER/images/*.png (or as they are) with
FOLDER/images/metadata.jsonl. Classes that the file names are written by their names.

Whoever made the file chose what it unpacks to: no more than MOST_BYTES are written, SPARED_BYTES of
the disk are left free, and no more than MEMORY_BYTES are in memory.

Usage: python -I parquet.py MOST_BYTES SPARED_BYTES MEMORY_BYTES --plan FOLDER FILE…
FOLDER/plan.json: of each file, of which only the end must be there, its rows, and where each column
of its first group of rows lies.

Usage: python -I parquet.py MOST_BYTES SPARED_BYTES MEMORY_BYTES --first FOLDER FILE
FOLDER/table.jsonl: the columns that FOLDER/columns.json names, of the first group of rows.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 256
LIMITS = ("MOST_BYTES", "SPARED_BYTES", "MEMORY_BYTES")
LOOK_EVERY_BYTES = 64 << 20
"""That are written between two looks at how much room the disk has."""
_SUFFIXES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"RIFF": "webp",
}


@dataclass
class Room:
    """What may still be written."""

    folder: Path
    left_bytes: int
    spared_bytes: int
    _to_next_look: int = 0

    def take(self, size_bytes: int) -> None:
        """Raises ValueError where that is too much."""
        self.left_bytes -= size_bytes
        self._to_next_look -= size_bytes
        if self.left_bytes < 0:
            raise ValueError("its rows are more bytes than are unpacked here")
        if self._to_next_look < 0:
            self._to_next_look = LOOK_EVERY_BYTES
            disk = os.statvfs(self.folder)
            if disk.f_bavail * disk.f_frsize - size_bytes < self.spared_bytes:
                raise ValueError("its rows do not fit onto the disk, of which some must stay free")


def convert(source: Path, folder: Path, room: Room) -> None:
    """Write all rows below `folder`. Raises ValueError where there is no room for them."""
    with pq.ParquetFile(source) as file:
        classes = class_names(file.schema_arrow)
        picture = picture_column(file.schema_arrow)
        if picture is None:
            write_rows(rows(file, classes), folder / "table.jsonl", room)
        else:
            write_pictures(rows(file, classes), picture, folder / "images", room)


def plan(files: list[Path], folder: Path) -> None:
    """Write what is known of the files by their ends."""
    found = [planned(file) for file in files]
    (folder / "plan.json").write_text(json.dumps(found), encoding="utf-8")


def planned(path: Path) -> dict[str, Any]:
    """The rows of a file, and `[first byte, bytes]` of each column of its first group of rows."""
    with pq.ParquetFile(path) as file:
        known = file.metadata
        columns: dict[str, list[list[int]]] = {}
        if known.num_row_groups:
            group = known.row_group(0)
            for number in range(group.num_columns):
                chunk = group.column(number)
                begin = chunk.dictionary_page_offset or chunk.data_page_offset
                begin = min(begin, chunk.data_page_offset)
                name = chunk.path_in_schema.split(".")[0]
                columns.setdefault(name, []).append([begin, chunk.total_compressed_size])
        return {
            "rows": known.num_rows,
            "columns": columns,
            "picture": picture_column(file.schema_arrow),
        }


def write_first(path: Path, folder: Path, room: Room) -> None:
    """Write the first group of rows."""
    columns = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    with pq.ParquetFile(path) as file:
        classes = class_names(file.schema_arrow)
        found = rows(file, classes, row_groups=[0], columns=columns)
        write_rows(found, folder / "table.jsonl", room)


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Of each column whose numbers stand for classes, as `datasets` writes it into the file."""
    said = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(said).get("info", {}).get("features", {})
        named = {
            name: feature["names"]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, AttributeError, KeyError, RecursionError):
        return {}
    return {name: names for name, names in named.items() if isinstance(names, list)}


def picture_column(schema: pa.Schema) -> str | None:
    """The one column of `bytes` and `path` whose name speaks of a picture."""
    found = [
        field.name
        for field in schema
        if pa.types.is_struct(field.type)
        and {inner.name for inner in field.type} == {"bytes", "path"}
        and any(word in field.name.lower() for word in ("image", "img", "picture", "photo"))
    ]
    return found[0] if len(found) == 1 else None


def rows(
    file: pq.ParquetFile, classes: dict[str, list[str]], **which: Any
) -> Iterator[dict[str, Any]]:
    """Every row, classes by their names; or `which` groups and columns of them."""
    for batch in file.iter_batches(batch_size=BATCH, **which):
        for row in batch.to_pylist():
            for name, names in classes.items():
                value = row.get(name)
                if isinstance(value, int):
                    row[name] = str(names[value]) if 0 <= value < len(names) else None
            yield row


def write_rows(found: Iterator[dict[str, Any]], target: Path, room: Room) -> None:
    """As JSON Lines."""
    with target.open("wb") as file:
        for row in found:
            room.take(file.write(line_of(row)))


def line_of(row: dict[str, Any]) -> bytes:
    return (json.dumps(row, ensure_ascii=False, default=shown) + "\n").encode("utf-8", "replace")


def write_pictures(found: Iterator[dict[str, Any]], column: str, folder: Path, room: Room) -> None:
    """The pictures as they are, and a file that tells the rest of each row."""
    folder.mkdir(parents=True)
    with (folder / "metadata.jsonl").open("wb") as file:
        for number, row in enumerate(found):
            content = (row.pop(column) or {}).get("bytes") or b""
            kind = (suffix for head, suffix in _SUFFIXES.items() if content.startswith(head))
            name = f"{number:07d}.{next(kind, 'png')}"
            room.take((folder / name).write_bytes(content))
            line = {"file_name": name, **{key: row[key] for key in row if key != "file_name"}}
            room.take(file.write(line_of(line)))


def shown(value: Any) -> str:
    """What JSON has no word for."""
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def limit_memory(size_bytes: int) -> None:
    """Of this process, from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    within = size_bytes if hard == resource.RLIM_INFINITY else min(size_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (within, hard))


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    if len(arguments) < len(LIMITS):
        sys.exit(__doc__)
    most, spared, memory = map(int, arguments[: len(LIMITS)])
    limit_memory(memory)
    match arguments[len(LIMITS) :]:
        case ["--plan", folder, *files]:
            plan([Path(file) for file in files], Path(folder))
        case ["--first", folder, file]:
            write_first(Path(file), Path(folder), Room(Path(folder), most, spared))
        case [file, folder]:
            convert(Path(file), Path(folder), Room(Path(folder), most, spared))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
