"""A log of bounded size whose offsets mean the same byte for ever."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.compute.log_files import LogWriter, read_log

LINES = st.lists(st.text("abcé\n", max_size=30), max_size=60)


def write(folder: Path, pieces: list[bytes], *, first: int = 1000, later: int = 100) -> LogWriter:
    writer = LogWriter(folder, first_bytes=first, later_bytes=later)
    for piece in pieces:
        writer.write(piece)
    writer.close()
    return writer


def follow(folder: Path, *, limit: int = 1 << 20, offset: int = 0) -> str:
    """Read to the end, as a watcher does after the job has ended."""
    texts = []
    while True:
        text, next_offset = read_log(folder, offset, limit, ended=True)
        if next_offset == offset:
            return "".join(texts)
        texts.append(text)
        offset = next_offset


def test_complete_lines_come_at_once_and_the_rest_with_its_end(tmp_path):
    write(tmp_path, [b"one\ntw"])
    assert read_log(tmp_path, 0, 100, ended=False) == ("one\n", 4)
    assert read_log(tmp_path, 4, 100, ended=False) == ("", 4)
    assert read_log(tmp_path, 4, 100, ended=True) == ("tw", 6)
    assert read_log(tmp_path, 6, 100, ended=True) == ("", 6)


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path):
    assert read_log(tmp_path, 0, 100, ended=False) == ("", 0)


def test_a_line_longer_than_the_limit_comes_in_whole_characters(tmp_path):
    write(tmp_path, ["é".encode() * 20])
    assert read_log(tmp_path, 0, 5, ended=False) == ("éé", 4)
    assert follow(tmp_path, limit=5) == "é" * 20


@given(lines=LINES, limit=st.integers(1, 50))
def test_short_logs_are_read_back_whole_with_any_limit(tmp_path_factory, lines, limit):
    folder = tmp_path_factory.mktemp("log")
    whole = "".join(lines)
    write(folder, [line.encode() for line in lines], first=10_000)
    if limit >= 2:
        assert follow(folder, limit=limit) == whole


@given(lines=st.lists(st.text("abc", max_size=30), min_size=30, max_size=90))
def test_long_logs_keep_their_first_and_newest_lines(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("log")
    data = [f"{line}\n".encode() for line in lines]
    writer = write(folder, data, first=100, later=50)
    text = follow(folder)
    whole = b"".join(data).decode()
    assert writer.total_bytes == len(whole)
    assert text.startswith(whole[:60])
    assert text.endswith(whole[-20:])
    kept = [line for line in text.splitlines() if "left out" not in line]
    assert all(line in lines for line in kept)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 100 + 3 * (50 + 32)


def test_what_was_lost_is_noted_in_its_place(tmp_path):
    write(tmp_path, [b"%03d\n" % number for number in range(200)], first=40, later=40)
    text, next_offset = read_log(tmp_path, 40, 1000, ended=True)
    assert "bytes of output were left out" in text
    assert next_offset % 4 == 0
    rest, _ = read_log(tmp_path, next_offset, 1000, ended=True)
    assert rest.startswith(f"{next_offset // 4:03d}\n")


def test_a_reader_who_fell_behind_comes_to_what_is_left(tmp_path):
    write(tmp_path, [b"%03d\n" % number for number in range(200)], first=40, later=40)
    assert follow(tmp_path, offset=200).endswith("198\n199\n")


def test_output_without_lines_is_kept_in_bounds(tmp_path):
    writer = write(tmp_path, [b"x" * 60] * 100, first=100, later=100)
    assert writer.total_bytes == 6000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 600


def test_the_last_line_with_words_is_remembered(tmp_path):
    writer = write(tmp_path, [b"Traceback\nValue", b"Error: wrong\n\n", b"\r\n"])
    assert writer.last_line == "ValueError: wrong"


def test_zero_bytes_are_replaced(tmp_path):
    write(tmp_path, [b"a\0b\n"])
    assert read_log(tmp_path, 0, 100, ended=True) == ("a\ufffdb\n", 4)
