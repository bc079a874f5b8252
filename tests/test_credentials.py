"""Secrets: systemd's files before the environment."""

from pathlib import Path

import pytest

from ml_intern.credentials import credential_files, secret
from ml_intern.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_a_credential_comes_before_the_variable_of_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "from the environment")
    assert secret("HF_TOKEN") == "from the environment"
    (folder / "HF_TOKEN").write_text("from systemd\n")
    assert secret("HF_TOKEN") == "from systemd"


def test_an_empty_one_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "HF_TOKEN").write_text("\n")
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert [secret(name) for name in ("HF_TOKEN", "OPENAI_API_KEY", "NOWHERE")] == [None] * 3


def test_every_file_is_a_secret_whatever_its_name(folder: Path) -> None:
    (folder / "HF_TOKEN").write_text("hf_1")
    (folder / "slack").write_text("xoxb-1\n")
    (folder / "empty").write_text("")
    assert credential_files() == {"HF_TOKEN": "hf_1", "slack": "xoxb-1"}


def test_without_systemd_there_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert credential_files() == {}


def test_one_that_is_no_text_is_named_but_not_shown(folder: Path) -> None:
    (folder / "HF_TOKEN").write_bytes(b"\xff\xfe secret")
    with pytest.raises(ConfigError, match=r"HF_TOKEN is not text") as raised:
        secret("HF_TOKEN")
    assert "secret" not in str(raised.value)
