"""A dataset that is too large to be fetched: a few megabytes of it are read, and it says so."""

import hashlib
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_intern.tools.data.parquet import Plan
from ml_intern.tools.hub.beginnings import MOST_BYTES, joined, that_fit
from tests.support.hub import TOKEN, HubServer
from tests.support.hub.repository import Blob, Repository
from tests.support.outside import Asked, Given, Outside
from tests.support.places import confined_place
from tests.tools.hub.conftest import Caller

NAME = "ada/crawl"
SIZE = 5_000_000_000


class Stretched:
    """A Parquet file with a hole of gigabytes between its first group of rows and its end."""

    def __init__(self, content: bytes, hole_at: int, size: int) -> None:
        self.head, self.tail, self.size = content[:hole_at], content[hole_at:], size
        self.given = 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        first, end, _ = part.indices(self.size)
        self.given += end - first
        assert end - first < 30_000_000, "nobody may read all of it"
        tail_at = self.size - len(self.tail)
        hole = bytes(max(0, min(end, tail_at) - max(first, len(self.head))))
        tail = self.tail[max(0, first - tail_at) : max(0, end - tail_at)]
        return self.head[first:end] + hole + tail


@dataclass(frozen=True)
class Large(Blob):
    """One of which nobody can have all bytes."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(str(len(self.content)).encode()).hexdigest()


def stretched(columns: dict[str, list[Any]], group: int, size: int = SIZE) -> Stretched:
    """The table, of which only the first group of rows is where the file says."""
    held = io.BytesIO()
    pq.write_table(pa.table(columns), held, row_group_size=group)
    known = pq.ParquetFile(held).metadata.row_group(0)
    ends = [
        min(chunk.dictionary_page_offset or chunk.data_page_offset, chunk.data_page_offset)
        + chunk.total_compressed_size
        for chunk in map(known.column, range(known.num_columns))
    ]
    return Stretched(held.getvalue(), max(ends), size)


def reviews(many: int) -> dict[str, list[Any]]:
    return {
        "text": [f"a review with number {n}, long enough" for n in range(many)],
        "label": [("good", "bad")[n % 2] for n in range(many)],
    }


@pytest.fixture
def call(tmp_path: Path, hub: HubServer, viewer: Outside) -> Iterator[Caller]:
    """One that may run code: a file from outside is read confined."""
    caller = Caller(tmp_path, hub.url, viewer.url)
    place = confined_place(tmp_path, web=caller.web, clock=caller.clock)
    caller.with_context(place=place)
    yield caller
    caller.web.close()


@pytest.fixture
def repository(hub: HubServer) -> Repository:
    return hub.datasets.add(NAME, private=False)


def put(repository: Repository, **files: Stretched) -> None:
    named = {f"data/{name.replace('_', '-')}.parquet": each for name, each in files.items()}
    blobs: dict[str, Blob | None] = {
        name: Large(each, in_lfs=True)  # type: ignore[arg-type]
        for name, each in named.items()
    }
    repository.commit("large", blobs)


def test_of_five_gigabytes_a_few_hundred_kilobytes_are_read(
    repository: Repository, call: Caller
) -> None:
    train, test = stretched(reviews(4_000), 1_000), stretched(reviews(100), 100, 300_000_000)
    put(repository, train_0=train, test_0=test)
    report = call("inspect_dataset", source=NAME)
    assert (report["rows"], report["splits"]) == (4_100, {"train": 4_000, "test": 100})
    assert (report["sampled"], report["labels"]) == (1_100, {"good": 550, "bad": 550})
    assert (report["mapping"]["text"], report["mapping"]["label"]) == ("text", "label")
    assert report["fingerprint"] == f"commit:{repository.head}"
    assert 0 < train.given + test.given < 500_000
    (said,) = [each for each in report["problems"] if "too much to be fetched" in each]
    assert said.startswith("The data are 5.3 GB, too much to be fetched. 269")
    assert "the first rows of data/train-0.parquet, data/test-0.parquet" in said
    (blocked,) = report["blocking"]
    assert blocked.startswith("prepare_dataset does not fetch so much.")
    assert "at most 64 of 268.4 MB" in call("prepare_dataset", source=NAME)["error"]


def test_columns_that_are_too_large_are_left_out_and_named(
    repository: Repository, call: Caller
) -> None:
    chance = random.Random(3)
    columns = {
        "image": [{"bytes": chance.randbytes(1_300_000), "path": None} for _ in range(20)],
        "label": [n % 2 for n in range(20)],
    }
    put(repository, train=stretched(columns, 20))
    report = call("inspect_dataset", source=NAME)
    assert "Not read, as they are too large: image." in report["problems"]
    assert (report["task"], report["mapping"]["image"]) == ("image-classification", "image")
    assert report["labels"] == {"0": 10, "1": 10}


def test_rows_of_many_files_are_counted_in_some(repository: Repository, call: Caller) -> None:
    parts = {f"train_{n:05}": stretched(reviews(50), 50, SIZE) for n in range(20)}
    put(repository, **parts)
    report = call("inspect_dataset", source=NAME)
    assert report["rows"] == 50
    assert "Rows are counted in 1 of 20 files only." in report["problems"]
    assert sum(each.given > 0 for each in parts.values()) == 1


def test_what_stands_in_one_class_at_the_beginning_is_said_of_the_beginning(
    repository: Repository, call: Caller
) -> None:
    rows = reviews(200)
    rows["label"] = ["good"] * 100 + ["bad"] * 100
    put(repository, train=stretched(rows, 100))
    report = call("inspect_dataset", source=NAME)
    assert any(each.startswith("In what was read: ") for each in report["problems"])
    assert len(report["blocking"]) == 1


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (b"no parquet at all", "is no Parquet file"),
        (b"x" * 100 + (90_000_000).to_bytes(4, "little") + b"PAR1", "at most 16.8 MB of that"),
        (b"x" * 100 + (60).to_bytes(4, "little") + b"PAR1", "cannot be read as Parquet"),
    ],
)
def test_an_end_that_is_none_is_said(
    repository: Repository, call: Caller, end: bytes, words: str
) -> None:
    put(repository, train=Stretched(b"PAR1" + end, 4, SIZE))
    assert words in call("inspect_dataset", source=NAME)["error"]


def test_a_hub_that_gives_whole_files_only_is_not_read_to_the_end(
    repository: Repository, call: Caller, hub: HubServer
) -> None:
    put(repository, train=stretched(reviews(100), 100))
    hub.faults.drip(b"x" * 1000, 5, at="/resolve/")
    assert "is given as a whole only" in call("inspect_dataset", source=NAME)["error"]


def test_the_token_does_not_follow_to_where_the_files_lie(
    repository: Repository, call: Caller, hub: HubServer, viewer: Outside
) -> None:
    """The Hub sends whoever wants a large file on to another host."""
    held = stretched(reviews(100), 100)
    put(repository, train=held)

    def stored(asked: Asked) -> Given:
        if "range" not in asked.headers:
            return Given(status=404)  # as a dataset viewer that knows nothing
        first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        said = {"Content-Range": f"bytes {first}-{last}/{len(held)}"}
        return Given(content=held[int(first) : int(last) + 1], status=206, headers=said)

    viewer.answer = stored
    for _ in range(2):
        hub.faults.send_on(viewer.url, at="/resolve/", status=302)
    report = call("inspect_dataset", source=NAME)
    parts = [asked for asked in viewer.asked if "range" in asked.headers]
    assert (report["rows"], len(parts)) == (100, 2)
    assert TOKEN not in json.dumps([dict(asked.headers) for asked in parts])
    assert [seen.token for seen in hub.requests if "/resolve/" in seen.path] == [TOKEN, TOKEN]


def test_parts_of_less_than_no_bytes_make_no_room_for_large_ones() -> None:
    claimed = {"a": [(4, 5 << 30), (9, -(5 << 30))], "b": [(4, 100)]}
    assert that_fit(Plan(rows=1, columns=claimed, picture=None), 1_000) == ["b"]


def test_gaps_between_many_columns_are_not_read_without_end() -> None:
    parts = [(number * 60_000, 10) for number in range(5_000)]
    read = joined(parts)
    assert sum(size for _, size in read) < 2 * MOST_BYTES
    assert read[-1][0] + read[-1][1] == parts[-1][0] + 10
