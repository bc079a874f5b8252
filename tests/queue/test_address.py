from pathlib import Path

import pytest

from ml_intern.errors import InputError
from ml_intern.queue import address


def test_a_path_is_a_file_wherever_it_begins(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in ("a.db", str(tmp_path / "a.db"), f"sqlite:///{tmp_path}/a.db", "sqlite:///a.db"):
        assert address.file_of(address.parse(words)) == tmp_path / "a.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg(scheme: str) -> None:
    url = address.parse(f"{scheme}://ada:secret@host:5432/lab")
    assert url.drivername == "postgresql+psycopg"
    assert address.file_of(url) is None
    assert address.shown(url) == "postgresql+psycopg://ada:***@host:5432/lab"


@pytest.mark.parametrize("words", ["mysql://x/y", "://", "http://x", "sqlite://", "", ":memory:"])
def test_what_is_no_database_of_ours_is_refused(words: str) -> None:
    with pytest.raises(InputError):
        address.parse(words)
