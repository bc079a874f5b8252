"""Nobody leads the file tools out of the workspace, also not between the check and the act."""

import os

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.files.beneath import open_beneath, open_plain, read_beneath, write_beneath


@pytest.fixture
def root(tmp_path):
    (tmp_path / "workspace" / "folder").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    return tmp_path / "workspace"


def test_a_folder_that_became_a_link_after_the_check_is_not_followed(root):
    outside = root.parent / "outside"
    (outside / "file").write_text("secret")
    checked = root / "folder" / "file"
    (root / "folder").rmdir()
    (root / "folder").symlink_to(outside)
    with pytest.raises(OSError, match="folder"):
        write_beneath(root, checked, b"x")
    with pytest.raises(OSError, match="folder"):
        read_beneath(root, checked, 10)
    assert (outside / "file").read_text() == "secret"


def test_a_file_that_became_a_link_after_the_check_is_not_followed(root):
    target = root.parent / "outside" / "file"
    target.write_text("secret")
    (root / "file").symlink_to(target)
    with pytest.raises(OSError, match="file"):
        read_beneath(root, root / "file", 10)
    with pytest.raises(InputError, match="not a file"):
        write_beneath(root, root / "file", b"x")
    assert target.read_text() == "secret"


@pytest.mark.timeout(10)
def test_a_pipe_is_refused_and_not_waited_for(root):
    os.mkfifo(root / "pipe")
    with pytest.raises(InputError, match="pipe"):
        read_beneath(root, root / "pipe", 10)
    with pytest.raises(InputError, match="pipe"):
        open_plain(root / "pipe")
    with pytest.raises(InputError, match="not a file"):
        write_beneath(root, root / "pipe", b"x")


def test_a_folder_is_refused(root):
    with pytest.raises(InputError, match="is a folder"):
        read_beneath(root, root / "folder", 10)


def test_what_is_not_there_is_none(root):
    assert read_beneath(root, root / "missing" / "file", 10) is None
    with pytest.raises(FileNotFoundError), open_beneath(root, root / "missing"):
        pass


def test_a_file_keeps_its_mode_and_leaves_no_draft(root):
    script = root / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    write_beneath(root, script, b"new")
    assert script.read_bytes() == b"new"
    assert script.stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in root.iterdir()) == ["folder", "run.sh"]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(root, monkeypatch):
    (root / "file").write_text("old")

    def full(_fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write_beneath(root, root / "file", b"new")
    assert (root / "file").read_text() == "old"
    assert sorted(path.name for path in root.iterdir()) == ["file", "folder"]


def test_folders_on_the_way_are_made(root):
    write_beneath(root, root / "a" / "b" / "file", b"x")
    assert read_beneath(root, root / "a" / "b" / "file", 10) == b"x"
