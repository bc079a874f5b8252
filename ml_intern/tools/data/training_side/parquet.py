"""Writes a Parquet file as plain files.

Usage: python -I parquet.py FILE FOLDER
Rows: FOLDER/table.jsonl. With a column of pictures: FOLDER/images/*.png (or as they are) with
FOLDER/images/metadata.jsonl. Classes that the file names are written by their names.

Usage: python -I parquet.py --plan FOLDER FILE…
FOLDER/plan.json: of each file, of which only the end must be there, its rows, and where each column
of its first group of rows lies.

Usage: python -I parquet.py --first FOLDER FILE COLUMN…
FOLDER/table.jsonl: these columns of the first group of rows.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 256
_SUFFIXES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"RIFF": "webp",
}


def convert(source: Path, folder: Path) -> None:
    """Write all rows below `folder`."""
    with pq.ParquetFile(source) as file:
        classes = class_names(file.schema_arrow)
        picture = picture_column(file.schema_arrow)
        if picture is None:
            write_rows(rows(file, classes), folder / "table.jsonl")
        else:
            write_pictures(rows(file, classes), picture, folder / "images")


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


def write_first(path: Path, folder: Path, columns: list[str]) -> None:
    """Write the first group of rows."""
    with pq.ParquetFile(path) as file:
        classes = class_names(file.schema_arrow)
        found = rows(file, classes, row_groups=[0], columns=columns)
        write_rows(found, folder / "table.jsonl")


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


def write_rows(found: Iterator[dict[str, Any]], target: Path) -> None:
    """As JSON Lines."""
    with target.open("w", encoding="utf-8", errors="replace") as file:
        for row in found:
            file.write(json.dumps(row, ensure_ascii=False, default=shown) + "\n")


def write_pictures(found: Iterator[dict[str, Any]], column: str, folder: Path) -> None:
    """The pictures as they are, and a file that tells the rest of each row."""
    folder.mkdir(parents=True)
    with (folder / "metadata.jsonl").open("w", encoding="utf-8", errors="replace") as file:
        for number, row in enumerate(found):
            content = (row.pop(column) or {}).get("bytes") or b""
            kind = (suffix for head, suffix in _SUFFIXES.items() if content.startswith(head))
            name = f"{number:07d}.{next(kind, 'png')}"
            (folder / name).write_bytes(content)
            line = {"file_name": name, **{key: row[key] for key in row if key != "file_name"}}
            file.write(json.dumps(line, ensure_ascii=False, default=shown) + "\n")


def shown(value: Any) -> str:
    """What JSON has no word for."""
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    match arguments:
        case ["--plan", folder, *files]:
            plan([Path(file) for file in files], Path(folder))
        case ["--first", folder, file, *columns]:
            write_first(Path(file), Path(folder), columns)
        case [file, folder]:
            convert(Path(file), Path(folder))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
