"""First and last part of an output of any length."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.sandbox.capture import Capture, gap_note

PIECES = st.lists(st.binary(max_size=60), max_size=30)


def captured(path: Path, pieces: list[bytes], limit: int) -> tuple[Capture, bytes]:
    capture = Capture(path, limit)
    for piece in pieces:
        capture.write(piece)
    capture.close()
    return capture, path.read_bytes()


@given(pieces=PIECES, limit=st.integers(0, 400))
def test_the_file_is_the_whole_or_both_ends(tmp_path_factory, pieces, limit):
    whole = b"".join(pieces)
    path = tmp_path_factory.mktemp("capture") / "output"
    capture, found = captured(path, pieces, limit)
    assert capture.total_bytes == len(whole)
    assert capture.truncated == (len(whole) > limit)
    if len(whole) <= limit:
        assert found == whole
    else:
        head, tail = limit // 2, limit - limit // 2
        note = gap_note(len(whole) - limit).encode()
        assert found == whole[:head] + note + whole[len(whole) - tail :]


def test_memory_does_not_grow_with_the_output(tmp_path):
    capture = Capture(tmp_path / "output", 1000)
    for _ in range(1000):
        capture.write(b"x" * 65536)
    assert len(capture._tail) <= 1000 + 65536
    capture.close()


def test_a_full_disk_does_not_stop_the_command():
    capture = Capture(Path("/dev/full"), 100)
    capture.write(b"output")
    capture.close()
    assert capture.total_bytes == 6
