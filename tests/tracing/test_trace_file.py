"""Bytes on the disk: whole lines or nothing, and only what is torn is ever cut off."""

import json
import os
import stat
from pathlib import Path

import pytest

from ml_intern.tracing import trace_file
from ml_intern.tracing.mark import Place
from ml_intern.tracing.trace_file import BLOCK_BYTES, End, Moved
from tests.tracing.fakes import fold, recorded, replied

WHOLE = fold(recorded("s", replied("One."), replied("Two.")))
ENDS = [n + 1 for n, byte in enumerate(WHOLE) if byte == 10]


def test_a_last_line_torn_at_any_byte_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    for cut in range(ENDS[-2] + 1, ENDS[-1]):
        path.write_bytes(WHOLE[:cut])
        assert trace_file.repair(path).size_bytes == ENDS[-2], cut
        assert path.read_bytes() == WHOLE[: ENDS[-2]], cut


@pytest.mark.parametrize("end", ENDS)
def test_whole_lines_stay(tmp_path: Path, end: int) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(WHOLE[:end])
    assert trace_file.repair(path).size_bytes == end
    assert path.read_bytes() == WHOLE[:end]


@pytest.mark.parametrize(
    "tail", [b"\0" * 5_000, b"\0\n\0\0\n", b"\n", b"{}\n", b'{"torn":\n{"mlIntern":{"seq":9}'],
    ids=["zeros", "zeros and newlines", "empty line", "foreign", "two torn"],
)  # fmt: skip
def test_what_a_power_cut_left_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(WHOLE + tail)
    assert trace_file.repair(path).size_bytes == len(WHOLE)
    assert path.read_bytes() == WHOLE


@pytest.mark.parametrize("length", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES * 3 + 5])
def test_the_mark_is_found_behind_lines_of_any_length(tmp_path: Path, length: int) -> None:
    first = json.dumps({"mlIntern": {"seq": 3, "part": 2}, "x": "y" * length}).encode() + b"\n"
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"before":1}\n' + first + b"z" * length)
    end = trace_file.repair(path)
    assert end.mark is not None
    assert end.mark.place == Place(3, 2)
    assert end.size_bytes == path.stat().st_size == 13 + len(first)


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    assert trace_file.repair(tmp_path / "s.jsonl") == End(0, None)
    assert not (tmp_path / "s.jsonl").exists()


def test_files_and_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "s.jsonl"
    assert trace_file.append(path, b"x\n", 0) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:2]} == {0o700}


def test_a_file_of_another_length_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"x\n")
    with pytest.raises(Moved):
        trace_file.append(path, b"y\n", 1)
    assert path.read_bytes() == b"x\n"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    (tmp_path / "s.jsonl").symlink_to(aim)
    with pytest.raises(OSError, match="symbolic links"):
        trace_file.append(tmp_path / "s.jsonl", b"x\n", 0)
    assert not aim.exists()


def test_replacing_puts_the_new_content_in_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a" / "position.json"
    trace_file.replace(path, b"old")
    trace_file.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["position.json"]  # noqa: PTH208  # names are what matters


def test_making_a_file_durable_that_is_gone_is_no_error(tmp_path: Path) -> None:
    trace_file.make_durable(tmp_path / "s.jsonl")
