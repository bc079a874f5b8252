"""Bytes on the disk: whole lines or nothing, and only what is torn is ever cut off."""

import fcntl
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_intern.tracing import trace_file
from ml_intern.tracing.chain import NOTHING
from ml_intern.tracing.mark import START, Place
from ml_intern.tracing.trace_file import BLOCK_BYTES, End, Moved
from tests.support.waiting import wait_until
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
    assert end.place == Place(3, 2)
    assert end.size_bytes == path.stat().st_size == 13 + len(first)


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    assert trace_file.repair(tmp_path / "s.jsonl") == End(0, START)
    assert trace_file.tail(tmp_path / "s.jsonl") == NOTHING
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


def test_a_file_without_any_whole_line_is_taken_away(tmp_path: Path) -> None:
    """An empty one would make a whole dataset unreadable."""
    path = tmp_path / "s.jsonl"
    for torn in (b"", b"\0" * 100, WHOLE[:50]):
        path.write_bytes(torn)
        assert trace_file.repair(path) == End(0, START)
        assert not path.exists()


def waits_for(path: Path) -> bool:
    """Whether somebody waits for the file's lock."""
    inode = f":{path.stat().st_ino} "
    return any("->" in line and inode in line for line in Path("/proc/locks").open())


def test_a_file_that_was_replaced_is_not_written(tmp_path: Path) -> None:
    """By one of the same length, while the writer waited for its lock."""
    path, fresh = tmp_path / "s.jsonl", tmp_path / "fresh"
    path.write_bytes(b"x\n")
    fresh.write_bytes(b"z\n")
    with ThreadPoolExecutor(1) as pool, path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        append = pool.submit(trace_file.append, path, b"y\n", 2)
        wait_until(lambda: waits_for(path))
        fresh.replace(path)
        fcntl.flock(held, fcntl.LOCK_UN)
        with pytest.raises(Moved):
            append.result(10)
    assert path.read_bytes() == b"z\n"


def test_a_file_that_has_a_successor_is_not_written(tmp_path: Path) -> None:
    path, following = tmp_path / "s.jsonl", tmp_path / "t.jsonl"
    trace_file.append(path, b"x\n", 0, goes_on_in=following)
    trace_file.go_on(following, b"y\n", behind=path, at_bytes=2)
    with pytest.raises(Moved):
        trace_file.append(path, b"z\n", 2, goes_on_in=following)
    assert path.read_bytes() == b"x\n"


def test_a_file_is_not_gone_on_with_whose_end_moved(tmp_path: Path) -> None:
    path, following = tmp_path / "s.jsonl", tmp_path / "t.jsonl"
    path.write_bytes(b"x\n")
    with pytest.raises(Moved):
        trace_file.go_on(following, b"y\n", behind=path, at_bytes=1)
    assert not following.exists()


def test_a_file_that_is_gone_is_not_begun_again_in_the_middle(tmp_path: Path) -> None:
    with pytest.raises(Moved):
        trace_file.append(tmp_path / "s.jsonl", b"y\n", 2)
    assert list(tmp_path.iterdir()) == []


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


def test_files_that_are_replaced_at_once_are_each_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    whole = [bytes([65 + number]) * 300_000 for number in range(8)]
    with ThreadPoolExecutor(len(whole)) as pool:
        for _ in range(5):
            list(pool.map(lambda data: trace_file.replace(path, data), whole))
            assert path.read_bytes() in whole
    assert [path] == list(tmp_path.iterdir())


def test_a_replacement_that_does_not_fit_leaves_the_file_and_the_disk_as_they_were(
    tmp_path: Path,
) -> None:
    path = tmp_path / "digests.json"
    path.write_bytes(b"before")
    script = (
        "import resource, signal, sys; from pathlib import Path;"
        "from ml_intern.tracing import trace_file;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "trace_file.replace(Path(sys.argv[1]), b'x' * 2000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert path.read_bytes() == b"before"
    assert [path] == list(tmp_path.iterdir())
