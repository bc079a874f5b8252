"""Parquet files, read in the training environment: the same report, and what is wrong with them."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ml_intern.errors import InputError
from ml_intern.tools.data import parquet
from tests.support.places import confined_place, context_in
from tests.tools.data.conftest import Bench

Sentences = Callable[[int], list[tuple[str, str]]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(confined_place(tmp_path))


def write(bench: Bench, name: str, columns: dict[str, Any], features: Any = None) -> str:
    table = pa.table(columns)
    if features is not None:
        info = json.dumps({"info": {"features": features}}).encode()
        table = table.replace_schema_metadata({b"huggingface": info})
    pq.write_table(table, bench.folder / name)
    return name


def test_the_same_report_as_for_other_tables(bench: Bench, sentences: Sentences) -> None:
    rows = sentences(40)
    columns = {
        "text": [text for text, _ in rows],
        "label": [int(label == "good") for _, label in rows],
        "meta": [{"when": n} for n in range(40)],
    }
    classes = {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
    report = bench.inspect(write(bench, "a.parquet", columns, classes))
    assert (report["kind"], report["rows"], report["task"]) == (
        "parquet",
        40,
        "text-classification",
    )
    assert report["labels"] == {"good": 20, "bad": 20}
    assert [column["name"] for column in report["columns"]] == ["text", "label", "meta.when"]
    assert bench.prepare("a.parquet")["rows"]["train"] > 20


def test_a_folder_of_splits(bench: Bench, sentences: Sentences) -> None:
    (bench.folder / "d").mkdir()
    for split, many in (("train", 40), ("test", 20)):
        rows = sentences(60)[:many] if split == "train" else sentences(60)[40:]
        columns = {"text": [t for t, _ in rows], "label": [label for _, label in rows]}
        write(bench, f"d/{split}-00000-of-00001.parquet", columns)
    report = bench.inspect("d")
    assert report["splits"] == {"train": 40, "test": 20}


def test_pictures_inside(bench: Bench) -> None:
    def picture(shade: int) -> dict[str, Any]:
        held = io.BytesIO()
        Image.new("L", (8, 8), shade).save(held, "PNG")
        return {"bytes": held.getvalue(), "path": None}

    columns = {
        "image": [picture(n) for n in range(24)],
        "label": [("cat", "dog")[n % 2] for n in range(24)],
    }
    report = bench.inspect(write(bench, "a.parquet", columns))
    assert (report["kind"], report["task"]) == ("parquet", "image-classification")
    assert report["labels"] == {"cat": 12, "dog": 12}
    assert (report["images"]["width"], report["images"]["unreadable_count"]) == (8, 0)


def test_values_that_json_has_no_word_for(bench: Bench) -> None:
    columns = {
        "raw": [b"\x00\xff", b"12"],
        "when": pa.array([0, 1], pa.timestamp("s")),
        "share": pa.array([float("nan"), 1.0]),
    }
    report = bench.inspect(write(bench, "a.parquet", columns))
    shown = {column["name"]: column for column in report["columns"]}
    assert shown["raw"]["examples"] == ["<2 bytes>"]
    assert shown["when"]["examples"][0].startswith("1970-01-01")
    assert shown["share"]["missing"] == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 no such thing PAR1", b"text,label\n"])
def test_what_is_no_parquet(bench: Bench, content: bytes) -> None:
    (bench.folder / "a.parquet").write_bytes(content)
    assert "cannot be read as Parquet" in bench.refusal("a.parquet")


# Files whose maker chose what they unpack to


def repeated(bench: Bench, value: str, rows: int) -> str:
    """A small file of many equal values."""
    same = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))
    return write(bench, "bomb.parquet", {"text": same, "label": [1] * rows})


@pytest.mark.parametrize(
    ("limit", "value", "size", "words"),
    [
        ("MOST_UNPACKED_BYTES", 1 << 20, 10_000, "more bytes than are unpacked here"),
        ("SPARED_BYTES", 1 << 60, 10_000, "do not fit onto the disk"),
        ("MEMORY_BYTES", 400 << 20, 4 << 20, "MemoryError"),
    ],
)
def test_what_unpacks_to_too_much_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, size: int, words: str
) -> None:
    monkeypatch.setattr(parquet, limit, value)
    name = repeated(bench, "x" * size, 300)
    assert (bench.folder / name).stat().st_size < 1 << 20
    error = bench.refusal(name)
    assert "bomb.parquet cannot be read as Parquet (exit code" in error
    assert words in error


@pytest.mark.parametrize(
    "told", [b'{"info": ' + b"[" * 100_000, b"\xff", b'{"info": {"features": 1}}']
)
def test_what_a_file_says_of_itself_may_be_anything(bench: Bench, told: bytes) -> None:
    table = pa.table({"text": ["a", "b"]}).replace_schema_metadata({b"huggingface": told})
    pq.write_table(table, bench.folder / "odd.parquet")
    assert bench.inspect("odd.parquet")["rows"] == 2


def test_a_name_of_a_column_may_be_longer_than_a_command_line(bench: Bench, tmp_path: Path) -> None:
    """Whoever made the file chose it."""
    name = "a" * 200_000
    source = bench.folder / write(bench, "a.parquet", {name: [1], "b": [2]})
    rows = parquet.first_rows(source, [name], tmp_path, context_in(bench.place))
    assert json.loads(rows.read_text()) == {name: 1}


@pytest.mark.parametrize("left", ["ln -s /etc/hostname", "mkfifo"])
def test_a_reader_that_was_taken_over_leads_nowhere(
    bench: Bench, tmp_path: Path, left: str
) -> None:
    source = bench.folder / write(bench, "a.parquet", {"a": [1]})
    reader = bench.place.workspace / "python"
    reader.write_text(f'#!/bin/sh\nfor folder; do :; done\n{left} "$folder/table.jsonl"\n')
    reader.chmod(0o755)
    ctx = context_in(replace(bench.place, training_python=reader))
    with pytest.raises(InputError, match="makes no sense"):
        parquet.converted(source, tmp_path, ctx)
