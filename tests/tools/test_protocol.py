"""What a tool may read: the workspace, what is not hidden beside the task, and what was named."""

import pytest

from ml_intern.errors import InputError
from tests.support.contexts import a_place


@pytest.fixture
def folder(tmp_path):
    for name in ("workspace", "started_in/.ssh", "state/held_out", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("started_in/data.csv", "started_in/.ssh/id", "elsewhere/x.csv", "state/db"):
        (tmp_path / name).write_text("1")
    return tmp_path


def test_a_relative_path_is_found_beside_the_task(folder):
    assert a_place(folder).readable("data.csv") == folder / "started_in/data.csv"


def test_the_workspace_comes_first(folder):
    (folder / "workspace/data.csv").write_text("2")
    assert a_place(folder).readable("data.csv") == folder / "workspace/data.csv"


@pytest.mark.parametrize("path", [".ssh/id", "../elsewhere/x.csv", "/proc/self/environ", "~/x"])
def test_what_is_hidden_or_elsewhere_is_refused(folder, path):
    with pytest.raises(InputError, match="nobody named it"):
        a_place(folder).readable(path)


def test_a_path_that_the_person_named_may_be_read(folder):
    path = str(folder / "elsewhere/x.csv")
    assert str(a_place(folder, said=(f"Train on {path}, please",)).readable(path)) == path


def test_a_file_below_a_named_folder_may_be_read(folder):
    place = a_place(folder, said=(f"Train on {folder / 'elsewhere'}.",))
    assert place.readable(str(folder / "elsewhere/x.csv")) == folder / "elsewhere/x.csv"


def test_a_path_is_not_named_by_a_longer_one(folder):
    place = a_place(folder, said=(f"Train on {folder / 'elsewhere'}/x.csv.old",))
    with pytest.raises(InputError):
        place.readable(str(folder / "elsewhere/x.csvx"))


@pytest.mark.parametrize("path", ["named.csv", "sub/named.csv"])
def test_a_link_in_the_workspace_opens_nothing_by_bearing_a_name_of_the_persons(folder, path):
    """The session's code could make one that leads to anything."""
    link = folder / "workspace" / path
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(folder / "elsewhere/x.csv")
    place = a_place(folder, said=(f"Train on {path} or on {link}.",))
    for way in (path, str(link)):
        with pytest.raises(InputError, match="nobody named it"):
            place.readable(way)


def test_a_link_in_the_workspace_may_lead_to_what_the_person_named(folder):
    (folder / "workspace/copy.csv").symlink_to(folder / "elsewhere/x.csv")
    place = a_place(folder, said=(f"Train on {folder / 'elsewhere/x.csv'}",))
    assert place.readable("copy.csv") == folder / "elsewhere/x.csv"


def test_a_link_that_the_person_named_may_be_read(folder):
    (folder / "started_in/link.csv").symlink_to(folder / "elsewhere/x.csv")
    place = a_place(folder, said=("Train on link.csv",))
    assert place.readable("link.csv") == folder / "elsewhere/x.csv"


def test_the_records_are_refused_even_when_named(folder):
    path = str(folder / "state/held_out")
    with pytest.raises(InputError, match="out of reach"):
        a_place(folder, said=(path,)).readable(path)


def test_nothing_is_written_outside_the_workspace(folder):
    (folder / "workspace/link").symlink_to(folder / "elsewhere")
    place = a_place(folder)
    assert place.writable("a/b.txt") == folder / "workspace/a/b.txt"
    for path in ("../x", "/etc/passwd", "link/x"):
        with pytest.raises(InputError, match="outside the workspace"):
            place.writable(path)
