"""The home of the session's code, whatever happened to it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_intern.tools.confinement import home_of
from tests.support.contexts import a_place


def test_reads_side_by_side_make_one_home(tmp_path):
    for number in range(30):
        place = a_place(tmp_path / str(number))
        place.workspace.mkdir(parents=True)
        start = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            homes = set(pool.map(lambda _, p=place, s=start: (s.wait(), home_of(p))[1], range(4)))
        assert homes == {place.workspace / ".home"}


@pytest.mark.parametrize("spoil", ["file", "link"])
def test_what_was_put_in_its_place_is_taken_away(tmp_path, spoil):
    place = a_place(tmp_path)
    place.workspace.mkdir(parents=True)
    home = place.workspace / ".home"
    if spoil == "file":
        home.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        home.symlink_to(tmp_path / "elsewhere")
    assert home_of(place).is_dir()
    assert not home.is_symlink()
