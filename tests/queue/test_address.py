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
    assert address.shown(url) == "postgresql://ada:***@host:5432/lab"


@pytest.mark.parametrize("words", ["mysql://x/y", "://", "http://x", "sqlite://", "", ":memory:"])
def test_what_is_no_database_of_ours_is_refused(words: str) -> None:
    with pytest.raises(InputError):
        address.parse(words)


@pytest.mark.parametrize(
    "words",
    [
        "postgresql://ada:secret@host:port/lab",
        "postgresql://ada:pass@secret@host/lab",
        "postgresql:/ada:secret@host/lab",
        "postgres:ada:secret@host",
        "mysql://ada:secret@host/lab",
    ],
)
def test_an_address_that_cannot_be_used_is_not_repeated(words: str) -> None:
    with pytest.raises(InputError) as raised:
        address.parse(words)
    assert "secret" not in str(raised.value)


def test_passwords_among_the_options_are_not_shown() -> None:
    url = address.parse("postgresql://host/lab?password=secret&sslpassword=secret&sslmode=require")
    assert address.shown(url) == "postgresql://host/lab?sslmode=require"
    assert address.passwords(url) == ["secret", "secret"]
