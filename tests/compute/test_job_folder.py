"""Records that are there whole or not at all."""

import pytest

from ml_intern.compute.job_folder import read_document, write_document, write_first


def test_only_the_first_is_written(tmp_path):
    path = tmp_path / "claim.json"
    assert write_first(path, {"who": 1})
    assert not write_first(path, {"who": 2})
    assert read_document(path) == {"who": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["claim.json"]


def test_a_later_document_replaces_the_earlier(tmp_path):
    path = tmp_path / "exit.json"
    write_document(path, {"exit_code": 0})
    write_document(path, {"exit_code": 1})
    assert read_document(path) == {"exit_code": 1}


def test_what_is_not_there_is_none(tmp_path):
    assert read_document(tmp_path / "missing" / "claim.json") is None


@pytest.mark.parametrize("content", ["[1]", "{", ""])
def test_what_is_not_ours_is_said(tmp_path, content):
    (tmp_path / "claim.json").write_text(content)
    with pytest.raises(ValueError, match=r".+"):
        read_document(tmp_path / "claim.json")
