"""The copy of a model's folder is there whole or not at all."""

import pytest

from ml_intern.tools.training.repository import lay_out, open_repository


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("README.md", "config.json", "notes.txt"):
        (folder / name).write_text(name)
    return folder


def test_only_what_belongs_there_is_copied(model, tmp_path):
    lay_out(open_repository(model), tmp_path / "copy", {})
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {".gitattributes", "README.md", "config.json"}


def test_a_file_may_have_another_text_there(model, tmp_path):
    lay_out(open_repository(model), tmp_path / "copy", {"README.md": "other"})
    assert (tmp_path / "copy" / "README.md").read_text() == "other"
    assert (model / "README.md").read_text() == "README.md"


def test_a_copy_that_fails_leaves_nothing(model, tmp_path):
    repository = open_repository(model)
    (model / "config.json").unlink()
    with pytest.raises(FileNotFoundError):
        lay_out(repository, tmp_path / "copy", {})
    assert not (tmp_path / "copy").exists()
